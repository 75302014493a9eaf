from __future__ import annotations

import pytest

from pytest_planguard.fixturedb.scale.renames import renamed
from pytest_planguard.model.catalog import Catalog, Column, Index, Server, Table
from pytest_planguard.model.statistics import (
    ColumnStatistics,
    ExtendedNumbers,
    ExtendedStatistics,
    IndexStatistics,
    ScaleSource,
    Statistics,
    TableStatistics,
)
from pytest_planguard.sql.renames import renames


def catalog(indexes: dict[str, str] | None = None, **tables: str) -> Catalog:
    """Tables by name with their columns, e.g. ``orders="id total"``; ``__`` is a dot."""
    made = {}
    for name, columns in tables.items():
        schema, _, table = name.rpartition("__")
        numbered = enumerate(columns.split(), 1)
        one = Table(schema or "public", table, "r",
                    tuple(Column(column, "bigint", n) for n, column in numbered))  # fmt: skip
        made[one.qualified] = one
    known = {
        f"public.{name}": Index(name, "public", f"public.{table}", "btree", ())
        for name, table in (indexes or {}).items()
    }
    return Catalog(Server(180_006, "18.6"), made, known)


def statistics(**tables: TableStatistics) -> Statistics:
    named = {(name.replace("__", ".") if "__" in name else f"public.{name}"): one
             for name, one in tables.items()}  # fmt: skip
    return Statistics(named, "2026-01-01", ScaleSource.PRODUCTION)


def table(columns: str, rows: float = 5.0, **more: object) -> TableStatistics:
    facts = {name: ColumnStatistics(n_distinct=float(n)) for n, name in enumerate(columns.split())}
    types = dict.fromkeys(facts, "bigint")
    return TableStatistics(rows, 1, **{"columns": facts, "types": types} | more)  # type: ignore[arg-type]


def test_a_renamed_table_keeps_its_statistics():
    old = statistics(orders=table("id"), customers=table("id"))
    new = renamed(
        old, catalog(sales="id", customers="id"), renames(["ALTER TABLE orders RENAME TO sales"])
    )

    assert new.tables["public.sales"] == old.tables["public.orders"]
    assert set(new.tables) == {"public.sales", "public.customers"}
    assert set(old.tables) == {"public.orders", "public.customers"}


def test_a_renamed_column_keeps_its_statistics_under_the_tables_new_name():
    ddl = ["ALTER TABLE orders RENAME COLUMN total TO amount",
           "ALTER TABLE orders RENAME TO sales",
           "ALTER TABLE sales RENAME amount TO gross"]  # fmt: skip
    old = statistics(orders=table("id total", collations={"total": '"C"'}))
    new = renamed(old, catalog(sales="id gross"), renames(ddl))

    found = new.tables["public.sales"]
    assert found.collations == {"gross": '"C"'}
    assert list(found.columns) == list(found.types) == ["id", "gross"]
    assert found.columns["gross"].n_distinct == 1.0


@pytest.mark.parametrize(
    ("ours", "ddl"),
    [
        ("id total amount", "total TO amount"),  # the old one is still there: a copy, or undone
        ("id", "total TO amount"),  # the new one is not there
        ("id total", "total TO amount"),  # taken back
    ],
)
def test_a_rename_the_schema_does_not_bear_out_is_not_believed(ours, ddl):
    old = statistics(orders=table("id total"))
    assert renamed(old, catalog(orders=ours), renames([f"ALTER TABLE orders RENAME {ddl}"])) == old


def test_a_name_production_has_already_is_not_taken_over():
    old = statistics(orders=table("id total amount"))
    ddl = renames(["ALTER TABLE orders RENAME total TO amount"])
    assert renamed(old, catalog(orders="id amount"), ddl) == old


def test_a_migration_taken_back_and_made_again_is_heard_once_each_way():
    ddl = renames(["ALTER TABLE orders RENAME TO sales", "ALTER TABLE sales RENAME TO orders"])
    new = renamed(statistics(orders=table("id")), catalog(sales="id"), ddl)
    assert set(new.tables) == {"public.sales"}


def test_a_name_that_is_taken_over_by_another_table_is_left_alone():
    """Which of the two the statistics mean can't be told."""
    old = statistics(a=table("id", 1.0), c=table("id", 3.0))
    ddl = renames(["ALTER TABLE a RENAME TO b", "ALTER TABLE c RENAME TO a"])
    assert renamed(old, catalog(a="id", b="id"), ddl) == old


