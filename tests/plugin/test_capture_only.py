from __future__ import annotations

import pytest

from fix_suite import CONFTEST, Suite
from pytest_planguard.capture import file


def test_the_capture_is_written_and_nothing_is_judged(suite: Suite) -> None:
    result = suite.run("--planguard", "--planguard-capture-only")
    assert result.ret == 0
    result.stdout.fnmatch_lines(["1 statement of 2 tests captured in .planguard/capture.json.gz"])
    assert not (suite.pytester.path / "seen.json").exists()
    assert len(suite.captured.statements) == 1
    assert (suite.pytester.path / ".planguard" / ".gitignore").read_text() == "*\n"


def test_the_environment_asks_too(suite: Suite, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLANGUARD_CAPTURE_ONLY", "1")
    suite.run("--planguard")
    assert not (suite.pytester.path / "seen.json").exists()
    monkeypatch.setenv("PLANGUARD_CAPTURE_ONLY", "perhaps")
    result = suite.run("--planguard")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*PLANGUARD_CAPTURE_ONLY: found 'perhaps', wanted 1 or 0"])


def test_the_file_goes_where_the_option_says(suite: Suite) -> None:
    suite.run("--planguard", "--planguard-capture-file=out/here.gz")
    path = suite.pytester.path / "out" / "here.gz"
    assert len(file.read(path).statements) == 1
    assert not (path.parent / ".gitignore").exists()


def test_a_file_that_cannot_be_written_fails_where_it_is_all_that_was_wanted(suite: Suite) -> None:
    (suite.pytester.path / "taken").write_text("")
    arguments = ("--planguard", "--planguard-capture-file=taken/here.gz")
    result = suite.run(*arguments, "--planguard-capture-only")
    assert result.ret == 1
    result.stdout.fnmatch_lines(["error: capture file *taken/here.gz cannot be written*"])
    result = suite.run(*arguments)
    assert result.ret == 0
    result.stdout.fnmatch_lines(
        ["judged*", "warning: capture file *cannot be written*", "  later commands *elsewhere"]
    )


MANY = """
import app
import pytest

@pytest.fixture(scope="module")
def shared():
    return []

@pytest.mark.parametrize("number", range(100))
def test_one_of_many(connection, shared, number):
    app.find(connection, number)

@pytest.mark.parametrize("times", [1, 3])
def test_loop(connection, shared, times):
    for number in range(times):
        app.find(connection, 1_000 * times + number)
    app.bad(connection)
"""
"""More values than are kept of a statement, and calls in a loop."""

SHUFFLED = (
    CONFTEST
    + """
import random

def pytest_collection_modifyitems(items):
    random.Random(os.environ["ORDER"]).shuffle(items)
"""
)


def test_two_runs_capture_the_same_in_whatever_order_tests_run(
    suite: Suite, monkeypatch: pytest.MonkeyPatch
) -> None:
    suite.write(test_app=MANY, conftest=SHUFFLED)
    runs, orders = [], []
    for order in ("1", "2"):
        monkeypatch.setenv("ORDER", order)
        result = suite.run("--planguard", "--planguard-capture-only", "-v")
        result.assert_outcomes(passed=102)
        runs.append((suite.captured.statements, suite.captured.collected))
        orders.append([line for line in result.outlines if "PASSED" in line])
    assert runs[0] == runs[1]
    assert orders[0] != orders[1]
