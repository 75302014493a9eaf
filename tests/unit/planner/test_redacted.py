from __future__ import annotations

import datetime as dt

from pytest_planguard.model.query import Variant
from pytest_planguard.model.statement import Sample, Session
from pytest_planguard.model.statistics import ColumnStatistics
from pytest_planguard.planner.parameters import Clock, choose
from pytest_planguard.sql.bindings import Binding

NOW = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
AGES = ColumnStatistics(
    most_common_values=("30",), most_common_freqs=(0.4,),
    histogram_bounds=tuple(str(n) for n in range(101)),
)  # fmt: skip


def planned(operator: str, *redacted: int) -> str | None:
    variant = Variant(
        "", ("23",), Session("app", "psycopg"), (Sample(("30011",)),), redacted=redacted
    )
    bound = [Binding(1, "u", "public.users", "age", operator)]
    (choice,) = choose(variant, bound, {("u", "age"): AGES}, Clock(NOW, NOW))
    return choice.values[0]


def test_a_range_that_nobody_may_know_ends_in_the_middle() -> None:
    assert planned("<") == "100"
    assert planned("<", 1) == "50"
    assert planned(">", 1) in {"40", "49", "50"}


def test_an_equality_that_nobody_may_know_is_one_like_any_other() -> None:
    assert planned("=", 1) == planned("=") == "50"
