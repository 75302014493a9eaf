import pytest

from pytest_planguard.model.capture import Capture
from pytest_planguard.model.plan import Plan, Planned, PlanNode, SampleKind, Unexplained
from pytest_planguard.model.statement import Session, Statement
from pytest_planguard.model.statistics import ProductionCall
from pytest_planguard.sql.calls import (
    loads,
    of_applications,
    text_of_call,
    text_of_query,
    uncovered,
    without_values,
)
from pytest_planguard.sql.normalise import queries


def query(sql):
    (found,) = queries(Capture((Statement(sql, (), Session("db", "psycopg")),)))
    return found


@pytest.mark.parametrize(
    ("production", "suite"),
    [
        ("SELECT * FROM t WHERE id = $1", "select * from t where id = 7"),
        ("SELECT  a\nFROM t /* x */ WHERE b = $1 AND c = $2",
         "SELECT a FROM t WHERE b='x' AND c=true"),
        ("SELECT * FROM t WHERE id IN ($1, $2, $3)", "SELECT * FROM t WHERE id IN (1, 2)"),
        ("SELECT * FROM t WHERE id IN ($1 /*, ... */)", "SELECT * FROM t WHERE id IN (1, 2, 3)"),
        ("SELECT a FROM t WHERE d > interval $1", "SELECT a FROM t WHERE d > interval '1 day'"),
        ("SELECT * FROM t WHERE d = date $1", "SELECT * FROM t WHERE d = date '2026-01-01'"),
        ("INSERT INTO t (a, b) VALUES ($1, $2), ($3, $4)", "INSERT INTO t (a, b) VALUES (1, NULL)"),
        ("UPDATE t SET a = $1 WHERE b IS NULL", "UPDATE t SET a = NULL WHERE b IS NULL"),
        ("SELECT * FROM t WHERE a = $1", "SELECT * FROM t WHERE a = - 5"),
        ("SELECT * FROM t ORDER BY a LIMIT $1", "SELECT * FROM t ORDER BY a LIMIT 10"),
        ("SELECT * FROM t WHERE a = $1::uuid", "SELECT * FROM t WHERE a = 'x'::uuid"),
        ("SELECT ARRAY[$1, $2] FROM t", "SELECT ARRAY[1, 2, 3] FROM t"),
    ],
)  # fmt: skip
def test_the_same_statement_matches_however_constants_were_replaced(production, suite):
    assert text_of_call(production) == text_of_query(query(suite))


@pytest.mark.parametrize(
    ("production", "suite"),
    [
        ("SELECT * FROM t WHERE a = $1", "SELECT * FROM t WHERE b = 1"),
        ("SELECT * FROM t WHERE a IS NULL", "SELECT * FROM t WHERE a IS NOT NULL"),
        ("SELECT a FROM t", "SELECT a FROM u"),
        ("SELECT f($1) FROM t", "SELECT f(1, 2) FROM t"),
    ],
)
def test_other_statements_do_not(production, suite):
    assert text_of_call(production) != text_of_query(query(suite))


CALLS = (
    ProductionCall("SELECT * FROM t WHERE id = $1", 1_000, 0.5, 1_000),
    ProductionCall("select * from t where id = $1", 500, 0.5, 500),
    ProductionCall("SELECT count(*) FROM u", 3, 900.0, 3),
    ProductionCall("SELECT broken FROM FROM $1", 1, 1.0, 1),
)


def test_a_load_is_calls_times_cost_of_what_was_planned():
    one, other = query("SELECT * FROM t WHERE id = 7"), query("SELECT * FROM unknown")
    plan = Planned((Plan(SampleKind.GENERIC, PlanNode(node_type="Result", total_cost=8.0)),))
    found = loads(CALLS, [(one, plan), (other, plan)])
    assert found == {("default", one.key): 1_500 * 8.0}
    assert loads(CALLS, [(one, Unexplained("x"))]) == {}
    assert loads((), [(one, plan)]) == {}


def test_what_no_query_covers_is_told_in_productions_order():
    found = uncovered(CALLS, [query("SELECT * FROM t WHERE id = 7")])
    assert [call.sql for call in found] == ["SELECT count(*) FROM u", "SELECT broken FROM FROM $1"]


def test_what_asks_the_server_about_itself_is_no_call_of_an_application():
    probe = ProductionCall("SELECT count(*) FROM pg_catalog.pg_stat_activity", 9, 1.0, 9)
    assert of_applications((*CALLS, probe)) == CALLS


def test_calls_without_values_hold_no_constants_and_no_comments_and_are_added_up():
    sent = "/* user=Ada */ SELECT * FROM users WHERE email = 'ada@x.org' -- O'Neil"
    found, unreadable = without_values(
        (
            ProductionCall(sent, 1, 4.0, 1),
            ProductionCall("SELECT * FROM users WHERE email = $1", 3, 2.0, 3),
            ProductionCall("SELECT * FROM t WHERE id IN (4711, 4712) AND a = B'101'", 1, 99.0, 2),
            ProductionCall("SELECT broken FROM FROM 'secret'", 1, 1.0, 1),
            ProductionCall("SELECT 'two'; SELECT 'secrets'", 1, 1.0, 1),
        )
    )
    assert found == (
        ProductionCall("SELECT * FROM t WHERE id IN ($1) AND a = $2", 1, 99.0, 2),
        ProductionCall("SELECT * FROM users WHERE email = $1", 4, 2.5, 4),
    )
    assert unreadable == 2


@pytest.mark.parametrize(
    "production",
    [
        "SELECT * FROM t WHERE id IN ($1, $2, $3) AND b IS NOT NULL ORDER BY 1",
        "SELECT * FROM t WHERE id IN ($1 /*, ... */)",
        "SELECT a FROM t WHERE d > interval $1 AND e = date $2",
        "SELECT a FROM t WHERE d > interval '5 days' AND e = - 5 LIMIT 7",
        "INSERT INTO t (a, b) VALUES ($1, $2), ($3, $4)",
        "SELECT ARRAY[$1, $2] FROM \"Ünder\" WHERE a = 'ä' AND b = E'\\\\'",
    ],
)
def test_a_call_without_values_is_still_the_same_statement(production):
    (call,), _ = without_values([ProductionCall(production, 1, 1.0, 1)])
    assert text_of_call(call.sql) == text_of_call(production) != ""
