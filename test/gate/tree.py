"""What the gates read: the files of a source tree, ours only.

A gate is a module with `check(root, ...)`, which returns problems as sentences, and
with `BAD`, a made-up tree that breaks its rule, and `FOUND`, what it must say about it.
run.py runs both, so a gate that can no longer fail is a failing test.
"""

import os
from pathlib import Path

# Folders that are not source: build trees, downloaded packages, caches.
SKIPPED = {"node_modules", "__pycache__", ".git", ".pytest_cache"}


def files(root, folders, suffixes=None):
    """Paths of the regular files under the folders of root, sorted; suffixes like (".c", ".h")."""
    for folder in folders:
        for place, below, names in os.walk(Path(root) / folder):
            below[:] = sorted(d for d in below if d not in SKIPPED and not d.startswith("build"))
            for name in sorted(names):
                path = Path(place) / name
                if suffixes is None or path.suffix in suffixes:
                    yield path


def lines(path):
    """The numbered lines of a text file; nothing of a file that is not text."""
    data = path.read_bytes()
    if b"\0" in data:
        return
    for number, line in enumerate(data.decode("utf-8", "replace").splitlines(), 1):
        yield number, line


def write(root, tree):
    for path, text in tree.items():
        target = Path(root) / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
