from __future__ import annotations

import datetime as dt

import pytest

from pytest_planguard.model.query import Variant
from pytest_planguard.model.statement import Sample, Session
from pytest_planguard.model.statistics import ColumnStatistics
from pytest_planguard.planner.parameters import Clock, choose
from pytest_planguard.sql.bindings import Binding

NOW = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
CLOCK = Clock(statistics=NOW, captured=NOW)
NUMBERS = ColumnStatistics(n_distinct=-1, histogram_bounds=tuple(map(str, range(101))))
TIMES = ColumnStatistics(
    histogram_bounds=tuple(
        (dt.datetime(2023, 1, 1) + dt.timedelta(days=11 * n)).isoformat(sep=" ") + "+00"
        for n in range(101)
    )
)


DATES = ColumnStatistics(
    histogram_bounds=tuple(
        (dt.date(2023, 1, 1) + dt.timedelta(days=11 * n)).isoformat() for n in range(101)
    )
)


def window(low: str, high: str, type_name: str, statistics: ColumnStatistics) -> tuple[str, str]:
    """The ends a window is planned with."""
    sample = Sample((low, high))
    variant = Variant("", (type_name, type_name), Session("app", "psycopg"), (sample,))
    bound = [Binding(1, "t", "public.t", "c", ">="), Binding(2, "t", "public.t", "c", "<")]
    (choice,) = choose(variant, bound, {("t", "c"): statistics}, CLOCK)
    low, high = choice.values  # type: ignore[assignment]
    return low, high


@pytest.mark.parametrize(
    ("low", "high", "days"),
    [
        ("2025-11-03 00:00:00+00", "2025-11-04 00:00:00+00", 1),
        ("2025-11-03 00:00:00+00", "2025-11-09 00:00:00+00", 7),
        ("2025-11-05 00:00:00+00", "2025-12-05 00:00:00+00", 30),
        ("2024-01-08 00:00:00+00", "2024-01-15 00:00:00+00", 7),
    ],
)
def test_a_window_of_days_stays_about_as_wide(low: str, high: str, days: int) -> None:
    first, last = map(dt.datetime.fromisoformat, window(low, high, "1184", TIMES))

    assert (last - first).days == days


def test_a_window_of_dates_keeps_the_form_of_dates() -> None:
    assert window("2025-11-03", "2025-11-04", "1082", DATES) == (
        "2025-10-03", "2025-10-04",
    )  # fmt: skip


def test_without_statistics_nothing_is_moved() -> None:
    as_captured = ("2025-11-03", "2025-11-04")

    assert window(*as_captured, "1082", ColumnStatistics()) == as_captured


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        ("41", "43", ("40", "41")),
        ("41", "47", ("40", "50")),
        ("98", "99", ("99", "100")),
        ("48.5", "48.75", ("50", "50.1")),
        ("39", "42", ("40", "41")),
    ],
)
def test_a_window_of_numbers_is_as_wide_as_a_power_of_ten(
    low: str, high: str, expected: tuple[str, str]
) -> None:
    assert window(low, high, "1700", NUMBERS) == expected


def test_a_window_that_was_shut_or_lies_open_is_left_as_it_is() -> None:
    assert window("43", "41", "23", NUMBERS) == ("40", "40")
    assert window("11", "52", "23", NUMBERS) == ("10", "50")
