from __future__ import annotations

from fix_suite import Suite

TESTS = """
import app
import pytest

def test_watches(connection, planguard):
    app.find(connection, 1)
    with planguard.watch() as seen:
        app.find(connection, 2)
        app.find(connection, 3)
    app.bad(connection)
    (query,) = seen.queries
    assert query.sql == "SELECT $1::int AS found"
    assert query.executions == 2
    assert query.plans[0].root.node_type == "Seq Scan"
    assert query.unexplained is None

@pytest.mark.planguard(capture=False)
def test_watches_what_is_not_captured(connection, planguard):
    with planguard.watch() as seen:
        app.bad(connection)
    assert len(seen.queries) == 1
    assert seen.queries is seen.queries
"""


def test_watching_gives_the_queries_of_a_block(suite: Suite) -> None:
    suite.write(test_app=TESTS)
    result = suite.run("--planguard")
    result.assert_outcomes(passed=2)
    assert sum(statement.executions for statement in suite.captured.statements) == 4


def test_watching_needs_planguard(suite: Suite) -> None:
    suite.write(test_app=TESTS)
    suite.run().assert_outcomes(skipped=2)
