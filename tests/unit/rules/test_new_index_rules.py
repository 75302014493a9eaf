"""IDX003 and IDX005."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

import fix_plans
from pytest_planguard.model.baseline import World
from pytest_planguard.model.catalog import Index
from pytest_planguard.model.finding import Advice, Candidate, Severity
from pytest_planguard.model.judgement import ReferentialCheck, RunContext
from pytest_planguard.model.spec import Thresholds
from pytest_planguard.rules import duplicate_or_prefix_index, fk_probe_seq_scan


def index(name: str, *keys: str, **facts: Any) -> Index:
    text = f"CREATE INDEX {name} ON public.orders USING btree ({', '.join(keys)})"
    return Index(
        name, "public", "public.orders", "btree", keys, definition=text, pages=1000, **facts
    )


NARROW = index("orders_total_idx", "total")
WIDE = index("orders_total_status_idx", "total", "status")


def world(*indexes: Index) -> World:
    known = {f"public.{one.name}": one.definition for one in indexes}
    return World(18, "C", {}, {}, known, {}, "declared", {})


def duplicates(before: World | None, *indexes: Index, kind: str = "r") -> list[Candidate]:
    catalog = fix_plans.catalog()
    orders = msgspec.structs.replace(catalog.tables["public.orders"], kind=kind)
    of = msgspec.structs.replace(
        catalog,
        indexes={f"public.{one.name}": one for one in indexes},
        tables={**catalog.tables, "public.orders": orders},
    )
    run = RunContext("default", (), of, Thresholds(), before=before)
    return list(duplicate_or_prefix_index.check_run(run))


@pytest.mark.parametrize("before", [world(NARROW), world(WIDE), world()])
def test_a_superfluous_index_is_a_warning_where_either_of_the_two_is_new(before: World) -> None:
    (found,) = duplicates(before, NARROW, WIDE)

    assert (found.severity, found.relation, found.key) == (Severity.WARNING, "public.orders", "")
    assert found.message == (
        "index orders_total_idx (8.2 MB) of public.orders has the leading keys of "
        "orders_total_status_idx: (total) and (total, status); each row written writes both"
    )
    assert found.remedy == "DROP INDEX CONCURRENTLY public.orders_total_idx;"


def test_what_the_baseline_has_is_silent_also_under_another_name() -> None:
    renamed = index("total_idx", "total")

    assert duplicates(world(NARROW, WIDE), NARROW, WIDE) == []
    assert duplicates(world(NARROW, WIDE), renamed, WIDE) == []


def test_without_a_baseline_it_is_an_information() -> None:
    assert [one.severity for one in duplicates(None, NARROW, WIDE)] == [Severity.INFO]


def test_of_two_that_are_alike_the_new_one_goes() -> None:
    again = index("a_total_idx", "total")

    (found,) = duplicates(world(NARROW), NARROW, again)

    assert found.remedy == "DROP INDEX CONCURRENTLY public.a_total_idx;"


def test_an_index_of_a_partitioned_table_is_not_dropped_concurrently() -> None:
    (found,) = duplicates(None, NARROW, WIDE, kind="p")

    assert found.remedy == "DROP INDEX public.orders_total_idx;"


ADVICE = Advice(("CREATE INDEX CONCURRENTLY x ON public.orders (customer_id);",), 6945.0, 44.0, 9)


def probed(plan: str = "seq_equality", **facts: Any) -> list[Candidate]:
    """What is said of a DELETE by key of customers, behind which orders are read by a plan."""
    behind = fix_plans.context(plan)
    facts = {
        "constraint": "orders_customer_id_fkey",
        "columns": ("customer_id",),
        "path": ("public.customers", "public.orders"),
        "action": "no action",
        "deletes": True,
        "times": 1.0,
        "plan": behind.plan,
        "reads": behind.worst_reads,
    } | facts
    context = fix_plans.context("primary_key")
    checks = (ReferentialCheck(**facts),)
    return list(fk_probe_seq_scan.check(msgspec.structs.replace(context, checks=checks)))


def test_a_check_that_reads_a_whole_table_is_an_error_with_the_cost_explain_hides() -> None:
    (found,) = probed(advice=ADVICE)

    assert (found.severity, found.relation) == (Severity.ERROR, "public.orders")
    assert found.message == (
        "each row of public.customers that is deleted has 200,000 rows (36.4 MB) of public.orders "
        "read to find those that refer to it by customer_id; cost 6,940 behind a plan of 8.4"
    )
    assert (found.remedy, found.verified) == (ADVICE.ddl[0], True)
    assert found.evidence["cost_hidden"] == pytest.approx(6945)
    assert found.evidence["cost_shown"] == pytest.approx(8.44)


def test_where_no_index_was_proven_to_help_it_is_a_warning_without_one() -> None:
    (found,) = probed()

    assert found.severity is Severity.WARNING
    assert "no index on public.orders (customer_id) was proven to help" in found.remedy


def test_a_column_of_another_type_than_what_it_refers_to_is_the_remedy() -> None:
    (found,) = probed("numeric_cast", columns=("legacy_number",))

    assert found.severity is Severity.WARNING
    assert found.remedy.startswith("give legacy_number the type of what it refers to: ")
    assert "cast from integer to numeric" in found.remedy


def test_through_a_cascade_the_way_and_the_number_are_told() -> None:
    (found,) = probed(
        path=("public.firms", "public.customers", "public.orders"), times=40.0, deletes=False
    )

    assert "each row of public.firms whose key is set" in found.message
    assert "through public.customers, 40 of them a call; cost 278,000" in found.message


@pytest.mark.parametrize("plan", ["primary_key", "bitmap", "relabel"])
def test_a_check_that_an_index_serves_is_silent(plan: str) -> None:
    assert probed(plan) == []


def test_a_small_table_that_refers_is_silent() -> None:
    assert probed(reads=()) == []


def test_one_table_is_named_once_however_many_keys_refer() -> None:
    behind = fix_plans.context("seq_equality")
    one = ReferentialCheck(
        "a_fkey", ("customer_id",), ("public.customers", "public.orders"), "no action", True, 1.0,
        behind.plan, behind.worst_reads,
    )  # fmt: skip
    two = msgspec.structs.replace(one, constraint="b_fkey", columns=("total",), times=2.0)
    context = msgspec.structs.replace(fix_plans.context("primary_key"), checks=(one, two))

    (found,) = fk_probe_seq_scan.check(context)

    assert "refer to it by total" in found.message
