"""The sum at the end of test/run: a failure that it misses would be a failure nobody sees."""

import json

from kit.sum import meson_cases, pytest_cases


def log(*tests):
    return "\n".join(json.dumps(test) for test in tests)


def test_tap_cases_are_counted_one_by_one():
    output = "1..3\nok 1 - a\nnot ok 2 - b\nok 3 - c # SKIP no such thing here\n# ok, a remark\n"
    assert list(meson_cases(log({"result": "FAIL", "stdout": output}))) == ["passed", "failed", "skipped"]


def test_a_program_that_dies_after_its_cases_is_a_failure():
    assert list(meson_cases(log({"result": "ERROR", "stdout": "ok 1 - a\n"}))) == ["passed", "failed"]


def test_a_program_that_says_nothing_is_a_failure():
    assert list(meson_cases(log({"result": "TIMEOUT"}))) == ["failed"]


def test_a_skipped_program_is_one_skip():
    assert list(meson_cases(log({"result": "SKIP", "stdout": "1..0 # SKIP no tool\n"}))) == ["skipped"]


def test_pytest_failures_errors_and_skips():
    text = """<testsuites><testsuite>
        <testcase name="a"/><testcase name="b"><failure/></testcase>
        <testcase name="c"><error/></testcase><testcase name="d"><skipped/></testcase>
    </testsuite></testsuites>"""
    assert list(pytest_cases(text)) == ["passed", "failed", "failed", "skipped"]
