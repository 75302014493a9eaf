"""What a migration's pipeline decides without a server."""

from __future__ import annotations

from pytest_planguard.model.catalog import Catalog, Column, Server, Table
from pytest_planguard.model.migration import Dropped, DroppedKind
from pytest_planguard.model.spec import ColumnDeclaration, TableDeclaration
from pytest_planguard.pipeline.migrations import lost, under_new_names, with_new_columns
from pytest_planguard.sql.renames import renames


def catalog(*tables: Table) -> Catalog:
    return Catalog(Server(180006, "18.6"), {one.qualified: one for one in tables}, {})


def orders(*columns: str) -> Table:
    made = tuple(Column(name, "text", n) for n, name in enumerate(columns, start=1))
    return Table("public", "orders", "r", made, rows=47_000_000)


def test_declarations_follow_what_a_migration_renames():
    declared = {
        "orders": TableDeclaration(
            rows=47_000_000, columns={"total": ColumnDeclaration(nulls=0.1)}
        ),
        "app.lines": TableDeclaration(rows=9),
    }
    moved = renames([
        "ALTER TABLE orders RENAME COLUMN total TO amount",
        "ALTER TABLE orders RENAME TO purchases",
        "ALTER TABLE app.lines RENAME TO items",
    ])  # fmt: skip
    found = under_new_names(declared, moved)
    assert set(found) == {"purchases", "app.items"}
    assert set(found["purchases"].columns) == {"amount"}
    assert found["purchases"].rows == 47_000_000


def test_what_the_way_back_does_not_bring_is_lost():
    before = catalog(orders("id", "note"), Table("public", "tags", "r", ()))
    back = catalog(orders("id"))
    assert list(lost(before, back)) == [
        Dropped(DroppedKind.COLUMN, "public.orders", "note", 47_000_000),
        Dropped(DroppedKind.TABLE, "public.tags"),
    ]


def test_what_the_migration_made_is_not_lost():
    assert list(lost(catalog(orders("id")), catalog(orders("id", "note")))) == []


def test_a_new_column_without_a_default_is_null_everywhere():
    before = catalog(orders("id"))
    made = catalog(orders("id", "note"))
    found = with_new_columns({"orders": TableDeclaration(rows=9)}, before, made)
    assert found["orders"].rows == 9
    assert found["orders"].columns == {"note": ColumnDeclaration(nulls=1.0)}
    assert with_new_columns({}, made, made) == {}
