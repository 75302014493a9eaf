from __future__ import annotations

import msgspec

import fix_plans
from pytest_planguard.advice.ddl import statements
from pytest_planguard.model.ports import HypotheticalIndex


def test_a_table_is_indexed_concurrently() -> None:
    index = HypotheticalIndex(
        "orders_created_at_partial_idx", "public.orders", "btree", ("created_at DESC",),
        predicate="status = 'pending'::text",
    )  # fmt: skip

    (made,) = statements(index, fix_plans.catalog())
    assert made == (
        "CREATE INDEX CONCURRENTLY orders_created_at_partial_idx ON public.orders "
        "(created_at DESC) WHERE status = 'pending'::text;"
    )


def test_a_partitioned_table_is_indexed_part_by_part() -> None:
    index = HypotheticalIndex("events_account_id_idx", "public.events", "btree", ("account_id",))

    first, *parts = statements(index, fix_plans.catalog())

    assert first == "CREATE INDEX events_account_id_idx ON ONLY public.events (account_id);"
    assert parts[:2] == [
        "CREATE INDEX CONCURRENTLY events_1_account_id_idx ON public.events_1 (account_id);",
        "ALTER INDEX public.events_account_id_idx ATTACH PARTITION public.events_1_account_id_idx;",
    ]
    assert len(parts) == 8


def test_a_partition_that_has_partitions_is_attached_after_its_own() -> None:
    catalog = fix_plans.catalog()
    middle = msgspec.structs.replace(catalog.tables["public.events_1"], kind="p")
    leaf = msgspec.structs.replace(
        middle, kind="r", name="events_1_a", parents=("public.events_1",)
    )
    tables = {
        "public.events": catalog.tables["public.events"],
        "public.events_1": middle,
        "public.events_1_a": leaf,
    }
    index = HypotheticalIndex("events_id_idx", "public.events", "btree", ("id",))

    assert statements(index, msgspec.structs.replace(catalog, tables=tables)) == (
        "CREATE INDEX events_id_idx ON ONLY public.events (id);",
        "CREATE INDEX events_1_id_idx ON ONLY public.events_1 (id);",
        "CREATE INDEX CONCURRENTLY events_1_a_id_idx ON public.events_1_a (id);",
        "ALTER INDEX public.events_1_id_idx ATTACH PARTITION public.events_1_a_id_idx;",
        "ALTER INDEX public.events_id_idx ATTACH PARTITION public.events_1_id_idx;",
    )
