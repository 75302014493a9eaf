from __future__ import annotations

from pytest_planguard.fixturedb.former import resized
from pytest_planguard.model.statistics import ScaleSource, Statistics, TableStatistics


def test_each_table_gets_the_size_it_had_and_others_stay():
    tables = {name: TableStatistics(1_000.0, 10) for name in ("a", "b", "c")}
    today = Statistics(tables, "2026-01-01", ScaleSource.DECLARED)
    then = resized(today, {"a": 0.5, "b": 10.0, "gone": 2.0})
    assert {name: (one.rows, one.pages) for name, one in then.tables.items()} == {
        "a": (500.0, 5),
        "b": (10_000.0, 100),
        "c": (1_000.0, 10),
    }
