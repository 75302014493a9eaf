"""What is said of an index: migrations, the price on writes, and the indexes there are."""

from __future__ import annotations

import ast
from collections.abc import Iterable

import msgspec
import pytest

import fix_plans
from pytest_planguard.advice.existing import superfluous, why_none_serves
from pytest_planguard.advice.operations import operations
from pytest_planguard.advice.suite import Suite, Tool
from pytest_planguard.advice.writes import ends_hot, price
from pytest_planguard.model.capture import DjangoModel
from pytest_planguard.model.catalog import Catalog, Index
from pytest_planguard.model.ports import HypotheticalIndex

CATALOG = fix_plans.catalog()
ORDERS = CATALOG.tables["public.orders"]
MODEL = DjangoModel(
    "shop", "order", {"id": "id", "customer_id": "customer", "total": "total", "data": "data"}
)
BOTH = Suite(tools=frozenset(Tool), models={"public.orders": MODEL, "public.events": MODEL})


def index(
    *columns: str,
    table: str = "orders",
    method: str = "btree",
    include: tuple[str, ...] = (),
    predicate: str = "",
) -> HypotheticalIndex:
    name = f"{table}_{columns[0].split()[0]}_idx"
    return HypotheticalIndex(name, f"public.{table}", method, columns, include, predicate)


def with_index(**facts: object) -> Catalog:
    more = Index(**{"name": "more", "schema": "public", "table": "public.orders",
                    "method": "btree", "keys": ("customer_id",), **facts})  # type: ignore[arg-type]  # fmt: skip
    return msgspec.structs.replace(CATALOG, indexes={**CATALOG.indexes, "public.more": more})


@pytest.mark.parametrize(
    ("one", "call"),
    [
        (
            index("customer_id"),
            (
                'op.create_index("orders_customer_id_idx", "orders", ["customer_id"],'
                " postgresql_concurrently=True)"
            ),
        ),
        (
            index("customer_id", "total DESC", include=("id",), predicate="note = 'x'::text"),
            (
                'op.create_index("orders_customer_id_idx", "orders",'
                ' ["customer_id", sa.text("total DESC")], postgresql_include=["id"],'
                " postgresql_where=sa.text(\"note = 'x'::text\"), postgresql_concurrently=True)"
            ),
        ),
        (
            index("data jsonb_path_ops", method="gin"),
            (
                'op.create_index("orders_data_idx", "orders", [sa.text("data jsonb_path_ops")],'
                ' postgresql_using="gin", postgresql_concurrently=True)'
            ),
        ),
        (
            msgspec.structs.replace(index("a"), table="shop.lines", name="i"),
            'op.create_index("i", "lines", ["a"], schema="shop", postgresql_concurrently=True)',
        ),
    ],
)
def test_alembic_makes_it_outside_of_a_transaction(one: HypotheticalIndex, call: str) -> None:
    first, then = operations([one], CATALOG, BOTH)["alembic"]

    assert first == "with op.get_context().autocommit_block():"
    assert then == f"    {call}"


@pytest.mark.parametrize(
    ("one", "operation"),
    [
        (
            index("customer_id", "total DESC"),
            (
                'AddIndexConcurrently("order", models.Index(fields=["customer", "-total"],'
                ' name="orders_customer_id_idx")),'
            ),
        ),
        (
            index("data jsonb_path_ops", method="gin"),
            (
                'AddIndexConcurrently("order", GinIndex(fields=["data"], name="orders_data_idx",'
                ' opclasses=["jsonb_path_ops"])),'
            ),
        ),
        (
            index("customer_id", include=("id",)),
            (
                'AddIndexConcurrently("order", models.Index(fields=["customer"],'
                ' name="orders_customer_id_idx", include=["id"])),'
            ),
        ),
        (
            index("customer_id", predicate="note = 'x'"),
            (
                'migrations.RunSQL("CREATE INDEX CONCURRENTLY orders_customer_id_idx ON'
                " public.orders (customer_id) WHERE note = 'x'\","
                ' "DROP INDEX CONCURRENTLY public.orders_customer_id_idx"),'
            ),
        ),
        (
            index("note"),
            (
                'migrations.RunSQL("CREATE INDEX CONCURRENTLY orders_note_idx ON'
                ' public.orders (note)",'
                ' "DROP INDEX CONCURRENTLY public.orders_note_idx"),'
            ),
        ),
    ],
)
def test_django_names_the_model_where_its_fields_say_it_all(
    one: HypotheticalIndex, operation: str
) -> None:
    assert operations([one], CATALOG, BOTH)["django"] == ("atomic = False", operation)


def test_a_name_is_as_short_as_django_wants_it() -> None:
    long = msgspec.structs.replace(
        index("customer_id"), name="orders_customer_id_created_at_total_idx"
    )

    _, operation = operations([long], CATALOG, BOTH)["django"]
    name = operation.partition('name="')[2].partition('"')[0]
    assert len(name) <= 30
    assert name.startswith("orders_customer")


def test_a_partitioned_table_is_indexed_part_by_part_in_both() -> None:
    written = operations([index("account_id", table="events")], CATALOG, BOTH)

    assert sum("op.execute(" in line for line in written["alembic"]) == 9
    assert sum("migrations.RunSQL(" in line for line in written["django"]) == 9
    assert not any("CONCURRENTLY" in line for line in written["django"][1:2])


