"""PLN004, PLN005 and PLN006: plans that read much more than they return."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

import fix_plans
from pytest_planguard.model.finding import Advice, Candidate, Severity
from pytest_planguard.model.judgement import Context, Rewrite
from pytest_planguard.model.plan import PlanNode
from pytest_planguard.model.spec import Thresholds
from pytest_planguard.rules import (
    index_over_read,
    large_sort,
    no_partition_pruning,
    seq_scan_large_table,
)

ADVICE = Advice(("CREATE INDEX CONCURRENTLY x ON public.orders (total);",), 6945.0, 44.0, 9)
both = pytest.mark.parametrize("major", fix_plans.MAJORS)


def over_read(name: str, **facts: Any) -> list[Candidate]:
    return list(index_over_read.check(fix_plans.context(name, **facts)))


@both
def test_a_walk_through_an_index_for_few_rows_is_a_scan_in_disguise(major: int) -> None:
    (found,) = over_read("wrong_order_index", major=major)

    assert (found.severity, found.relation) == (Severity.WARNING, "public.orders")
    assert found.evidence["rows_read"] == pytest.approx(20_000, rel=0.01)
    assert "through all of index orders_created_at_idx, and the filter keeps 20" in found.message
    assert "(orders.total = 5.00)" in found.remedy
    assert "cheaper with every value that reads too much: ask for less" in found.remedy


@pytest.mark.parametrize(
    "silent",
    [
        "limit_stops_early",  # most of what it reads is kept
        "bitmap",  # a thousand rows
        "primary_key",
        "seq_equality",  # no index: PLN001
        "index_only_count",  # no filter
    ],
)
def test_it_is_silent_where_an_index_does_what_it_can(silent: str) -> None:
    assert over_read(silent) == []


def test_on_a_critical_table_a_thousand_rows_thrown_away_will_do() -> None:
    critical = Thresholds(
        critical_tables=frozenset({"public.orders"}), cost_share=2.0, large_table_rows=100_000
    )

    assert len(over_read("wrong_order_index", thresholds=critical)) == 1
    assert over_read("limit_stops_early", thresholds=critical) == []


def test_what_was_proven_to_help_is_the_remedy() -> None:
    rewrite = Rewrite("QRY002", "public.orders", "pass an integer", 7445.0, 8.0)

    (advised,) = over_read("wrong_order_index", advice={"public.orders": ADVICE})
    (rewritten,) = over_read("wrong_order_index", rewrites=(rewrite,))

    assert (advised.remedy, advised.verified) == (ADVICE.ddl[0], True)
    assert (rewritten.remedy, rewritten.verified) == ("pass an integer", True)


def sorting(rows: float, returned: float, **facts: Any) -> Context:
    """A captured plan whose sort and limit have other numbers."""
    context = fix_plans.context("sort_limit", **facts)
    (below,) = context.plan.root.children
    keys = facts.get("keys", below.sort_key)
    sort = msgspec.structs.replace(below, rows=rows, sort_key=keys)
    root = msgspec.structs.replace(context.plan.root, rows=returned, children=(sort,))
    plan = msgspec.structs.replace(context.plan, root=root)
    return msgspec.structs.replace(
        context, planned=msgspec.structs.replace(context.planned, plans=(plan,))
    )


def sorts(rows: float, returned: float, **facts: Any) -> list[Candidate]:
    return list(large_sort.check(sorting(rows, returned, **facts)))


def test_many_rows_sorted_to_return_few_are_a_warning_of_the_table_that_gives_the_order() -> None:
    (found,) = sorts(150_000, 20)

    assert (found.severity, found.relation) == (Severity.WARNING, "public.orders")
    assert found.message.startswith(
        "sorts 150,000 rows by orders.total DESC, orders.id to return 20; cost "
    )
    assert "ends in total, id" in found.remedy


@pytest.mark.parametrize(("rows", "returned"), [(9_000, 20), (150_000, 10_000), (150_000, 150_000)])
def test_few_rows_sorted_or_many_returned_are_none(rows: float, returned: float) -> None:
    assert sorts(rows, returned) == []


@pytest.mark.parametrize("name", ["full_read", "sort_limit", "grouped", "keyset", "max_of"])
def test_a_sort_without_a_limit_and_a_short_one_are_none(name: str) -> None:
    assert list(large_sort.check(fix_plans.context(name))) == []


def test_an_index_that_gives_the_order_is_the_remedy_where_it_was_proven() -> None:
    (found,) = sorts(150_000, 20, advice={"public.orders": ADVICE})

    assert (found.remedy, found.advice, found.verified) == (ADVICE.ddl[0], ADVICE, True)


def test_a_computed_order_counts_only_where_sorting_itself_is_dear() -> None:
    context = sorting(150_000, 20)
    (below,) = context.plan.root.children
    (scan,) = below.children

    def computed(own_cost: float) -> list[Candidate]:
        sort = msgspec.structs.replace(
            below, sort_key=("((orders.total * 2)) DESC",), startup_cost=scan.total_cost + own_cost
        )
        root = msgspec.structs.replace(context.plan.root, children=(sort,))
        plan = msgspec.structs.replace(context.plan, root=root)
        planned = msgspec.structs.replace(context.planned, plans=(plan,))
        return list(large_sort.check(msgspec.structs.replace(context, planned=planned)))

    (found,) = computed(own_cost=5_000.0)
    assert found.relation is None
    assert "in a column of its own" in found.remedy
    assert computed(own_cost=50.0) == []


def unpruned(name: str, **facts: Any) -> list[Candidate]:
    return list(no_partition_pruning.check(fix_plans.context(name, **facts)))


@both
def test_all_partitions_read_for_a_few_rows_are_an_error_that_names_the_key(major: int) -> None:
    (found,) = unpruned("partitions_all", major=major)

    assert (found.severity, found.relation) == (Severity.ERROR, "public.events")
    assert "in all 4 partitions of public.events, and none is left out" in found.message
    assert "the partition key, RANGE (created_at)" in found.message
    assert found.remedy.startswith("add a condition on created_at, the partition key")


@pytest.mark.parametrize(
    "silent", ["partitions_one", "partition_direct", "seq_equality", "partitions_merge_append"]
)
def test_pruned_plans_and_those_that_stop_early_are_silent(silent: str) -> None:
    few = Thresholds(large_table_rows=10_000)

    assert unpruned(silent, thresholds=few) == []


def with_filter(text: str, rows: float = 70_000.0, **node: Any) -> Context:
    """All partitions read, each with another filter."""
    context = fix_plans.context("partitions_all")
    parts = tuple(
        msgspec.structs.replace(
            one, filter=text and text.replace("e.", f"{one.alias}."), rows=rows / 4, **node
        )
        for one in _scans(context.plan.root)
    )
    root = msgspec.structs.replace(context.plan.root, children=parts)
    plan = msgspec.structs.replace(context.plan, root=root)
    from pytest_planguard.sql.reads import reads

    return msgspec.structs.replace(
        context,
        planned=msgspec.structs.replace(context.planned, plans=(plan,)),
        reads={0: reads(root, context.catalog, context.thresholds)},
    )


def _scans(root: PlanNode) -> list[PlanNode]:
    return [node for node in root.walk() if node.relation_name is not None]


def test_a_hash_divides_what_is_asked_of_many_rows() -> None:
    context = with_filter("(e.account_id > 5)", 200_000.0)
    tables = dict(context.catalog.tables)
    tables["public.events"] = msgspec.structs.replace(
        tables["public.events"], partition_key="HASH (id)", partition_columns=("id",)
    )
    hashed = msgspec.structs.replace(
        context, catalog=msgspec.structs.replace(context.catalog, tables=tables)
    )

    assert list(no_partition_pruning.check(hashed)) == []


def test_a_cut_down_key_becomes_the_half_open_range_that_means_the_same() -> None:
    (found,) = no_partition_pruning.check(
        with_filter("(date_trunc('month'::text, e.created_at) = '2025-03-01'::date)")
    )

    assert found.remedy == (
        "instead of date_trunc('month'::text, created_at) write "
        "created_at >= <month> AND created_at < <month> + 1 month"
    )


def test_the_scan_is_then_not_the_fault() -> None:
    key = with_filter("((e.created_at)::date = '2025-03-01'::date)", 100.0)
    other = with_filter("(e.account_id = 5)", 100.0)

    assert list(seq_scan_large_table.check(key)) == []
    assert len(list(seq_scan_large_table.check(other))) == 1


def test_a_report_over_all_rows_has_nothing_to_prune_by() -> None:
    whole = with_filter("")

    assert [read.partitions for read in whole.worst_reads] == [4]
    assert list(no_partition_pruning.check(whole)) == []


def test_a_condition_that_keeps_most_rows_still_leaves_no_partition_out() -> None:
    (found,) = no_partition_pruning.check(with_filter("(e.account_id > 5)", 200_000.0))

    assert found.severity is Severity.ERROR


def test_lookups_in_many_partitions_are_a_warning_and_in_a_few_nothing() -> None:
    context = with_filter("(e.account_id = 5)", 4.0)
    read = msgspec.structs.replace(
        context.worst_reads[0],
        node=msgspec.structs.replace(
            context.worst_reads[0].node, node_type="Index Scan", index="i", index_cond="x"
        ),
        rows_read=4.0,
    )

    def judged(partitions: int) -> list[Severity]:
        tables = dict(context.catalog.tables)
        part = tables["public.events_1"]
        for number in range(4, partitions):
            tables[f"public.more_{number}"] = msgspec.structs.replace(part, name=f"more_{number}")
        many = msgspec.structs.replace(
            context,
            catalog=msgspec.structs.replace(context.catalog, tables=tables),
            reads={0: (msgspec.structs.replace(read, partitions=partitions),)},
        )
        return [one.severity for one in no_partition_pruning.check(many)]

    assert judged(16) == [Severity.WARNING]
    assert judged(15) == []
