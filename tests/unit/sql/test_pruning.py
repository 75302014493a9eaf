from __future__ import annotations

import msgspec
import pytest

import fix_plans
from pytest_planguard.model.catalog import Catalog, Column, Server, Table
from pytest_planguard.model.judgement import Read
from pytest_planguard.model.plan import PlanNode
from pytest_planguard.sql.pruning import Unpruned, unpruned

COLUMNS = (
    Column("id", "bigint", 1, base_type="int8"),
    Column("at", "timestamp with time zone", 2, base_type="timestamptz"),
    Column("region", "text", 3, base_type="text"),
    Column("open", "boolean", 4, base_type="bool"),
)


def catalog(key: str = "RANGE (at)", columns: tuple[str, ...] = ("at",), parts: int = 3) -> Catalog:
    root = Table("public", "e", "p", COLUMNS, partition_key=key, partition_columns=columns)
    leaves = [
        Table("public", f"e_{n}", "r", COLUMNS, parents=("public.e",), partition_bound="FOR VALUES")
        for n in range(parts)
    ]
    return Catalog(Server(180000, "18.0"), {one.qualified: one for one in (root, *leaves)}, {})


def reading(*conditions: str, partitions: int = 3) -> Read:
    return Read(
        PlanNode(node_type="Seq Scan"), "public.e", "e", 1e6, 1.0, 1e8, 9e5, 1.0, 1.0, False,
        conditions=conditions, filter=conditions, partitions=partitions,
    )  # fmt: skip


def judged(
    *conditions: str, of: Catalog | None = None, partitions: int = 3, **settings: str
) -> Unpruned | None:
    return unpruned(reading(*conditions, partitions=partitions), of or catalog(), settings)


@pytest.mark.parametrize(
    "condition",
    [
        "(e.at >= '2026-01-01 00:00:00+00'::timestamp with time zone)",
        "(e.at >= (planguard.now() - '7 days'::interval))",
        "(e.at = $1)",
        "(e.at = d.seen_at)",  # a join's parameter: pruned at execution
        "(d.seen_at = e.at)",
        "(e.at = ANY ('{2026-01-01,2026-02-01}'::date[]))",
        "(e.at IS NULL)",
        "((e.at < '2026-01-01'::date) OR (e.at > '2026-09-01'::date))",
    ],
)
def test_a_condition_that_bounds_can_be_compared_with_is_no_fault(condition: str) -> None:
    assert judged(condition) is None


@pytest.mark.parametrize(
    ("condition", "why"),
    [
        ("(date_trunc('month'::text, e.at) = $1)", "is computed from the key"),
        ("((e.at)::date = '2026-01-01'::date)", "at is cast from timestamp with time zone to date"),
        ("(e.at > clock_timestamp())", "changes while the query runs"),
        ("((e.at < $1) OR (e.id = 5))", "an alternative says nothing of the key"),
        ("(ROW(e.at, e.id) < ROW($1, $2))", "rows are compared as a whole"),
        ("(e.at <> $1)", "says nothing of where"),
    ],
)
def test_a_condition_on_the_key_that_prunes_nothing_is_named_with_the_reason(
    condition: str, why: str
) -> None:
    found = judged("(e.region = 'x'::text)", condition)

    assert found is not None
    assert found.condition is not None
    assert found.condition.text == condition
    assert why in found.why


def test_a_query_that_does_not_ask_about_the_key_is_found_without_a_condition() -> None:
    assert judged("(e.region = 'x'::text)") == Unpruned(3, "RANGE (at)", ("at",))


def test_without_any_condition_there_is_nothing_to_prune_by() -> None:
    assert judged() is None
    assert judged("(d.id = 4)") is None


def test_where_a_partition_was_left_out_or_is_asked_for_by_itself_all_is_well() -> None:
    assert judged("(e.region = 'x'::text)", partitions=2) is None
    assert judged("(e.region = 'x'::text)", of=catalog(parts=1), partitions=1) is None


@pytest.mark.parametrize(
    ("key", "condition", "prunes"),
    [
        ("LIST (region)", "(e.region <> 'x'::text)", True),
        ("LIST (region)", "(lower(e.region) = 'x'::text)", False),
        ("HASH (region)", "(e.region = 'x'::text)", True),
        ("HASH (region)", "(e.region > 'x'::text)", False),
        ("LIST (open)", "e.open", True),
        ("LIST (open)", "(NOT e.open)", True),
    ],
)
def test_lists_and_hashes_have_operators_of_their_own(
    key: str, condition: str, prunes: bool
) -> None:
    of = catalog(key, (key.partition("(")[2].rstrip(")"),))

    assert (judged(condition, of=of) is None) is prunes


def test_of_several_key_columns_the_first_must_be_asked_about() -> None:
    of = catalog("RANGE (region, at)", ("region", "at"))

    assert judged("(e.region = 'x'::text)", of=of) is None
    assert judged("(e.at > $1)", of=of) is not None


def test_partitions_of_partitions_prune_by_their_own_key() -> None:
    plain = catalog()
    divided = msgspec.structs.replace(
        plain.tables["public.e_0"], kind="p", partition_key="LIST (region)",
        partition_columns=("region",),
    )  # fmt: skip
    leaf = msgspec.structs.replace(
        plain.tables["public.e_1"], name="e_0_x", parents=("public.e_0",)
    )
    of = msgspec.structs.replace(
        plain, tables=plain.tables | {"public.e_0": divided, "public.e_0_x": leaf}
    )

    assert judged("(e.region = 'x'::text)", of=of) is None


def test_a_key_that_is_an_expression_may_be_asked_about_by_its_columns() -> None:
    of = catalog("RANGE (date_trunc('month'::text, at))", ())

    assert judged("(date_trunc('month'::text, e.at) = $1)", of=of) is None
    assert judged("(e.id = 5)", of=of) is not None


def test_pruning_that_is_switched_off_is_the_reason() -> None:
    found = judged("(e.at > $1)", enable_partition_pruning="off")

    assert found is not None
    assert found.why == "enable_partition_pruning is off"


@pytest.mark.parametrize("major", fix_plans.MAJORS)
@pytest.mark.parametrize(
    ("name", "is_found"),
    [
        ("partitions_all", True), ("partitions_parallel", True), ("partitions_merge_append", True),
        ("partitions_one", False), ("partition_direct", False), ("seq_equality", False),
    ],
)  # fmt: skip
def test_plans_of_a_server_are_read_alike(name: str, is_found: bool, major: int) -> None:
    of = fix_plans.catalog(major)
    reads = fix_plans.reads_of(name, major).values()

    assert any(unpruned(read, of, {}) is not None for read in reads) is is_found
