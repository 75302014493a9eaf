"""Sizes are of indexes PostgreSQL 18.6 built."""

from __future__ import annotations

import pytest

from pytest_planguard.fixturedb.scale.gist_ranges import range_pages, split_pages
from pytest_planguard.fixturedb.scale.indexes import index_statistics
from pytest_planguard.model.catalog import Column, Index, Table
from pytest_planguard.model.statistics import ColumnStatistics, TableStatistics

ROWS = 400_000
SEATS = ColumnStatistics(
    0.0, 14, 800.0,
    range_bounds_histogram=tuple(
        f"[{min(39, at * 40 // 100)},{41 + min(19, at * 20 // 100)})" for at in range(101)
    ),
    range_length_histogram=tuple(2 + 58 * (at / 200) ** 0.5 if at <= 50 else
                                 60 - 58 * ((100 - at) / 200) ** 0.5 for at in range(101)),
    range_empty_frac=0.0,
)  # fmt: skip
"""Starts among 40 numbers, ends among 20 others, lengths as the sum of both: a triangle."""


def _table(facts: ColumnStatistics) -> tuple[Table, TableStatistics]:
    table = Table(
        schema="public", name="t", kind="r",
        columns=(Column("seats", "int4range", 1, base_type="int4range"),),
    )  # fmt: skip
    return table, TableStatistics(ROWS, 3_000, columns={"seats": facts})


def test_four_pages_of_one_value_are_halved_until_they_fit() -> None:
    # Measured: 290, 291, 291, 145, 147 rows.
    assert split_pages([(1.0, 5.0)] * 1_164, 291) == 5


def test_ranges_that_follow_one_another_fill_their_pages() -> None:
    assert split_pages([(float(n), n + 1.0) for n in range(1_164)], 291) == 4


def test_what_fits_on_both_sides_goes_to_the_right_and_leaves_ever_smaller_pages() -> None:
    # Measured: 209, 105, 268, 127, 64, 32, 16, 8, 4, 2, 1, 164 and 164 rows.
    assert split_pages([(1.0, 5.0 + n // 500) for n in range(1_164)], 291) == 13


def test_many_ranges_that_begin_alike_fill_a_third_of_their_pages() -> None:
    # Measured: 4,331 pages.
    assert range_pages(SEATS, "int4range", ROWS, 28) == pytest.approx(4_331, rel=0.08)


def test_ranges_without_bounds_lengths_or_ends_tell_nothing() -> None:
    endless = tuple(f"[{at},)" for at in range(101))
    no_bounds = ColumnStatistics(range_length_histogram=SEATS.range_length_histogram)
    no_end = ColumnStatistics(
        range_bounds_histogram=endless, range_length_histogram=SEATS.range_length_histogram
    )

    assert range_pages(no_bounds, "int4range", ROWS, 28) is None
    assert range_pages(no_end, "int4range", ROWS, 28) is None
    assert range_pages(SEATS, "numrange", ROWS, 28) is None


@pytest.mark.parametrize(("version", "pages"), [(180006, 4_331), (160014, 3_055)])
def test_ranges_are_sorted_by_servers_that_can(version: int, pages: int) -> None:
    table, facts = _table(SEATS)
    index = Index(
        "i", "public", "public.t", "gist", ("seats",),
        opclasses=("range_ops",), attributes=("seats",), key_types=("int4range",),
    )  # fmt: skip

    found = index_statistics(index, table, facts, version=version)

    assert found.pages == pytest.approx(pages, rel=0.08)
