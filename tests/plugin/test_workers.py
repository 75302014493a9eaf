"""Bugs of ours on the way from a worker to the controller: the tests' own results stay."""

from __future__ import annotations

import pytest

from fix_suite import Suite

TAKING = """
from pytest_planguard.capture.recorder import Recorder
def broken(self):
    raise RuntimeError("take")
Recorder.take = broken
"""

READING = """
from pytest_planguard.capture.merge import Merger
add = Merger.add
def broken(self, capture):
    if capture.finished:
        raise RuntimeError("add")
    add(self, capture)
Merger.add = broken
"""


@pytest.mark.parametrize("suite", ["workers"], indirect=True)
@pytest.mark.parametrize(("bug", "where"), [(TAKING, "take"), (READING, "add")])
def test_a_bug_in_what_workers_send_costs_the_capture_only(
    suite: Suite, bug: str, where: str
) -> None:
    suite.write(planted=bug)
    result = suite.run("-p", "planted", "--planguard")
    result.assert_outcomes(passed=2)
    assert result.ret == 0
    result.stdout.no_fnmatch_line("*INTERNALERROR*")
    result.stdout.fnmatch_lines([f"*capture was switched off: xdist: RuntimeError: {where}"])
