"""Effects times production's sizes."""

from __future__ import annotations

import pytest

from pytest_planguard.migrations.effects import Effects, Start
from pytest_planguard.migrations.snapshot import Snapshot
from pytest_planguard.migrations.weigh import Scale, read_as_a_whole
from pytest_planguard.model.statistics import ScaleSource, Statistics, TableStatistics

NOTHING = Snapshot({}, {}, frozenset(), {}, "0", "0")


def scale(**rows: float) -> Scale:
    tables = {
        f"public.{name}": TableStatistics(count, round(count / 100)) for name, count in rows.items()
    }
    statistics = Statistics(tables, "2026-10-01T00:00:00Z", ScaleSource.DECLARED)
    return Scale(statistics, Start(NOTHING))


BOTH = ("public.customers", "public.orders")
KEY = ("public.orders", "public.customers")


@pytest.mark.parametrize(
    ("orders", "read"),
    [(2_000.0, ["public.orders"]), (47_000_000.0, [*BOTH]), (100_000.0, [*BOTH])],
)
def test_rows_that_few_others_point_to_are_looked_up(orders, read):
    seen = Effects(reads=BOTH, checks=(KEY,))
    assert read_as_a_whole(seen, scale(orders=orders, customers=6_000_000.0)) == read


def test_a_table_that_points_to_itself_or_is_pointed_to_by_many_is_read():
    sizes = scale(orders=47_000_000.0, customers=6_000_000.0, notes=10.0)
    few = ("public.notes", "public.customers")
    seen = Effects(reads=BOTH, checks=(KEY, few))
    assert read_as_a_whole(seen, sizes) == [*BOTH]
    own = ("public.customers", "public.customers")
    assert read_as_a_whole(Effects(reads=own[:1], checks=(few, own)), sizes) == [own[0]]
