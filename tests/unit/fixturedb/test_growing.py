import pytest

from pytest_planguard.fixturedb.scale.growing import fixed_tables, resized
from pytest_planguard.model.catalog import Catalog, Constraint, Server, Table
from pytest_planguard.model.spec import TableDeclaration
from pytest_planguard.model.statistics import (
    ColumnStatistics,
    ScaleSource,
    Statistics,
    TableStatistics,
)


def table(name, *constraints, parent=None, kind="r"):
    bound = "FOR VALUES IN (1)" if parent else None
    parents = (f"public.{parent}",) if parent else ()
    return Table("public", name, kind, (), constraints, parents=parents, partition_bound=bound)


POINTING = Constraint("fk", "f", ("coupon",), "", "public.coupons", ("id",))
CATALOG = Catalog(
    Server(180000, "18.0"),
    {
        one.qualified: one
        for one in (
            table("coupons"),
            table("orders", POINTING),
            table("events", kind="p"),
            table("events_1", parent="events"),
        )
    },
    {},
)
ORDERS = TableStatistics(
    1e6,
    10_000,
    columns={
        "coupon": ColumnStatistics(n_distinct=20_000),
        "customer": ColumnStatistics(n_distinct=50_000),
        "state": ColumnStatistics(n_distinct=5),
    },
)
STATISTICS = Statistics(
    {
        "public.coupons": TableStatistics(20_000, 200),
        "public.orders": ORDERS,
        "public.events_1": TableStatistics(5e6, 90_000),
    },
    "2026-01-01T00:00:00+00:00",
    ScaleSource.DECLARED,
)
ALL = frozenset(STATISTICS.tables)
NOTHING: frozenset[str] = frozenset()


def test_tables_grow_and_only_what_changes_is_written():
    found = resized(STATISTICS, 10, CATALOG, frozenset({"public.orders"}), NOTHING)
    assert list(found.tables) == ["public.orders"]
    orders = found.tables["public.orders"]
    assert (orders.rows, orders.pages) == (1e7, 100_000)
    assert {name: one.n_distinct for name, one in orders.columns.items()} == {
        "coupon": 200_000,
        "customer": 500_000,
    }


def test_a_table_that_does_not_grow_keeps_its_size_and_what_points_to_it_its_values():
    fixed = frozenset({"public.coupons"})
    found = resized(STATISTICS, 10, CATALOG, ALL, fixed).tables
    assert (found["public.coupons"].rows, found["public.coupons"].pages) == (20_000, 200)
    assert list(found["public.orders"].columns) == ["customer"]


def test_partitions_of_a_table_that_does_not_grow_do_not_either():
    declared = {"events": TableDeclaration(grows=False), "orders": TableDeclaration(1e6)}
    assert fixed_tables(CATALOG, declared) == {"public.events", "public.events_1"}


@pytest.mark.parametrize(
    ("asked", "meant"),
    [
        ({"public.events"}, {"public.events", "public.events_1"}),
        ({"public.orders"}, {"public.orders"}),
    ],
)
def test_partitions_are_meant_with_their_table(asked, meant):
    assert CATALOG.with_parts(asked) == meant
