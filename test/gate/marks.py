"""Nothing unfinished stays in the tree: no marks of work left for later."""

import re
from pathlib import Path

import tree

MARK = re.compile(r"\b(TO" r"DO|FIX" r"ME|X" r"XX)\b|\bnot imple" r"mented\b|unimple" r"mented")


def check(root):
    root = Path(root)
    problems = []
    for path in tree.files(root, ["router", "plugins", "include", "bench", "test", "docker", ".ci"]):
        if "corpus" in path.parts or path.name == "package-lock.json":
            continue
        for number, line in tree.lines(path):
            mark = MARK.search(line)
            if mark:
                problems.append(f"{path.relative_to(root)}:{number}: {mark.group(0)}: {line.strip()}")
    return problems


BAD = {
    "router/base/a.c": "/* TO" "DO: later */\nint f(void);\n",
    "plugins/x/x.c": "return -1; /* not imple" "mented */\n",
    "bench/fine.c": "/* a to-do list of requests */\n",
}
FOUND = [
    "router/base/a.c:1: TO" "DO: /* TO" "DO: later */",
    "plugins/x/x.c:1: not imple" "mented: return -1; /* not imple" "mented */",
]