def test_a_schema_is_found_where_the_text_names_none():
    old = statistics(shop__orders=table("id"))
    new = renamed(old, catalog(shop__sales="id"), renames(["ALTER TABLE orders RENAME TO sales"]))
    assert set(new.tables) == {"shop.sales"}


def test_of_two_tables_of_one_name_without_a_schema_publics_is_meant_or_none():
    ddl = renames(["ALTER TABLE t RENAME TO u"])
    public = statistics(t=table("id"), b__t=table("id"))
    assert set(renamed(public, catalog(u="id", b__t="id"), ddl).tables) == {"public.u", "b.t"}
    neither = statistics(a__t=table("id"), b__t=table("id"))
    assert renamed(neither, catalog(a__u="id", b__t="id"), ddl) == neither


def test_schemas_that_are_renamed_and_tables_that_move_are_followed():
    ddl = renames(["ALTER SCHEMA a RENAME TO b", "ALTER TABLE b.t SET SCHEMA public"])
    old = statistics(a__t=table("id"), a__s=table("id"))
    assert set(renamed(old, catalog(t="id", b__s="id"), ddl).tables) == {"public.t", "b.s"}


def test_an_index_keeps_its_size_and_its_definition_names_what_it_names_now():
    definition = 'CREATE INDEX i ON public.orders USING btree (total, "Order")'
    index = IndexStatistics(7, 5.0, definition=definition)
    ddl = renames(
        ["ALTER TABLE orders RENAME total TO amount", 'ALTER TABLE orders RENAME "Order" TO rank',
         "ALTER TABLE orders RENAME TO sales", "ALTER INDEX i RENAME TO j"]
    )  # fmt: skip
    old = statistics(orders=table("total Order", indexes={"i": index}))
    new = renamed(old, catalog({"j": "sales"}, sales="amount rank"), ddl)

    found = new.tables["public.sales"].indexes
    assert list(found) == ["j"]
    assert found["j"].pages == 7
    assert found["j"].definition == "CREATE INDEX j ON public.sales USING btree (amount, rank)"


def test_two_columns_may_change_names():
    """Production's order of the two is what it was; so is that of their statistics."""
    ddl = renames(["ALTER TABLE t RENAME a TO c", "ALTER TABLE t RENAME b TO d"])
    old = statistics(t=table("a b", constraints={"x": "CHECK ((a < b))"}))
    new = renamed(old, catalog(t="c d"), ddl).tables["public.t"]

    assert [(name, one.n_distinct) for name, one in new.columns.items()] == [("c", 0.0), ("d", 1.0)]
    assert new.constraints == {"x": "CHECK ((c < d))"}


def test_extended_statistics_parents_and_other_tables_keys_follow():
    numbers = ExtendedNumbers(ndistinct={"a, b": 3.0}, dependencies={"a => b": 1.0})
    extended = ExtendedStatistics("CREATE STATISTICS s ON a, b FROM t", ("a", "b"), numbers)
    old = statistics(
        t=table("a b", extended={"public.s": extended}, kind="p"),
        t_1=table("a b", parents=("public.t",)),
        o=table("id", constraints={"f": "FOREIGN KEY (id) REFERENCES t(a)"}),
    )
    ddl = renames(["ALTER TABLE t RENAME a TO c", "ALTER TABLE t RENAME TO u"])
    new = renamed(old, catalog(u="c b", t_1="c b", o="id"), ddl)

    found = new.tables["public.u"].extended["public.s"]
    assert found.columns == ("c", "b")
    assert found.definition == "CREATE STATISTICS s ON c, b FROM u"
    assert found.own is not None
    assert (found.own.ndistinct, found.own.dependencies) == ({"c, b": 3.0}, {"c => b": 1.0})
    assert new.tables["public.t_1"].parents == ("public.u",)
    assert list(new.tables["public.t_1"].columns) == ["c", "b"]
    assert new.tables["public.o"].constraints == {"f": "FOREIGN KEY (id) REFERENCES u(a)"}


def test_nothing_renamed_is_the_very_same_statistics():
    old = statistics(t=table("a"))
    assert renamed(old, catalog(t="a b"), ()) is old
