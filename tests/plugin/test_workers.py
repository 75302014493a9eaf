"""Bugs of ours on the way from a worker to the controller: the tests' own results stay."""

from __future__ import annotations

import pytest

from fix_suite import Suite

TAKING = """
from pytest_planguard.capture.recorder import Recorder
def broken(self):
    raise RuntimeError("take")
Recorder.take_apart = broken
"""

MORE = """
import app
import pytest

@pytest.mark.xdist_group("one")
@pytest.mark.parametrize("n", range(4))
def test_more(connection, n):
    app.find(connection, n)
"""

CRASH = """
import os
import app

def test_crash(connection):
    app.bad(connection)
    os._exit(3)
"""

READING = """
from pytest_planguard.capture.merge import Merger
add = Merger.add
def broken(self, capture, *worker):
    if capture.finished:
        raise RuntimeError("add")
    add(self, capture, *worker)
Merger.add = broken
"""


@pytest.mark.parametrize("suite", ["workers"], indirect=True)
@pytest.mark.parametrize(("bug", "where"), [(TAKING, "take"), (READING, "add")])
def test_a_bug_in_what_workers_send_costs_the_capture_only(
    suite: Suite, bug: str, where: str
) -> None:
    suite.write(planted=bug)
    result = suite.run("-p", "planted", "--planguard")
    result.stdout.fnmatch_lines(["*2 passed, 1 planguard error*"])
    assert result.ret == 1  # nobody knows what was not seen: that is no green run
    result.stdout.no_fnmatch_line("*INTERNALERROR*")
    result.stdout.fnmatch_lines([f"error: capture was switched off: xdist: RuntimeError: {where}"])
    assert suite.judged.interrupted == "capture was switched off"
    assert not suite.judged.complete


@pytest.mark.parametrize("suite", ["workers"], indirect=True)
@pytest.mark.parametrize("how", ["loadfile", "worksteal", "loadgroup"])
def test_however_tests_are_handed_out_all_is_captured(suite: Suite, how: str) -> None:
    suite.write(test_other=MORE)
    result = suite.run("--planguard", "--planguard-capture-only", f"--dist={how}")
    assert result.ret == 0
    captured = suite.captured
    assert captured.complete
    assert len(captured.finished) == len(captured.collected) == 6
    (found,) = captured.statements
    assert {place.test for place in found.places} == set(captured.finished)
    assert {place.executions for place in found.places} == {1}


@pytest.mark.parametrize("suite", ["workers"], indirect=True)
def test_a_worker_that_crashes_is_replaced_and_what_finished_stays(suite: Suite) -> None:
    suite.write(test_other=MORE, test_crash=CRASH)
    result = suite.run("--planguard", "--planguard-capture-only")
    assert result.ret == 1
    captured = suite.captured
    assert len(captured.finished) == 6
    assert "test_crash.py::test_crash" in set(captured.collected) - set(captured.finished)
    (found,) = [one for one in captured.statements if "found" in one.text]
    assert {place.test for place in found.places} == set(captured.finished)
    assert captured.interrupted.startswith("worker gw")
    assert not captured.complete
