"""Fixtures of the flow tests: a stage for one test, or one that a module's tests share."""

import pytest

from kit.stage import Stage

_stages = pytest.StashKey()


def _play(folder, session):
    stage = Stage(folder)
    session.stash.setdefault(_stages, []).append(stage)
    yield stage
    faults = stage.finish()
    session.stash[_stages].remove(stage)
    if faults:
        for title, text in stage.said():
            print(f"--- {title}\n{text}")
        pytest.fail("; ".join(faults), pytrace=False)


@pytest.fixture
def stage(tmp_path, request):
    """A stage of the test's own."""
    yield from _play(tmp_path, request.session)


@pytest.fixture(scope="module")
def shared_stage(tmp_path_factory, request):
    """A stage that the tests of a module share: they must leave it as they found it."""
    yield from _play(tmp_path_factory.mktemp("shared"), request.session)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    if report.failed and call.when in ("setup", "call"):
        for stage in item.session.stash.get(_stages, []):
            for title, text in stage.said():
                report.sections.append((title, text))
