from __future__ import annotations

from typing import Any

import pytest

import fix_plans
from pytest_planguard.model.plan import PlanNode
from pytest_planguard.sql.sorts import LimitedSort, limited_sorts


def node(kind: str, *children: PlanNode, **facts: Any) -> PlanNode:
    facts = {"parent_relationship": "Outer", "rows": 1.0} | facts
    return PlanNode(node_type=kind, children=children, **facts)


def sort(rows: float = 1e6, *below: PlanNode, **facts: Any) -> PlanNode:
    scan = node("Seq Scan", rows=rows, total_cost=800.0)
    facts = {"startup_cost": 1000.0, "sort_key": ("o.total DESC",)} | facts
    return node("Sort", *(below or (scan,)), rows=rows, **facts)


def found(root: PlanNode) -> LimitedSort:
    (one,) = limited_sorts(root)
    return one


@pytest.mark.parametrize("major", fix_plans.MAJORS)
def test_a_sort_below_a_limit_knows_what_goes_in_and_what_comes_out(major: int) -> None:
    one = found(fix_plans.root("sort_limit", major))

    assert (one.rows, one.returned) == (10, 5)
    assert one.leading == (("orders", "total"), ("orders", "id"))


@pytest.mark.parametrize("silent", ["full_read", "grouped", "distinct_window", "limit_stops_early"])
def test_without_a_limit_or_without_a_sort_there_is_none(silent: str) -> None:
    assert list(limited_sorts(fix_plans.root(silent))) == []


def test_the_work_of_the_sort_is_told_from_what_it_reads() -> None:
    one = found(node("Limit", sort(), rows=20))

    assert (one.cost, one.own_cost) == (1000.0, 200.0)


@pytest.mark.parametrize(
    "passing", ["Unique", "WindowAgg", "Result", "LockRows", "Subquery Scan", "Nested Loop"]
)
def test_nodes_that_pass_rows_on_do_not_hide_it(passing: str) -> None:
    assert found(node("Limit", node(passing, sort()), rows=20)).rows == 1e6


@pytest.mark.parametrize("joining", ["Merge Join", "Hash Join"])
def test_what_a_join_sorts_for_itself_is_not_the_limits(joining: str) -> None:
    assert list(limited_sorts(node("Limit", node(joining, sort()), rows=20))) == []


def test_a_group_of_sorted_rows_is_cut_off_as_rows_are() -> None:
    grouped = node("Aggregate", sort(), strategy="Sorted", group_key=("o.total",))

    assert found(node("Limit", grouped, rows=20)).rows == 1e6


def test_groups_in_a_hash_table_are_all_made_before_the_first_is_returned() -> None:
    scan = node("Seq Scan", rows=5e6, total_cost=700.0)
    grouped = node(
        "Aggregate", scan, strategy="Hashed", group_key=("o.total",), rows=4e6, startup_cost=900.0
    )

    one = found(node("Limit", grouped, rows=10))

    assert (one.hashed, one.rows, one.own_cost, one.leading) == (
        True,
        4e6,
        200.0,
        (("o", "total"),),
    )


def test_an_incremental_sort_sorts_a_batch_before_its_first_row() -> None:
    scan = node("Index Scan", rows=1e6, total_cost=900.0)
    batches = node("Incremental Sort", scan, rows=1e6, startup_cost=20.0, total_cost=1000.0,
                   sort_key=("o.total DESC", "o.id"))  # fmt: skip

    one = found(node("Limit", batches, rows=20))

    assert (one.rows, one.cost, one.own_cost) == (20_000, 20.0, 2.0)


def test_an_aggregate_without_groups_is_no_sort() -> None:
    assert list(limited_sorts(node("Limit", node("Aggregate", strategy="Plain")))) == []


def test_workers_and_partitions_are_added_up() -> None:
    shared = node("Gather Merge", sort(1e6), workers_planned=2)
    parts = node(
        "Merge Append",
        sort(1e6, parent_relationship="Member"),
        sort(5e5, parent_relationship="Member"),
    )

    assert found(node("Limit", shared, rows=20)).rows == pytest.approx(2.4e6)
    assert found(node("Limit", parts, rows=20)).rows == 1.5e6


@pytest.mark.parametrize(
    ("key", "leading"),
    [
        ("o.total DESC NULLS LAST", (("o", "total"),)),
        ('o."Total"', (("o", "Total"),)),
        ("lower(o.name)", ()),
        ("((o.a - o.b)) DESC", ()),
        ("((o.data ->> 'x'::text))", ()),
        ("(count(*)) DESC", ()),
    ],
)
def test_only_plain_columns_are_what_an_index_could_be_ordered_by(key: str, leading: Any) -> None:
    assert found(node("Limit", sort(sort_key=(key,)))).leading == leading


def test_keys_of_another_table_end_what_one_index_could_give() -> None:
    one = found(node("Limit", sort(sort_key=("o.a", "c.b", "o.d"))))

    assert one.leading == (("o", "a"),)


@pytest.mark.parametrize(
    ("group_key", "is_of_groups"), [(("c.id", "o.total"), True), (("o.total", "c.id"), False)]
)
def test_groups_sorted_by_what_they_are_not_grouped_by_come_in_no_index_order(
    group_key: tuple[str, ...], is_of_groups: bool
) -> None:
    grouped = node("Aggregate", node("Seq Scan"), strategy="Hashed", group_key=group_key)

    one = found(node("Limit", sort(1e6, node("Hash Join", grouped), sort_key=("o.total",))))

    assert one.is_of_groups is is_of_groups
