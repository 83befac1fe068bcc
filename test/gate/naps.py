"""Tests and benches wait for facts, never for time."""

import re
from pathlib import Path

import tree

# Put together from pieces, so that this file is not its own first finding.
NAP = "sl" + "eep"
CALL = re.compile(rf"(?:^|[^a-z_])(?:time\.|asyncio\.|u|nano|clock_nano)?{NAP}\s*\(")
COMMAND = re.compile(rf"(?:^|[;&|]|\bdo\b|\bthen\b)\s*{NAP}\s+[\d.$]")


def check(root):
    root = Path(root)
    problems = []
    for path in tree.files(root, ["test", "bench"]):
        if "corpus" in path.parts:
            continue
        for number, line in tree.lines(path):
            if CALL.search(line) or COMMAND.search(line):
                problems.append(f"{path.relative_to(root)}:{number}: waits for time: {line.strip()}")
    return problems


BAD = {
    "test/flow/a.py": f"import time\ntime.{NAP}(1)\nasyncio.{NAP}(1)\n",
    "bench/b.c": f"void f(void)\n{{\n    u{NAP}(10);\n}}\n",
    "bench/demo": f"while true; do {NAP} 1; done\n",
    "test/flow/fine.py": f"the_cluster.is_a{NAP}()\n",
}
FOUND = [
    f"test/flow/a.py:2: waits for time: time.{NAP}(1)",
    f"test/flow/a.py:3: waits for time: asyncio.{NAP}(1)",
    f"bench/b.c:3: waits for time: u{NAP}(10);",
    f"bench/demo:1: waits for time: while true; do {NAP} 1; done",
]
