"""Adds up the test cases that meson and pytest ran; prints `N passed, N failed, N skipped`.

usage: sum.py FOLDER, which holds meson.json (meson's testlog.json) and flow.xml (pytest's JUnit file), either may be missing.
Exits 1 if anything failed or nothing ran.
"""

import json
import re
import sys
import xml.etree.ElementTree
from collections import Counter
from pathlib import Path

CASE = re.compile(r"^(not )?ok\b[^#\n]*(#\s*skip)?", re.IGNORECASE | re.MULTILINE)
SKIP_ALL = re.compile(r"^1\.\.0\b", re.MULTILINE)


def meson_cases(log):
    """The outcomes of the TAP cases in meson's log; a program that died adds a failure of its own."""
    for line in log.splitlines():
        test = json.loads(line)
        output = test.get("stdout", "")
        cases = ["failed" if case.group(1) else "skipped" if case.group(2) else "passed" for case in CASE.finditer(output)]
        if test["result"] == "SKIP" or (SKIP_ALL.search(output) and not cases):
            cases = cases or ["skipped"]
        elif test["result"] != "OK" and "failed" not in cases:
            cases.append("failed")
        yield from cases


def pytest_cases(text):
    for case in xml.etree.ElementTree.fromstring(text).iter("testcase"):
        kinds = {child.tag for child in case}
        yield "failed" if kinds & {"failure", "error"} else "skipped" if "skipped" in kinds else "passed"


def main():
    folder = Path(sys.argv[1])
    count = Counter()
    if (folder / "meson.json").exists():
        count.update(meson_cases((folder / "meson.json").read_text()))
    if (folder / "flow.xml").exists():
        count.update(pytest_cases((folder / "flow.xml").read_text()))
    print(f"{count['passed']} passed, {count['failed']} failed, {count['skipped']} skipped")
    return 1 if count["failed"] or not count.total() else 0


if __name__ == "__main__":
    sys.exit(main())
