"""The C sources are as clang-format 14 writes them."""

import shutil
import subprocess
from pathlib import Path

import tree

TOOL = "clang-format-14"
SKIP = f"{TOOL} is not installed (Debian 13 has no such package)"


def usable():
    return shutil.which(TOOL) is not None


def check(root):
    root = Path(root)
    paths = list(tree.files(root, ["router", "plugins", "include", "bench", "test"], (".c", ".h", ".cc", ".cpp")))
    problems = []
    for path in paths:
        formatted = subprocess.run([TOOL, str(path)], capture_output=True, check=True).stdout
        if formatted != path.read_bytes():
            problems.append(f"{path.relative_to(root)}: not as {TOOL} -i writes it")
    return problems


BAD = {
    ".clang-format": "BasedOnStyle: LLVM\n",
    "router/base/ugly.c": "int  f(void){return 1 ;}\n",
    "router/base/fine.c": "int f(void) { return 1; }\n",
}
FOUND = ["router/base/ugly.c: not as clang-format-14 -i writes it"]
