"""Normal forms that a server can prepare."""

from __future__ import annotations

import pytest

from pytest_planguard.sql.preparable import (
    preparable,
    with_integers,
    with_intervals,
    without_arbiter,
)


@pytest.mark.parametrize(
    ("normal", "text"),
    [
        ("SELECT a FROM t WHERE b > now() - INTERVAL $1",
         "SELECT a FROM t WHERE b > now() - $1::INTERVAL"),
        ("SELECT INTERVAL $1 hour", "SELECT $1::INTERVAL hour"),
        ("SELECT timestamp with time zone $1", "SELECT $1::timestamp with time zone"),
        ("SELECT date $1, a FROM t LIMIT $2", "SELECT $1::date, a FROM t LIMIT $2"),
        ("SELECT b AT TIME ZONE $1 FROM t", "SELECT b AT TIME ZONE $1 FROM t"),
        ("SELECT a FROM t WHERE a IN ($1, ...2)", "SELECT a FROM t WHERE a IN ($1, $1)"),
    ],
)  # fmt: skip
def test_a_typed_constant_that_became_a_parameter_keeps_its_type(normal, text):
    assert preparable(normal) == text


def test_only_what_is_counted_with_gets_a_type():
    normal = "SELECT a FROM t WHERE d > current_date - $1 AND e = $2 AND f < $3::int8 * $4"
    assert with_integers(normal) == (
        "SELECT a FROM t WHERE d > CURRENT_DATE - CAST($1 AS int4) AND e = $2 "
        "AND f < CAST($3 AS int8) * CAST($4 AS int4)"
    )
    assert "CAST($1 AS interval)" in with_intervals(normal)


def test_what_the_parser_rejects_is_left_as_it_is():
    assert with_integers("SELECT FROM WHERE $1 +") == "SELECT FROM WHERE $1 +"


def test_the_index_a_conflict_is_found_by_is_given_up_only_where_nothing_is_written_for_it():
    insert = "INSERT INTO t (a) VALUES ($1) ON CONFLICT (a) WHERE b IN ($2)"
    assert without_arbiter(f"{insert} DO NOTHING").endswith("VALUES ($1) ON CONFLICT DO NOTHING")
    written = without_arbiter(f"{insert} DO UPDATE SET a = $3")
    assert "ON CONFLICT (a) WHERE b IN ($2)" in written
    assert without_arbiter("SELECT a FROM t") == "SELECT a FROM t"
