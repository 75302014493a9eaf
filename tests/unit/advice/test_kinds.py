"""Kinds of candidates beside plain btrees: covering, either side of an OR, BRIN, GiST, extremes."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

import fix_plans
from pytest_planguard.advice.candidates import candidates
from pytest_planguard.advice.suite import Suite
from pytest_planguard.advice.suspects import is_suspect
from pytest_planguard.model.catalog import Catalog
from pytest_planguard.model.ports import HypotheticalIndex
from pytest_planguard.model.spec import Thresholds
from pytest_planguard.model.statistics import (
    ColumnStatistics,
    ScaleSource,
    Statistics,
    TableStatistics,
)
from pytest_planguard.sql.reads import reads

CATALOG = fix_plans.catalog()


NOTHING_KNOWN = Suite()


def made(
    name: str,
    alias: str = "orders",
    *,
    suite: Suite = NOTHING_KNOWN,
    of: Catalog = CATALOG,
    **read: Any,
) -> tuple[HypotheticalIndex, ...]:
    sql, node = fix_plans.captured(name)
    (found, *_) = [one for one in reads(node, of, Thresholds()) if one.alias == alias]
    found = msgspec.structs.replace(found, **read)
    plan = fix_plans.planned(node, of).worst
    return candidates(fix_plans.query(sql), plan, found, of, Thresholds(), suite)


def filtered(text: str, **more: Any) -> tuple[HypotheticalIndex, ...]:
    return made("seq_equality", filter=(text,), conditions=(text,), **more)


def described(indexes: tuple[HypotheticalIndex, ...]) -> list[str]:
    return [
        one.ddl.partition(" ON public.orders ")[2] or one.ddl.partition(" ON public.events ")[2]
        for one in indexes
    ]


def statistics(column: str, **facts: Any) -> Suite:
    table = TableStatistics(2e5, 10, columns={column: ColumnStatistics(**facts)})
    return Suite(statistics=Statistics({"public.orders": table}, "", ScaleSource.PRODUCTION))


def with_pages(pages: int) -> Catalog:
    table = msgspec.structs.replace(CATALOG.tables["public.orders"], pages=pages)
    return msgspec.structs.replace(CATALOG, tables={**CATALOG.tables, "public.orders": table})


def test_what_else_is_read_is_included_where_it_is_little_and_narrow() -> None:
    assert described(made("join_few_to_many", "o")) == [
        "(customer_id)",
        "(customer_id) INCLUDE (id)",
    ]


def test_a_row_that_is_read_as_a_whole_is_never_copied() -> None:
    assert not any(one.include for one in made("seq_equality"))


def test_columns_the_suite_updates_are_never_copied() -> None:
    updated = Suite(updated={"public.orders": frozenset({"id"})})

    assert described(made("join_few_to_many", "o", suite=updated)) == ["(customer_id)"]


def test_each_side_of_an_or_gets_an_index() -> None:
    either = "((orders.customer_id = 7) OR (orders.total = 5.00))"

    assert described(filtered(either)) == ["(customer_id)", "(total)"]


def test_a_side_with_an_index_needs_no_other() -> None:
    either = "((orders.customer_id = 7) OR (orders.legacy_number = 5))"

    assert described(filtered(either)) == ["(customer_id)"]


def test_a_side_that_no_index_serves_leaves_none_for_the_others() -> None:
    assert filtered("((orders.customer_id = 7) OR (orders.total <> 5.00))") == ()


def test_a_side_with_several_conditions_gets_them_all() -> None:
    either = "(((orders.customer_id = 7) AND (orders.total > 5.00)) OR (orders.note = 'x'::text))"

    assert described(filtered(either)) == ["(customer_id)", "(note)"]


RANGE = "(orders.total >= 5.00)"


def test_a_giant_in_the_order_of_the_column_may_do_with_brin() -> None:
    ordered = statistics("total", correlation=0.99)

    assert "USING brin (total)" in described(filtered(RANGE, suite=ordered, of=with_pages(10**6)))


@pytest.mark.parametrize(("correlation", "pages"), [(0.5, 10**6), (None, 10**6), (0.99, 10_000)])
def test_others_do_not(correlation: float | None, pages: int) -> None:
    suite = statistics("total", correlation=correlation)

    assert not any(
        "brin" in o for o in described(filtered(RANGE, suite=suite, of=with_pages(pages)))
    )


def retyped(base: str) -> Catalog:
    table = CATALOG.tables["public.orders"]
    columns = tuple(
        msgspec.structs.replace(one, base_type=base) if one.name == "data" else one
        for one in table.columns
    )
    changed = msgspec.structs.replace(table, columns=columns)
    return msgspec.structs.replace(CATALOG, tables={**CATALOG.tables, "public.orders": changed})


@pytest.mark.parametrize(
    ("base", "condition", "key"),
    [
        ("tstzrange", "(orders.data && '[a,b)'::tstzrange)", "USING gist (data)"),
        ("int4range", "(orders.data @> 5)", "USING gist (data)"),
        ("int4range", "('[1,9)'::int4range @> orders.data)", "USING gist (data)"),
        ("inet", "(orders.data << '10.0.0.0/8'::inet)", "USING gist (data inet_ops)"),
        ("jsonb", "(orders.data ? 'a'::text)", "USING gin (data)"),
        ("jsonb", "(orders.data @> '{}'::jsonb)", "USING gin (data jsonb_path_ops)"),
        ("tsvector", "(orders.data @@ 'a'::tsquery)", "USING gin (data)"),
    ],
)
def test_containment_goes_by_the_type(base: str, condition: str, key: str) -> None:
    assert described(filtered(condition, of=retyped(base))) == [key]


def test_the_operators_of_networks_are_nothing_to_json() -> None:
    assert filtered("(orders.data << '1'::jsonb)", of=retyped("jsonb")) == ()


def test_the_greatest_value_alone_is_found_by_an_index() -> None:
    node = fix_plans.root("max_of")
    plan = fix_plans.planned(node, CATALOG).worst
    (read,) = reads(node, CATALOG, Thresholds())

    assert is_suspect(plan, read, CATALOG, Thresholds())
    assert described(made("max_of")) == ["(total)"]


def test_a_count_beside_it_needs_all_rows_anyway() -> None:
    node = fix_plans.root("max_of")
    node = msgspec.structs.replace(node, output=("max(total)", "count(*)"))
    plan = fix_plans.planned(node, CATALOG).worst
    (read,) = reads(node, CATALOG, Thresholds())

    assert not is_suspect(plan, read, CATALOG, Thresholds())


def test_a_partial_index_is_made_by_a_state_and_not_by_one_of_many_values() -> None:
    def predicates(distinct: float) -> set[str]:
        return {
            one.predicate
            for one in made("job_queue", suite=statistics("note", n_distinct=distinct))
        }

    assert any("note" in one for one in predicates(5))
    assert not any("note" in one for one in predicates(4_000))
    assert not any("note" in one for one in predicates(-0.5))


@pytest.mark.parametrize(
    ("condition", "predicate"),
    [
        ("(orders.note IS NOT NULL)", "note IS NOT NULL"),
        ("(orders.note <> 'x'::text)", "note <> 'x'::text"),
    ],
)
def test_what_no_index_finds_a_partial_one_holds(condition: str, predicate: str) -> None:
    few = statistics("note", n_distinct=3)

    found = [one for one in filtered(condition, suite=few) if one.predicate]
    assert [(one.columns, one.predicate) for one in found] == [(("id",), predicate)]


def test_one_value_of_many_is_not_left_out_of_an_index() -> None:
    assert filtered("(orders.note <> 'x'::text)", suite=statistics("note", n_distinct=4_000)) == ()


def test_no_index_is_made_by_the_stand_in_of_a_masked_value() -> None:
    masked = statistics("note", n_distinct=3, masked=True)

    assert filtered("(orders.note <> 'x'::text)", suite=masked) == ()
    assert not any(one.predicate for one in filtered("(orders.note = 'x'::text)", suite=masked))
    (kept,) = filtered("(orders.note IS NOT NULL)", suite=masked)
    assert kept.predicate == "note IS NOT NULL"  # which rows are NULL is no stand-in
