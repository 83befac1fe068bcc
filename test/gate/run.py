#!/usr/bin/python3
"""Runs one gate on the tree and on its made-up bad tree; prints TAP.  usage: run.py GATE ROOT"""

import importlib
import sys
import tempfile
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).parent))
import tree  # noqa: E402


def report(number, good, name, notes):
    print(f"{'ok' if good else 'not ok'} {number} - {name}")
    for note in notes:
        print(f"# {note}")
        if not good:
            print(note, file=sys.stderr)
    return good


def self_test(gate):
    """What the gate should have said about its bad tree and did not, or said beyond it."""
    with tempfile.TemporaryDirectory() as root:
        tree.write(root, gate.BAD)
        said = gate.check(root)
    notes = [f"does not say: {want}" for want in gate.FOUND if not any(one.startswith(want) for one in said)]
    if len(said) != len(gate.FOUND):
        notes += [f"said: {one}" for one in said]
    return notes


def main():
    name, root = sys.argv[1:3]
    gate = importlib.import_module(name)
    if not getattr(gate, "usable", lambda: True)():
        print(f"1..0 # SKIP {gate.SKIP}")
        return 0
    problems = gate.check(root)
    good = report(1, not problems, gate.__doc__.splitlines()[0], problems)
    faults = self_test(gate)
    good &= report(2, not faults, "the gate finds a made-up fault", faults)
    print("1..2")
    return 0 if good else 1


sys.exit(main())
