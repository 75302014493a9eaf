"""Histograms of indexed columns reach as far as the planner, on a server, would find values."""

from __future__ import annotations

import psycopg

from pytest_planguard.fixturedb.scale.ends import with_common_ends
from pytest_planguard.model.statistics import (
    ColumnStatistics,
    IndexStatistics,
    ScaleSource,
    Statistics,
    TableStatistics,
)

_SCHEMA = """
CREATE DOMAIN small AS int CHECK (VALUE < 1000);
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE TABLE t (n int, d small, m mood, word text COLLATE "C", loose int, part int, fixed char(9),
                pattern text);
CREATE INDEX ON t (n DESC, loose);
CREATE INDEX ON t (d);
CREATE INDEX ON t (m);
CREATE INDEX ON t (word);
CREATE INDEX ON t (part) WHERE part > 3;
CREATE INDEX ON t (fixed);
CREATE INDEX ON t (pattern text_pattern_ops);
CREATE INDEX doubled ON t ((n * 2));
"""


def _bounds(database_url: str, column: str, common: list[str], bounds: list[str]) -> list[str]:
    """What becomes of a column's histogram; of ``doubled``'s where the column is ``expr``."""
    facts = ColumnStatistics(most_common_values=tuple(common), histogram_bounds=tuple(bounds))
    of_index = {"expr": facts} if column == "expr" else {}
    indexes = {"doubled": IndexStatistics(9, 9, expressions=of_index)}
    table = TableStatistics(9, 9, columns={column: facts}, indexes=indexes)
    statistics = Statistics({"public.t": table, "public.gone": table}, "", ScaleSource.PRODUCTION)
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(_SCHEMA)
        changed = with_common_ends(connection, statistics)
    assert statistics.tables["public.t"] is table
    assert changed.tables["public.gone"] is table
    after = changed.tables["public.t"]
    found = after.indexes["doubled"].expressions if column == "expr" else after.columns
    return list(found[column].histogram_bounds)


def test_common_values_outside_a_histogram_become_its_ends(database_url: str) -> None:
    assert _bounds(database_url, "n", ["9", "100"], ["10", "20", "30"]) == ["9", "20", "100"]


def test_a_histogram_that_reaches_farther_stays(database_url: str) -> None:
    assert _bounds(database_url, "n", ["15", "25"], ["10", "20", "30"]) == ["10", "20", "30"]


def test_values_of_a_domain_are_compared_as_its_base_type(database_url: str) -> None:
    assert _bounds(database_url, "d", ["9", "5000"], ["10", "30"]) == ["9", "5000"]


def test_labels_are_ordered_as_the_enum_is(database_url: str) -> None:
    assert _bounds(database_url, "m", ["sad"], ["ok", "happy"]) == ["sad", "happy"]


def test_texts_are_ordered_by_the_column_s_collation(database_url: str) -> None:
    assert _bounds(database_url, "word", ["Z", "b"], ["a", "c"]) == ["Z", "c"]


def test_fixed_length_text_is_compared_as_a_whole(database_url: str) -> None:
    assert _bounds(database_url, "fixed", ["ab", "az"], ["ac", "ad"]) == ["ab", "az"]


def test_expressions_of_an_index_reach_to_their_common_values(database_url: str) -> None:
    assert _bounds(database_url, "expr", ["2"], ["10", "30"]) == ["2", "30"]


def test_columns_no_whole_btree_begins_with_stay(database_url: str) -> None:
    assert _bounds(database_url, "loose", ["2"], ["10", "30"]) == ["10", "30"]


def test_a_partial_index_does_not_count(database_url: str) -> None:
    assert _bounds(database_url, "part", ["2"], ["10", "30"]) == ["10", "30"]


def test_an_index_of_another_order_does_not_count(database_url: str) -> None:
    assert _bounds(database_url, "pattern", ["a"], ["b", "c"]) == ["b", "c"]


def test_values_the_column_cannot_hold_stay(database_url: str) -> None:
    assert _bounds(database_url, "n", ["9", "nine"], ["10", "30"]) == ["10", "30"]
