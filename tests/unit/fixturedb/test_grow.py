import math

import msgspec
import pytest

from pytest_planguard.errors import ConfigurationError
from pytest_planguard.fixturedb.scale.btree_pages import btree_size
from pytest_planguard.fixturedb.scale.btree_tuples import Field
from pytest_planguard.fixturedb.scale.grow import grown, grown_height
from pytest_planguard.model.statistics import (
    ColumnStatistics,
    ExtendedNumbers,
    ExtendedStatistics,
    GinPages,
    IndexStatistics,
    ScaleSource,
    Statistics,
    TableStatistics,
)

HISTOGRAM = ("1", "500", "1000")
TABLE = TableStatistics(
    rows=1_000_000.0,
    pages=10_000,
    all_visible=9_999,
    file_pages=10_001,
    toast_pages=5,
    columns={
        "id": ColumnStatistics(0.0, 8, -1.0, histogram_bounds=HISTOGRAM),
        "customer": ColumnStatistics(0.0, 8, 50_000.0, ("7",), (0.1,), HISTOGRAM),
        "state": ColumnStatistics(0.0, 4, 3.0, ("a", "b", "c"), (0.5, 0.25, 0.25)),
    },
    indexes={
        "t_pkey": IndexStatistics(2_745, 1_000_000.0, 2, file_pages=2_746),
        "t_gin": IndexStatistics(100, 1_000_000.0, gin=GinPages(1, 100, 30, 60, 5_000)),
    },
    extended={
        "public.s": ExtendedStatistics(
            "", ("a", "b"), ExtendedNumbers({"a, b": 90_000.0}, {"a => b": 0.5})
        )
    },
)
STATISTICS = Statistics(
    {"public.t": TABLE, "public.whole": TableStatistics(-1.0, 0, kind="p")},
    "2026-01-01T00:00:00+00:00",
    ScaleSource.PRODUCTION,
)


def test_ten_times_larger():
    found = grown(STATISTICS, 10)
    table = found.tables["public.t"]
    assert (table.rows, table.pages, table.all_visible) == (10_000_000.0, 100_000, 99_990)
    assert (table.file_pages, table.toast_pages) == (100_010, 50)
    assert {name: one.n_distinct for name, one in table.columns.items()} == {
        "id": -1.0,
        "customer": 500_000.0,
        "state": 3.0,
    }
    assert table.columns["customer"].histogram_bounds == HISTOGRAM
    assert table.columns["customer"].most_common_freqs == (0.1,)
    index = table.indexes["t_pkey"]
    assert (index.pages, index.file_pages, index.tuples) == (27_441, 27_451, 10_000_000.0)
    assert index.height == 2
    assert table.indexes["t_gin"].gin == GinPages(1, 1_000, 300, 600, 50_000)
    assert table.extended["public.s"].own.ndistinct == {"a, b": 900_000.0}
    assert table.extended["public.s"].own.dependencies == {"a => b": 0.5}
    assert found.grown == 10


def test_a_tenth_and_back_is_the_same_again():
    small = grown(STATISTICS, 0.1)
    assert small.tables["public.t"].rows == 100_000.0
    assert small.tables["public.t"].columns["customer"].n_distinct == 5_000.0
    again = grown(small, 10)
    assert again.grown == 1.0
    assert again.tables["public.t"].rows == TABLE.rows
    assert again.tables["public.t"].columns == TABLE.columns


def test_no_column_has_more_values_than_its_table_has_rows():
    tiny = grown(STATISTICS, 0.000002)
    assert tiny.tables["public.t"].rows == 2.0
    assert tiny.tables["public.t"].columns["state"].n_distinct == 2.0
    assert tiny.tables["public.t"].pages == 1


def test_a_table_never_analysed_stays_so():
    assert grown(STATISTICS, 10).tables["public.whole"] == STATISTICS.tables["public.whole"]


@pytest.mark.parametrize("factor", [0, -1, math.nan, math.inf])
def test_a_factor_that_is_no_size_is_refused(factor):
    with pytest.raises(ConfigurationError, match="the factor is"):
        grown(STATISTICS, factor)


@pytest.mark.parametrize("width", [4.0, 8.0, 16.0, 40.0])
@pytest.mark.parametrize("factor", [0.001, 0.1, 10, 100, 1000])
@pytest.mark.parametrize("rows", [100_000.0, 3_000_000.0, 80_000_000.0])
def test_heights_grow_as_those_of_indexes_that_are_built_so_large(rows, factor, width):
    """Within a level: what is known of the real fan-out is what the smaller tree shows."""
    keys = [Field(width, 8, distinct=rows)]
    before = btree_size(rows, keys, unique=True)
    after = btree_size(rows * factor, keys, unique=True)
    found = grown_height(before.height, before.pages, after.pages)
    assert abs(found - after.height) <= 1
    if width == 8.0:
        assert found == after.height


def test_the_same_size_has_the_same_height():
    for height in range(6):
        for pages in (1, 2, 3, 50, 300, 90_000, 10_000_000):
            assert grown_height(height, pages, pages) == height
    assert msgspec.structs.replace(grown(STATISTICS, 1)) == STATISTICS
