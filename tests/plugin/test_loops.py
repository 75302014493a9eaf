"""A loop of the application is told from a loop of the suite."""

from __future__ import annotations

import pytest

from fix_suite import Suite

APP = """
def find(connection, n):
    return connection.execute("SELECT %s::int AS found", [n]).fetchone()

def find_all(connection, numbers):
    return [find(connection, n) for n in numbers]

def poll(connection):
    for _ in range(9):
        find(connection, 1)
"""

TESTS = """
import app
import pytest

def test_once(connection):
    app.find_all(connection, range(7))

def test_loop(connection):
    for n in range(7):
        app.find(connection, n)

def test_comprehension(connection):
    assert [app.find(connection, n) for n in range(7)]

def test_lines(connection):
    app.find(connection, 1)
    app.find(connection, 2)
    app.find(connection, 3)
    app.find(connection, 4)
    app.find(connection, 5)

def test_same(connection):
    app.poll(connection)

@pytest.fixture
def made(connection):
    return app.find_all(connection, range(7))

def test_made(made):
    pass
"""


@pytest.fixture
def distinct(suite: Suite) -> dict[str, tuple[int, int]]:
    """Executions and distinct values by test."""
    suite.write(app=APP, test_app=TESTS)
    suite.run("--planguard", "--planguard-capture-only").assert_outcomes(passed=6)
    (statement,) = [one for one in suite.captured.statements if "found" in one.text]
    return {
        place.test.partition("::test_")[2]: (place.executions, place.distinct)
        for place in statement.places
    }


def test_only_what_one_call_of_the_suite_repeats_is_counted_together(
    distinct: dict[str, tuple[int, int]],
) -> None:
    assert distinct == {
        "once": (7, 5),
        "loop": (7, 0),
        "comprehension": (7, 0),
        "lines": (5, 1),
        "same": (9, 1),
        "made": (7, 5),  # in setup, which the rule leaves aside
    }
