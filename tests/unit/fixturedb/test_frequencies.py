from __future__ import annotations

import math
import random
from collections import Counter

import pytest

from pytest_planguard.fixturedb.scale.frequencies import Values, estimated, frequencies
from pytest_planguard.fixturedb.scale.stored_widths import stored_widths
from pytest_planguard.model.statistics import ColumnStatistics

ROWS = 300_000.0


def seen(found: tuple[Values, ...]) -> float:
    return sum(one.seen for one in found)


def test_a_unique_column_has_each_value_in_one_row() -> None:
    assert frequencies(ColumnStatistics(0.25, 8, -0.75), "int8", ROWS) == ()


def test_common_values_have_their_rows_and_all_others_the_rest() -> None:
    facts = ColumnStatistics(0.1, 8, 50.0, ("a", "b"), (0.3, 0.2))

    found = frequencies(facts, "text", ROWS)

    assert [round(one.rows) for one in found] == [90_000, 60_000, 2_500]
    assert sum(one.number * one.rows for one in found) == pytest.approx(0.9 * ROWS)


def test_values_drawn_at_random_are_more_than_analyze_makes_of_those_it_met_once() -> None:
    # Measured: 100,000 numbers drawn 300,000 times; 94,992 came, ANALYZE said 77,541.
    found = frequencies(ColumnStatistics(0.0, 4, -0.25847), "text", ROWS)

    assert seen(found) == pytest.approx(94_992, rel=0.01)


def test_where_bounds_are_nearer_each_value_has_more_rows() -> None:
    # floor(400,000 * u**2): a hundredth of the rows each, ever farther apart.
    bounds = tuple(str(round(400_000 * (number / 100) ** 2)) for number in range(101))
    draw = random.Random(7)
    real = Counter(int(400_000 * draw.random() ** 2) for _ in range(int(ROWS)))

    found = frequencies(ColumnStatistics(0.0, 4, -0.4093, histogram_bounds=bounds), "int4", ROWS)

    assert seen(found) == pytest.approx(len(real), rel=0.02)
    frequent = sum(one.number for one in found if one.rows > 4)
    assert frequent == pytest.approx(sum(count > 4 for count in real.values()), rel=0.2)


def test_no_more_values_lie_between_bounds_than_there_are_whole_numbers() -> None:
    facts = ColumnStatistics(0.0, 4, -0.9, histogram_bounds=("1", "500", "1000"))

    assert sum(one.number for one in frequencies(facts, "int4", ROWS)) <= 1_000


def test_bounds_that_are_no_numbers_count_as_nothing() -> None:
    facts = ColumnStatistics(
        0.0, 8, 500.0, histogram_bounds=("-infinity", "2026-01-01", "infinity")
    )

    assert seen(frequencies(facts, "date", ROWS)) == pytest.approx(500, rel=0.1)


def test_where_all_rows_are_looked_at_analyze_counts() -> None:
    assert estimated([Values(1_000, 2.0)], 1.0) == pytest.approx(1_000 * (1 - math.exp(-2)))


@pytest.mark.parametrize(
    ("kind", "values", "width"),
    [("text", ("é", "ab"), 3), ("numeric", ("12345.67", "1.50"), 8), ("varchar", ("a", "b"), 2)],
)
def test_widths_are_those_of_the_values_shown(
    kind: str, values: tuple[str, str], width: int
) -> None:
    facts = ColumnStatistics(0.0, width, 2.0, values, (0.5, 0.5))

    assert sum(size * share for size, share in stored_widths(facts, kind)) == pytest.approx(
        width, abs=1
    )


def test_values_that_are_not_typical_of_the_column_tell_no_widths() -> None:
    assert stored_widths(ColumnStatistics(0.0, 40, 2.0, ("a", "b"), (0.5, 0.5)), "text") == ()
    assert stored_widths(ColumnStatistics(0.0, 2, -0.9, ("a",), (0.01,)), "text") == ()
    assert stored_widths(ColumnStatistics(0.0, 8, 2.0, ("1", "2"), (0.5, 0.5)), "int8") == ()
