from __future__ import annotations

import msgspec
import pytest

import fix_plans
from pytest_planguard.model.catalog import Catalog, Server, Table
from pytest_planguard.model.plan import Access, PlanNode
from pytest_planguard.model.spec import Thresholds
from pytest_planguard.sql.reads import access_of, access_paths, full_index_walk, reads

both = pytest.mark.parametrize("major", fix_plans.MAJORS)


def access(name: str, major: int = 18) -> dict[str, str]:
    found = access_paths(fix_plans.root(name, major), fix_plans.catalog(major))
    return {alias: path.access.value for alias, path in found.items()}


@both
def test_a_sequential_scan_reads_the_table_and_keeps_what_it_returns(major: int) -> None:
    read = fix_plans.reads_of("seq_equality", major)["orders"]

    assert (read.rows_read, read.rows_kept) == (200_000, 10)
    assert read.bytes_read == pytest.approx(4445 * 8192)
    assert read.share == 1.0
    assert read.filter == ("(orders.customer_id = 42)",)


@both
def test_a_limit_lets_only_a_part_of_the_scan_run(major: int) -> None:
    read = fix_plans.reads_of("limit_seq_stops_early", major)["orders"]

    assert read.limited
    assert read.rows_read < 30
    assert read.rows_kept == pytest.approx(10, rel=0.01)


@both
def test_a_sort_below_the_limit_needs_all_rows_and_leaves_its_order(major: int) -> None:
    read = fix_plans.reads_of("sort_limit", major)["orders"]

    assert not read.limited
    assert read.rows_read == 200_000
    assert read.order == ("orders.total DESC", "orders.id")


def test_the_first_batch_of_an_incremental_sort_is_read_as_a_whole() -> None:
    scan = PlanNode(
        node_type="Index Scan", schema="public", relation_name="orders", alias="orders",
        index="orders_pkey", startup_cost=0.0, total_cost=100_000.0, rows=200_000.0,
        parent_relationship="Outer",
    )  # fmt: skip
    sort = PlanNode(
        node_type="Incremental Sort", startup_cost=10_000.0, total_cost=120_000.0, rows=200_000.0,
        sort_key=("orders.id DESC", "orders.status"), children=(scan,),
        parent_relationship="Outer",
    )  # fmt: skip
    limit = PlanNode(node_type="Limit", total_cost=10_011.0, rows=20.0, children=(sort,))

    (read,) = reads(limit, fix_plans.catalog(), Thresholds())

    assert read.rows_read == pytest.approx(20_000)
    assert read.order == ("orders.id DESC", "orders.status")


@both
def test_the_wrong_index_for_the_order_is_read_far_and_counts_as_a_heavy_filter(major: int) -> None:
    read = fix_plans.reads_of("wrong_order_index", major)["orders"]

    assert full_index_walk(read.node)
    assert read.rows_read == pytest.approx(20_000, rel=0.01)
    assert access("wrong_order_index", major) == {"orders": "index-filter"}


@both
def test_a_walk_that_stops_early_is_an_index_scan_like_any_other(major: int) -> None:
    assert access("limit_stops_early", major) == {"orders": "index"}


@both
def test_the_inner_side_of_a_nested_loop_counts_once_a_loop(major: int) -> None:
    read = fix_plans.reads_of("nested_loop_inner_seq", major)["o"]

    assert read.loops == 3
    assert read.rows_read == 600_000


@both
def test_below_memoize_only_misses_count(major: int) -> None:
    read = fix_plans.reads_of("memoize_many", major)["c"]

    assert 20_000 <= read.loops < 50_000  # of 200,000 rows with 20,000 different keys


@both
def test_processes_share_a_parallel_scan_and_its_rows_are_summed(major: int) -> None:
    read = fix_plans.reads_of("seq_equality_parallel", major)["o"]

    assert read.rows_read == 200_000
    assert read.rows_kept == pytest.approx(200, rel=0.02)


@both
def test_partitions_are_one_read_of_their_root(major: int) -> None:
    read = fix_plans.reads_of("partitions_all", major)["events"]

    assert (read.relation, read.partitions) == ("public.events", 4)
    assert read.rows_read == 250_000
    assert read.filter == ("(events.account_id = 7)",)


@both
def test_partitions_below_a_parallel_append_are_read_once(major: int) -> None:
    assert fix_plans.reads_of("partitions_parallel", major)["events"].rows_read == 250_000


@both
def test_one_partition_left_after_pruning_is_read_alone(major: int) -> None:
    read = fix_plans.reads_of("partitions_one", major)["events"]

    assert read.partitions == 1
    assert read.rows_read < 60_000


@both
def test_a_partition_asked_for_by_name_keeps_its_alias(major: int) -> None:
    assert access("partition_direct", major) == {"events_1": "seq"}


@both
def test_the_cost_of_a_subselect_is_not_its_parents(major: int) -> None:
    found = fix_plans.reads_of("subplan", major)

    assert found["o"].share > 0.99
    assert found["c"].share < 0.01


@both
def test_a_hashed_subselect_runs_once(major: int) -> None:
    assert fix_plans.reads_of("hashed_subplan", major)["o"].loops == 1


@both
def test_an_init_plan_runs_once_beside_its_parent(major: int) -> None:
    found = fix_plans.reads_of("init_plan", major)

    assert found["orders"].cost == pytest.approx(6945)
    assert found["customers"].cost == pytest.approx(437)


