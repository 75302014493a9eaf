import pytest

from pytest_planguard.model.query import Variant
from pytest_planguard.model.statement import Session
from pytest_planguard.model.statistics import ColumnStatistics
from pytest_planguard.planner.classes import Classes, Relation, one_of_each
from pytest_planguard.planner.parameters import Choice
from pytest_planguard.planner.selectivity import rows_selected
from pytest_planguard.sql.bindings import Binding

ORDERS = {"o": Relation("public.orders", 47_000_000)}
STATUS = ColumnStatistics(
    n_distinct=5,
    most_common_values=("delivered", "open", "packed", "lost"),
    most_common_freqs=(0.9, 0.05, 0.04, 0.0001),
)
NUMBERS = ColumnStatistics(n_distinct=-1, histogram_bounds=tuple(map(str, range(101))))
DAYS = ColumnStatistics(
    histogram_bounds=tuple(f"2026-01-{day:02} 00:00:00+00" for day in range(1, 32))
)


def kept(values, operator, statistics, types=("25",), **variant):
    """Which of a parameter's values are planned."""
    asked = Variant("", types, Session("app", "psycopg"), **variant)
    bound = [Binding(1, "o", "public.orders", "c", operator)]
    classes = Classes(asked, bound, {("o", "c"): statistics}, ORDERS)
    return [one.values[0] for one in one_of_each([Choice((v,), types) for v in values], classes)]


def test_of_values_that_select_about_as_many_rows_the_one_that_selects_most_is_planned():
    assert kept(["open", "packed"], "=", STATUS) == ["open"]


def test_each_class_of_selectivity_has_its_sample():
    assert kept(["delivered", "open", "lost"], "=", STATUS) == ["delivered", "lost", "open"]


def test_values_the_statistics_tell_nothing_of_are_classes_of_their_own_and_five_are_planned():
    values = [str(n) for n in range(40)]
    assert len(kept(values, "<<", ColumnStatistics())) == 5
    assert kept(["a", "b"], "=", ColumnStatistics()) == ["a", "b"]


def test_of_more_classes_than_five_both_ends_are_planned():
    values = [str(n) for n in (0, 1, 2, 4, 10, 30, 100)]
    numbers = ColumnStatistics(
        n_distinct=7,
        most_common_values=tuple(values),
        most_common_freqs=(0.00001, 0.0001, 0.001, 0.005, 0.02, 0.1, 0.8),
    )
    found = kept(values, "=", numbers)
    assert len(found) == 5
    assert {"0", "100"} <= set(found)


@pytest.mark.parametrize(
    ("types", "literal"), [(("23",), (1,)), (("16",), ())], ids=["a limit", "a boolean"]
)
def test_what_is_always_literal_is_told_apart_by_its_value(types, literal):
    even = ColumnStatistics(
        n_distinct=2, most_common_values=("t", "f"), most_common_freqs=(0.5, 0.5)
    )
    assert kept(["t", "f"], "=", even, types, literal=literal) == ["f", "t"]


@pytest.mark.parametrize(
    ("value", "operator", "statistics", "rows"),
    [
        ("delivered", "=", STATUS, 42_300_000),
        ("unknown", "=", STATUS, 465_300),
        ("{open,lost}", "= ANY", STATUS, 2_354_700),
        ("7", "=", NUMBERS, 1),
        ("25", "<", NUMBERS, 11_750_000),
        ("25", ">=", NUMBERS, 35_250_000),
        ("2026-01-30 00:00:00+00", ">", DAYS, 1_566_667),
        ("x%", "~~", STATUS, None),
        ("x", "=", ColumnStatistics(), None),
    ],
)
def test_rows_are_told_from_the_statistics_or_not_at_all(value, operator, statistics, rows):
    found = rows_selected(value, operator, statistics, 47_000_000)
    assert found == (None if rows is None else pytest.approx(rows, rel=0.01))
