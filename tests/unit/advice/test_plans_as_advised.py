from __future__ import annotations

import fix_plans
from pytest_planguard.advice.suite import Suite
from pytest_planguard.advice.worded import Worded
from pytest_planguard.model.plan import PlanNode
from pytest_planguard.model.ports import HypotheticalIndex

CATALOG = fix_plans.catalog()
EVENTS = HypotheticalIndex("events_account_id_7_idx", "public.events", "btree", ("account_id",))


def worded(*indexes: HypotheticalIndex) -> Worded:
    made = {one.name: one for one in indexes}
    return Worded(made, frozenset(made), {}, CATALOG, Suite(), {})


def scan(index: str | None, relation: str = "events", kind: str = "Index Scan") -> PlanNode:
    return PlanNode(node_type=kind, relation_name=relation, schema="public", index=index)


def test_a_plan_of_the_copy_has_the_indexes_by_the_names_they_are_advised_by() -> None:
    limit = PlanNode(node_type="Limit", children=(scan("events_account_id_7_idx"),))

    (below,) = worded(EVENTS).as_advised(limit).children

    assert below.index == "events_account_id_idx"


def test_a_partitions_new_index_is_known_by_its_table_also_below_a_bitmap() -> None:
    partition = next(name for name in CATALOG.tables if CATALOG.root_of(name) != name)
    name = partition.removeprefix("public.")
    bitmap = PlanNode(node_type="Bitmap Index Scan", index=f"{name}_account_id_idx9")
    heap = PlanNode(
        node_type="Bitmap Heap Scan", relation_name=name, schema="public", children=(bitmap,)
    )

    (below,) = worded(EVENTS).as_advised(heap).children

    assert below.index == "events_account_id_idx"


def test_an_index_that_is_there_keeps_its_name() -> None:
    there = next(one for one in CATALOG.indexes.values() if one.table == "public.events")

    assert worded(EVENTS).as_advised(scan(there.name)).index == there.name


def test_with_two_indexes_on_a_table_a_name_nobody_knows_is_left_as_it_is() -> None:
    other = HypotheticalIndex("events_id_7_idx", "public.events", "btree", ("id",))

    assert (
        worded(EVENTS, other).as_advised(scan("made_by_the_server")).index == "made_by_the_server"
    )
