"""Rules of query shapes that stand alone, over plans made up for the purpose."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

import fix_plans
from pytest_planguard.model.finding import Advice, Candidate, Severity
from pytest_planguard.model.judgement import Context, DeepPage, Rewrite
from pytest_planguard.model.plan import PlanNode
from pytest_planguard.model.spec import Thresholds
from pytest_planguard.model.statement import Layer
from pytest_planguard.rules import (
    cartesian_join,
    deep_offset,
    dml_touches_many_rows,
    huge_in_list,
    leading_wildcard,
    locking_scan,
    not_in_subquery,
    prefix_like_opclass,
)
from pytest_planguard.sql.reads import reads


def node(kind: str, *children: PlanNode, **facts: Any) -> PlanNode:
    return PlanNode(node_type=kind, children=children, **{"total_cost": 1000.0, **facts})


def scan(table: str, alias: str, rows: float, side: str = "Outer", **facts: Any) -> PlanNode:
    return node(
        "Seq Scan", relation_name=table, schema="public", alias=alias, rows=rows,
        parent_relationship=side, **facts,
    )  # fmt: skip


def context(root: PlanNode, **more: Any) -> Context:
    """What a rule is given for a plan, over the tables of fixtures/plans."""
    catalog = fix_plans.catalog()
    query = fix_plans.query("SELECT 1", layer=more.pop("layer", Layer.APPLICATION))
    return Context(
        query=query,
        planned=fix_plans.planned(root, catalog),
        catalog=catalog,
        thresholds=Thresholds(),
        reads={0: reads(root, catalog, Thresholds())},
        **more,
    )


def filtered(text: str, name: str = "seq_equality", **more: Any) -> Context:
    """A captured plan whose read has another filter."""
    found = fix_plans.context(name, **more)
    changed = tuple(
        msgspec.structs.replace(read, filter=(text,), conditions=(text,)) for read in found.reads[0]
    )
    return msgspec.structs.replace(found, reads={0: changed})


# QRY003, QRY004


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("(orders.note ~~ '%late%'::text)", "USING gin (note gin_trgm_ops)"),
        ("(orders.note ~~ '%late'::text)", "index on (reverse(note) text_pattern_ops)"),
        ("(orders.note ~~* 'late%'::text)", "index on (lower(note) text_pattern_ops)"),
        ("(orders.note ~ 'late'::text)", "USING gin (note gin_trgm_ops)"),
    ],
)
def test_each_kind_of_pattern_has_its_own_remedy(text, says):
    (found,) = leading_wildcard.check(filtered(text))

    assert says in found.remedy
    assert "late" not in found.message + found.remedy


@pytest.mark.parametrize(
    "text", ["(orders.note ~~ 'late%'::text)", "(orders.note ~ '^late'::text)"]
)
def test_a_pattern_with_a_beginning_is_no_wildcard(text):
    assert list(leading_wildcard.check(filtered(text))) == []


def test_a_proven_trigram_index_is_the_remedy():
    ddl = "CREATE INDEX CONCURRENTLY x ON public.orders USING gin (note gin_trgm_ops);"
    advice = {"public.orders": Advice((ddl,), 6945.0, 44.0, 9)}

    (found,) = leading_wildcard.check(filtered("(orders.note ~~ '%late%'::text)", advice=advice))

    assert found.remedy == ddl


def test_a_beginning_meets_an_index_in_a_languages_order():
    text = "((orders.status)::text ~~ 'op%'::text)"
    (found,) = prefix_like_opclass.check(filtered(text))

    assert found.message == (
        "index orders_status_created_at_idx sorts status of public.orders by the database's "
        "collation, so it can't be entered by the beginning of a value"
    )
    assert "(status varchar_pattern_ops)" in found.remedy


def test_an_index_with_the_pattern_class_or_in_the_collation_c_is_no_obstacle():
    text = "((orders.status)::text ~~ 'op%'::text)"
    catalog = fix_plans.catalog()
    name = "public.orders_status_created_at_idx"
    patterned = msgspec.structs.replace(
        catalog.indexes[name], opclasses=("varchar_pattern_ops", "timestamptz_ops")
    )
    bytewise = msgspec.structs.replace(catalog.indexes[name], collations=("C", None))
    for index in (patterned, bytewise):
        known = msgspec.structs.replace(catalog, indexes={**catalog.indexes, name: index})
        assert list(prefix_like_opclass.check(filtered(text, of=known))) == []
    builtin = msgspec.structs.replace(catalog.server, collation_provider="builtin")
    known = msgspec.structs.replace(catalog, server=builtin)
    assert list(prefix_like_opclass.check(filtered(text, of=known))) == []


# QRY005


def not_in(text: str, inner: float = 200_000.0, kind: str = "Materialize") -> Context:
    below = scan("orders", "o", inner, "Outer")
    plan = node(kind, below, rows=inner, parent_relationship="SubPlan", subplan_name="SubPlan 1")
    outer = {"relation_name": "customers", "schema": "public", "alias": "c", "filter": text}
    return context(node("Seq Scan", plan, rows=10_000.0, **outer))


@pytest.mark.parametrize(
    "text",
    ["(NOT (SubPlan 1))", "(NOT (ANY (c.id = (SubPlan 1).col1)))",
             "(ALL (c.id <> (SubPlan 1).col1))"],
)  # fmt: skip
def test_a_list_that_is_compared_row_by_row_is_named_with_both_numbers(text):
    (found,) = not_in_subquery.check(not_in(text))

    assert (found.relation, found.severity) == ("public.customers", Severity.ERROR)
    assert "each of 20,000 rows of public.customers with up to 200,000 rows" in found.message
    assert "NOT EXISTS" in found.remedy


@pytest.mark.parametrize(
    "quiet",
    [
        not_in("(NOT (hashed SubPlan 1))"),
        not_in("(NOT (ANY (c.id = (hashed SubPlan 1).col1)))"),
        not_in("(NOT EXISTS(SubPlan 1))"),
        not_in("(NOT (SubPlan 1))", inner=100.0),
        not_in("(NOT (SubPlan 1))", kind="Index Scan"),
        fix_plans.context("hashed_subplan"),
    ],
)
def test_what_is_hashed_short_or_looked_up_is_silent(quiet):
    assert list(not_in_subquery.check(quiet)) == []


def test_a_proven_anti_join_is_the_remedy():
    rewrite = Rewrite("QRY005", "public.customers", "write NOT EXISTS (…)", 9e9, 9e4)
    found = msgspec.structs.replace(not_in("(NOT (SubPlan 1))"), rewrites=(rewrite,))
    (said,) = not_in_subquery.check(found)

    assert said.remedy == "write NOT EXISTS (…); cost 9,000,000,000 → 90,000"
    assert said.verified
    assert said.evidence["cost_after"] == 9e4


# QRY006


def paged(**facts: Any) -> list[Candidate]:
    page = DeepPage(20_000.0, 1.9, 8_400.0, relations=(("orders", "o"),), **facts)
    found = context(node("Limit", scan("orders", "o", 200_000.0)), deep_page=page)
    return list(deep_offset.check(found))


@pytest.mark.parametrize(
    ("order", "condition"),
    [
        ((("o.id", False),), "WHERE o.id > <last id> ORDER BY o.id LIMIT n"),
        (
            (("o.created_at", True),),
            (
                "WHERE (o.created_at, o.id) < (<last created_at>, <last id>) "
                "ORDER BY o.created_at DESC, o.id DESC LIMIT n"
            ),
        ),
        (
            (("o.total", False), ("o.created_at", True)),
            (
                "WHERE o.total >= <last total> AND (o.total > <last total> OR o.created_at <= "
                "<last created_at> AND (o.created_at < <last created_at> OR o.id < <last id>)) "
                "ORDER BY o.total, o.created_at DESC, o.id DESC LIMIT n"
            ),
        ),
        ((), "WHERE id > <last id> ORDER BY id LIMIT n"),
    ],
)
def test_the_next_page_is_written_for_the_querys_own_order(order, condition):
    columns = tuple(name.removeprefix("o.") for name, _ in order)
    (found,) = paged(order=order, columns=columns)

    assert condition in found.remedy
    assert found.relation == "public.orders"
    assert found.message.startswith("a page behind 20,000 rows, a tenth of all, costs 8,400")


def test_rows_that_have_no_place_in_the_order_are_spoken_of():
    (found,) = paged(order=(("o.note", False),), columns=("note",))

    assert "rows where note is NULL are asked for apart" in found.remedy


def test_a_deep_page_that_costs_no_more_is_silent():
    root = node("Limit", scan("orders", "o", 200_000.0))
    for before, deep in ((8_000.0, 8_400.0), (1.0, 90.0)):
        page = DeepPage(20_000.0, before, deep)
        assert list(deep_offset.check(context(root, deep_page=page))) == []
    assert list(deep_offset.check(context(root))) == []


# QRY009


def crossed(outer: float = 2_000.0, inner: float = 9_000.0, **facts: Any) -> list[Candidate]:
    right = scan("orders", "o", inner, "Inner", **facts.pop("right", {}))
    loop = {"join_type": "Inner", "total_cost": 1000.0, **facts}
    root = node("Nested Loop", scan("customers", "c", outer), right, rows=outer * inner, **loop)
    return list(cartesian_join.check(context(facts.get("above", root))))


def test_pairs_of_everything_are_named_with_the_condition_that_is_missing():
    (found,) = crossed()

    assert (found.relation, found.severity) == ("public.orders", Severity.ERROR)
    assert found.message.startswith(
        "pairs each of 2,000 rows of c with each of 9,000 rows of o: 18.0M pairs"
    )
    assert "add o.customer_id = c.id" in found.remedy


@pytest.mark.parametrize(
    "facts",
    [
        {"join_filter": "(c.id = o.customer_id)"},
        {"right": {"filter": "(o.customer_id = c.id)"}},
        {"right": {"index_cond": "(o.customer_id = c.id)"}},
        {"join_type": "Semi"},
        {"outer": 12.0},
        {"outer": 200.0, "inner": 300.0},
    ],
)
def test_what_is_joined_or_few_is_silent(facts):
    assert crossed(**facts) == []


def test_pairs_that_a_limit_stops_early_are_silent():
    loop = node(
        "Nested Loop", scan("customers", "c", 2_000.0), scan("orders", "o", 9_000.0, "Inner"),
        join_type="Inner", total_cost=500_000.0, parent_relationship="Outer",
    )  # fmt: skip
    limit = node("Limit", loop, total_cost=1.2)

    assert list(cartesian_join.check(context(limit))) == []


# QRY010


def locked(clause: str, *, layer: str = "LockRows") -> list[Candidate]:
    below = scan("orders", "o", 10.0, filter="(o.note = 'x'::text)", total_cost=6945.0)
    found = context(node(layer, below, total_cost=6945.0))
    text = f"SELECT o.id FROM orders o JOIN customers c ON true {clause}"
    (variant,) = found.query.variants
    variants = (msgspec.structs.replace(variant, plannable=text),)
    query = msgspec.structs.replace(found.query, variants=variants)
    return list(locking_scan.check(msgspec.structs.replace(found, query=query)))


@pytest.mark.parametrize("clause", ["FOR UPDATE", "FOR SHARE OF c FOR UPDATE OF o NOWAIT"])
def test_a_scan_that_locks_is_spoken_of_as_a_scan(clause):
    (found,) = locked(clause)

    assert found.severity is Severity.WARNING
    assert found.message.startswith("locks rows while it reads 200,000 rows (36.4 MB) of")
    assert found.remedy.endswith("in one order: ORDER BY id FOR UPDATE")


def test_what_is_not_locked_is_silent():
    assert locked("FOR UPDATE OF c") == []
    assert locked("", layer="Sort") == []
    assert list(locking_scan.check(fix_plans.context("job_queue"))) == []  # through an index


# QRY011


def changed(rows: float, operation: str = "Delete", **more: Any) -> list[Candidate]:
    below = scan("orders", "orders", rows, filter=more.pop("filter", "(orders.total > 5)"))
    root = node(
        "ModifyTable", below, operation=operation, relation_name="orders", schema="public",
        alias="orders",
    )  # fmt: skip
    return list(dml_touches_many_rows.check(context(root, **more)))


def test_many_rows_in_one_statement_are_an_error_with_a_batch_for_the_tables_key():
    (found,) = changed(150_000.0)

    assert found.severity is Severity.ERROR
    assert found.message.startswith("deletes 150,000 of 200,000 rows of public.orders")
    assert "DELETE FROM public.orders WHERE id IN (SELECT id FROM public.orders" in found.remedy
    (found,) = changed(150_000.0, "Update")
    assert "AND id > <the last one> ORDER BY id LIMIT 1000" in found.remedy


def test_truncate_is_for_a_delete_without_a_condition():
    (found,) = changed(200_000.0, filter=None)
    assert found.remedy.startswith("TRUNCATE public.orders")
    (found,) = changed(200_000.0)  # all rows pass it, today
    assert found.remedy.startswith("in batches")


def test_a_guess_is_no_more_than_a_warning():
    (found,) = changed(66_667.0, filter="(date(orders.created_at) < '2025-01-01'::date)")

    assert found.severity is Severity.WARNING
    assert "by the planner's fixed guess" in found.message


@pytest.mark.parametrize(
    "quiet",
    [
        {"rows": 9_999.0},
        {"rows": 150_000.0, "layer": Layer.TEST},
        {"rows": 150_000.0, "layer": Layer.LIBRARY},
        {"rows": 150_000.0, "operation": "Insert"},
    ],
)
def test_few_rows_cleanup_and_inserts_are_silent(quiet):
    assert changed(**quiet) == []


# QRY012


def test_a_list_is_told_by_its_length_above_the_limit():
    def of(items: int) -> list[str]:
        found = fix_plans.context("primary_key", longest_list=items)
        return [one.message for one in huge_in_list.check(found)]

    assert of(2_501) == ["has a list of 2,501 items in its text"]
    assert of(2_500) == []
