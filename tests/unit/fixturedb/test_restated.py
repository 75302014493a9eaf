from __future__ import annotations

import msgspec

from pytest_planguard.fixturedb.restated import restated
from pytest_planguard.model.statistics import (
    ColumnStatistics,
    ScaleSource,
    Statistics,
    TableStatistics,
)

TODAY = ColumnStatistics(
    0.1, 8, 40_000.0, ("a", "b"), (0.02, 0.01), tuple("cdefg"), correlation=0.5
)
FORMER = ColumnStatistics(0.0, 4, 5.0, (), (0.7, 0.2, 0.06, 0.03, 0.01), correlation=-0.5)


def database(**facts):
    tables = {"t": TableStatistics(1_000.0, 10, **facts), "u": TableStatistics(5.0, 1)}
    return Statistics(tables, "2026-01-01", ScaleSource.DECLARED)


def column(former=FORMER, **today):
    facts = msgspec.structs.replace(TODAY, **today)
    found = restated(database(columns={"x": facts, "y": TODAY}), {}, {"t": {"x": former}})
    assert found.tables["t"].columns["y"] == TODAY
    assert found.tables["u"] == TableStatistics(5.0, 1)
    return found.tables["t"].columns["x"]


def test_a_column_gets_the_numbers_it_had():
    found = column()
    assert (found.null_frac, found.avg_width, found.n_distinct) == (0.0, 4, 5.0)
    assert found.correlation == -0.5


def test_frequencies_get_todays_values_and_bounds_stand_for_those_there_are_too_few_of():
    found = column()
    assert found.most_common_values == ("a", "b", "c", "e", "g")
    assert found.most_common_freqs == FORMER.most_common_freqs
    assert found.histogram_bounds == ()


def test_where_the_values_are_as_many_as_today_and_all_listed_nothing_is_left_for_bounds():
    former = msgspec.structs.replace(FORMER, n_distinct=0.0)
    assert column(former, n_distinct=5.0).histogram_bounds == ()
    assert column(former, n_distinct=6.0).histogram_bounds == TODAY.histogram_bounds


def test_where_there_is_no_value_at_all_a_frequency_is_left_out():
    found = column(histogram_bounds=())
    assert found.most_common_values == ("a", "b")
    assert found.most_common_freqs == (0.7, 0.2)
    one = column(msgspec.structs.replace(FORMER, most_common_freqs=(0.5, 0.3, 0.1)))
    assert one.most_common_values == ("a", "b", "c")


def test_what_was_common_to_none_is_common_to_none():
    found = column(msgspec.structs.replace(FORMER, most_common_freqs=()))
    assert (found.most_common_values, found.most_common_freqs) == ((), ())
    assert found.histogram_bounds == TODAY.histogram_bounds


def test_a_partitioned_table_gets_those_with_its_partitions():
    found = restated(
        database(inherited={"x": TODAY}), {}, {"t": {"x": FORMER}, "gone": {"x": FORMER}}
    )
    assert found.tables["t"].inherited["x"].n_distinct == 5.0


def test_distinct_values_alone_go_with_the_size():
    known = database(columns={"x": TODAY, "y": TODAY})
    found = restated(known, {"t": {"x": -0.5, "gone": 1.0}, "gone": {"x": 1.0}}, {})
    assert found.tables["t"].columns == {
        "x": msgspec.structs.replace(TODAY, n_distinct=-0.5), "y": TODAY,
    }  # fmt: skip


def test_where_it_is_not_known_how_many_values_there_were_they_are_todays():
    assert column(msgspec.structs.replace(FORMER, n_distinct=0.0)).n_distinct == 40_000.0