@both
def test_a_bitmap_reads_what_its_index_selects(major: int) -> None:
    read = fix_plans.reads_of("index_with_filter", major)["orders"]

    assert read.rows_read > 30_000
    assert read.rows_kept == 2
    assert access("index_with_filter", major) == {"orders": "index-filter"}


@both
def test_self_joins_keep_their_aliases_apart(major: int) -> None:
    assert access("self_join", major) == {"a": "seq", "b": "index"}


def test_a_probe_tells_what_the_index_condition_alone_selects() -> None:
    node = fix_plans.root("job_queue")
    scan = next(one for one in node.walk() if one.node_type == "Index Scan")
    catalog = fix_plans.catalog()

    without = access_paths(node, catalog)["orders"].access
    probed = access_paths(node, catalog, {id(scan): 40_000.0})["orders"].access

    assert (without, probed) == (Access.INDEX, Access.INDEX_FILTER)


def test_an_alias_met_twice_is_numbered() -> None:
    scan = fix_plans.root("seq_equality")
    twice = msgspec.structs.replace(
        fix_plans.root("primary_key"),
        children=(msgspec.structs.replace(scan, parent_relationship="InitPlan"),),
    )

    found = access_paths(twice, fix_plans.catalog())

    assert {alias: path.access.value for alias, path in found.items()} == {
        "orders": "index", "orders#2": "seq",
    }  # fmt: skip


def test_small_tables_are_left_out_unless_they_are_critical() -> None:
    node, catalog = fix_plans.root("join_hash"), fix_plans.catalog()

    large = reads(node, catalog, Thresholds(large_table_rows=100_000))
    critical = Thresholds(large_table_rows=100_000, critical_tables=frozenset({"public.customers"}))

    assert [read.alias for read in large] == ["o"]
    assert [read.alias for read in reads(node, catalog, critical)] == ["o", "c"]


def test_the_update_of_a_table_is_not_a_read_of_it() -> None:
    assert access("update") == {"orders": "seq"}


def test_what_reads_no_table_is_of_another_class() -> None:
    node = msgspec.structs.replace(
        fix_plans.root("seq_equality"), node_type="Function Scan", relation_name=None,
        function_name="generate_series", alias="g", filter=None,
    )  # fmt: skip

    assert access_paths(node, fix_plans.catalog())["g"].access is Access.OTHER
    assert access_of(node) is Access.OTHER


def partitioned_scan(*parts):
    """A catalog and an Append over partitions given as (rows, node type)."""
    tables = {"public.events": Table("public", "events", "p", (), rows=sum(n for n, _ in parts))}
    children = []
    for number, (rows, node_type) in enumerate(parts, 1):
        name = f"events_{number}"
        tables[f"public.{name}"] = Table(
            "public",
            name,
            "r",
            (),
            rows=rows,
            parents=("public.events",),
            partition_bound="DEFAULT",
        )
        children.append(
            PlanNode(
                node_type=node_type, relation_name=name, schema="public", alias=f"events_{number}",
                index="i" if node_type == "Index Scan" else None, total_cost=8.0, rows=1.0,
            )
        )  # fmt: skip
    catalog = Catalog(Server(180006, "18.6"), tables, {})
    return PlanNode(node_type="Append", total_cost=20.0, children=tuple(children)), catalog


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ([(60_000_000, "Index Scan"), (0, "Seq Scan")], Access.INDEX),
        ([(60_000_000, "Index Scan"), (60_000_000, "Seq Scan")], Access.SEQ),
        ([(50, "Index Scan"), (50, "Seq Scan")], Access.SEQ),
    ],
)
def test_a_scan_of_a_small_partition_beside_large_ones_is_not_how_a_table_is_read(parts, expected):
    root, catalog = partitioned_scan(*parts)
    (path,) = access_paths(root, catalog).values()
    assert (path.relation, path.access) == ("public.events", expected)


def test_a_merge_join_reads_no_more_of_a_table_than_it_pays_for() -> None:
    whole = PlanNode(
        node_type="Index Scan", relation_name="orders", schema="public", alias="orders",
        index="orders_pkey", parent_relationship="Outer", rows=200_000, total_cost=8_000.0,
    )  # fmt: skip
    few = PlanNode(node_type="Function Scan", function_name="f", parent_relationship="Inner")

    def rows_read(cost: float) -> float:
        join = PlanNode(node_type="Merge Join", total_cost=cost, children=(whole, few))
        (read,) = reads(join, fix_plans.catalog(), Thresholds())
        return read.rows_read

    assert rows_read(80.0) == pytest.approx(2_000)
    assert rows_read(9_000.0) == 200_000


def test_a_shared_scan_keeps_no_more_rows_than_its_table_has() -> None:
    """One worker reads what is small: 200,000 rows over 1.7 processes, below a Gather of 2.4."""
    scan = PlanNode(
        node_type="Seq Scan", relation_name="orders", schema="public", alias="orders",
        parallel_aware=True, rows=117_647, total_cost=6_000.0, parent_relationship="Outer",
    )  # fmt: skip
    gather = PlanNode(
        node_type="Gather", workers_planned=2, rows=200_000, total_cost=7_000.0, children=(scan,)
    )
    (read,) = reads(gather, fix_plans.catalog(), Thresholds())
    assert read.rows_read == read.rows_kept == 200_000
