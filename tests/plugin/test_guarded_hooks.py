"""Bugs of ours in the hooks around tests and fixtures: the tests end as they would without us."""

from __future__ import annotations

from fix_suite import CONFTEST, Suite

PLANTED = """
from pytest_planguard.capture.recorder import Recorder
from pytest_planguard.plugin import collector

entered = []

def broken(*_, **__):
    raise RuntimeError("planted")

def enter_shared(self, scope):
    if entered:  # it begins to be undone
        broken()
    entered.append(scope)
    return broken

Recorder.enter = collector.wants_capture = broken
Recorder.enter_shared = enter_shared
"""

SHARED = """
@pytest.fixture(scope="session", autouse=True)
def shared():
    yield
"""


def test_a_bug_around_tests_and_fixtures_costs_the_capture_only(suite: Suite) -> None:
    suite.write(planted=PLANTED, conftest=CONFTEST + SHARED)
    result = suite.run("-p", "planted", "--planguard")
    result.stdout.fnmatch_lines(
        [
            "error: capture was switched off: hooks: RuntimeError: planted",
            "*2 passed, 1 planguard error*",
        ]
    )
    assert result.ret == 1  # nobody knows what was not seen: that is no green run
    assert suite.judged.interrupted == "capture was switched off"
    assert len(suite.judged.finished) == 2
