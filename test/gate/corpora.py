"""Every fuzz target has a corpus, and every corpus a target: test/fuzz/fuzz_X.c and test/fuzz/corpus/X/."""

from pathlib import Path


def check(root):
    fuzz = Path(root) / "test" / "fuzz"
    targets = {path.stem.removeprefix("fuzz_") for path in fuzz.glob("fuzz_*.c*")}
    corpora = {path.name for path in (fuzz / "corpus").iterdir()} if (fuzz / "corpus").is_dir() else set()
    problems = [f"test/fuzz/fuzz_{name}.c: no corpus test/fuzz/corpus/{name}/" for name in sorted(targets - corpora)]
    problems += [f"test/fuzz/corpus/{name}: no target test/fuzz/fuzz_{name}.c" for name in sorted(corpora - targets)]
    problems += [f"test/fuzz/corpus/{name}: empty" for name in sorted(targets & corpora)
                 if not any((fuzz / "corpus" / name).iterdir())]
    return problems


BAD = {
    "test/fuzz/fuzz_lonely.c": "",
    "test/fuzz/corpus/orphan/one": "x",
}
FOUND = [
    "test/fuzz/fuzz_lonely.c: no corpus test/fuzz/corpus/lonely/",
    "test/fuzz/corpus/orphan: no target test/fuzz/fuzz_orphan.c",
]
