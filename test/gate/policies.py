"""Every shipped policy is a folder with its code, manual and test, and no policy is longer than 150 lines."""

from pathlib import Path

LINES_MOST = 150


def check(root):
    problems = []
    for folder in sorted((Path(root) / "plugins").iterdir()):
        if not folder.is_dir():
            continue
        place = f"plugins/{folder.name}"
        for need in (f"{folder.name}.c", "README.md", "test.c"):
            if not (folder / need).is_file():
                problems.append(f"{place}: no {need}")
        for path in sorted(folder.glob("*.[ch]")):
            count = len(path.read_text().splitlines())
            if path.name != "test.c" and count > LINES_MOST:
                problems.append(f"{place}/{path.name}: {count} lines, more than {LINES_MOST}")
    return problems


BAD = {
    "plugins/README.md": "",
    "plugins/a/a.c": "\n" * 151,
    "plugins/a/README.md": "",
    "plugins/a/test.c": "\n" * 500,
    "plugins/b/b.c": "\n" * 150,
}
FOUND = [
    "plugins/a/a.c: 151 lines, more than 150",
    "plugins/b: no README.md",
    "plugins/b: no test.c",
]