def test_migrations_are_python() -> None:
    written = operations(
        [index('(lower("E mail"))', "id"), index("data", method="gin")], CATALOG, BOTH
    )

    assert calls(written["alembic"]) == ["create_index"] * 2
    assert calls(line.rstrip(",") for line in written["django"]) == [
        "RunSQL",
        "AddIndexConcurrently",
    ]


def calls(lines: Iterable[str]) -> list[str]:
    """What the migration makes of each index, read as Python reads it."""
    tree = ast.parse("\n".join(lines))
    names = [getattr(one.func, "attr", getattr(one.func, "id", ""))
             for one in ast.walk(tree) if isinstance(one, ast.Call)]  # fmt: skip
    return [name for name in names if name in {"create_index", "RunSQL", "AddIndexConcurrently"}]


@pytest.mark.parametrize(
    "one",
    [
        index("customer_id", "total DESC"),
        index("customer_id", include=("id",)),
        index("data jsonb_path_ops", method="gin"),
        index("data", method="gist"),
        index("total", method="brin"),
    ],
)
def test_django_takes_the_index_as_it_is_declared(one: HypotheticalIndex) -> None:
    from django.contrib.postgres import indexes
    from django.db import models

    (_, operation) = operations([one], CATALOG, BOTH)["django"]
    text = operation.removeprefix('AddIndexConcurrently("order", ').removesuffix("),")
    made = eval(text, {"models": models, **vars(indexes)})

    assert made.name == one.name
    assert made.include == tuple(one.include)
    assert len(made.fields) == len(one.columns)


def test_tools_the_project_does_not_use_are_not_spoken_of() -> None:
    assert operations([index("customer_id")], CATALOG, Suite()) == {}


def test_writes_pay_bytes_beside_those_of_the_row() -> None:
    assert price(
        [index("customer_id")], {"orders_customer_id_idx": 4_600_000}, CATALOG, Suite()
    ) == ("writes pay 23 bytes a row, beside 182 of the row itself",)
    assert price([index("note")], {"orders_note_idx": 8_192}, CATALOG, Suite()) == (
        "writes pay less than a byte a row, beside 182 of the row itself",
    )
    assert price([index("note")], {}, CATALOG, Suite()) == ()


def test_of_two_tables_indexes_it_is_told_whose_writes_pay() -> None:
    items = msgspec.structs.replace(ORDERS, name="items")
    catalog = msgspec.structs.replace(CATALOG, tables={**CATALOG.tables, items.qualified: items})
    other = msgspec.structs.replace(index("note"), name="i", table=items.qualified)
    sizes = {"orders_customer_id_idx": 4_600_000, "i": 4_600_000}
    assert price([index("customer_id"), other], sizes, catalog, Suite()) == (
        "writes to public.orders pay 23 bytes a row, beside 182 of the row itself",
        "writes to public.items pay 23 bytes a row, beside 182 of the row itself",
    )


def test_an_index_on_what_updates_change_ends_heap_only_updates() -> None:
    suite = Suite(updated={"public.orders": frozenset({"note", "status", "total"})})

    assert ends_hot(index("note"), ORDERS, CATALOG, suite) == {"note"}
    assert ends_hot(index("customer_id", include=("total",)), ORDERS, CATALOG, suite) == {"total"}
    assert ends_hot(index("customer_id", predicate="note = 'x'"), ORDERS, CATALOG, suite) == {
        "note"
    }
    assert price([index("note")], {}, CATALOG, suite) == (
        "updates that change note can no longer be heap-only (HOT)",
    )


def test_it_does_not_where_another_index_had_the_column_or_it_only_summarizes() -> None:
    suite = Suite(updated={"public.orders": frozenset({"status", "total"})})

    assert not ends_hot(index("status"), ORDERS, CATALOG, suite)
    assert not ends_hot(index("total", method="brin"), ORDERS, CATALOG, suite)
    assert not ends_hot(index("customer_id"), ORDERS, CATALOG, suite)


def reasons(name: str, catalog: Catalog = CATALOG) -> tuple[str, ...]:
    return why_none_serves([fix_plans.reads_of(name)["orders"]], catalog)


def test_why_no_index_serves_is_said() -> None:
    behind = with_index(keys=("total", "customer_id"))
    partial = with_index(predicate="(status = 'open')")

    assert reasons("seq_equality") == ()
    assert reasons("seq_equality", behind) == ("index more has customer_id only behind total",)
    assert reasons("seq_equality", partial) == (
        "index more holds only rows where (status = 'open')",
    )


def test_an_index_that_the_new_one_begins_with_can_go() -> None:
    new = index("customer_id", "total")

    assert superfluous(new, with_index()) == ("more",)


@pytest.mark.parametrize(
    "facts",
    [
        {"keys": ("total",)},
        {"unique": True},
        {"constraint": "more_key"},
        {"include": ("note",)},
        {"predicate": "(note = 'x')"},
        {"valid": False},
        {"method": "hash"},
    ],
)
def test_others_have_to_stay(facts: dict[str, object]) -> None:
    assert superfluous(index("customer_id", "total"), with_index(**facts)) == ()
