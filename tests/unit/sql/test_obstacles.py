from __future__ import annotations

import msgspec
import pytest

import fix_plans
from pytest_planguard.model.catalog import Catalog, Column
from pytest_planguard.model.judgement import Read
from pytest_planguard.sql.obstacles import (
    ObstacleKind,
    conditions_of,
    has_predicate,
    is_guess,
    is_guessed_search,
    obstacles,
    pattern_is_plain,
    unused_indexes,
    usable_index,
)


def read(filter_text: str) -> Read:
    """A scan of orders with another filter."""
    found = fix_plans.reads_of("seq_equality")["orders"]
    return msgspec.structs.replace(found, filter=(filter_text,), conditions=(filter_text,))


@pytest.mark.parametrize(
    ("filter_text", "kind"),
    [
        ("(date(orders.created_at) = '2025-03-01'::date)", ObstacleKind.FUNCTION),
        ("((orders.id + 1) = 5)", ObstacleKind.FUNCTION),
        ("((orders.legacy_number)::numeric = '5'::numeric)", ObstacleKind.CAST),
        ("((orders.legacy_number)::double precision = '5'::double precision)", ObstacleKind.CAST),
        ("((orders.created_at)::date = '2025-03-01'::date)", ObstacleKind.CAST),
        ("((orders.id)::text = '5'::text)", ObstacleKind.CAST),
        ("(orders.note ~~ '%x'::text)", ObstacleKind.WILDCARD),
        ("(orders.note ~~* 'x%'::text)", ObstacleKind.WILDCARD),
        ("(upper((orders.note)::text) ~~ '%X%'::text)", ObstacleKind.WILDCARD),
        ("(upper((orders.note)::text) !~~ '%X%'::text)", ObstacleKind.FUNCTION),
        ("((orders.status)::text <> 'open'::text)", ObstacleKind.NEGATION),
        ("((orders.id = 1) OR (orders.customer_id = 2))", ObstacleKind.ALTERNATIVE),
        ("(NOT (orders.id = (SubPlan 1)))", ObstacleKind.SUBQUERY),
        ("(orders.id = orders.customer_id)", ObstacleKind.SAME_ROW),
        ("('gift'::text = ANY (orders.tags))", ObstacleKind.ELEMENT),
    ],
)
def test_what_stands_in_the_way_has_a_name(filter_text: str, kind: ObstacleKind) -> None:
    (obstacle,) = obstacles(read(filter_text), fix_plans.catalog())

    assert obstacle.kind is kind
    assert filter_text in obstacle.reason


@pytest.mark.parametrize(
    "filter_text",
    [
        "(orders.customer_id = 42)",
        "((orders.status)::text = 'open'::text)",
        "(orders.created_at >= $1)",
        "(ROW(orders.total, orders.id) < ROW('500'::numeric, 9))",
        "(orders.note ~~ 'x%'::text)",
        "(orders.data @> '{}'::jsonb)",
    ],
)
def test_what_an_index_serves_is_no_obstacle(filter_text: str) -> None:
    assert obstacles(read(filter_text), fix_plans.catalog()) == ()


def test_an_index_serves_a_column_whose_leading_keys_are_fixed() -> None:
    catalog = fix_plans.catalog()
    bare = fix_plans.reads_of("seq_equality")["orders"]
    fixed = msgspec.structs.replace(bare, conditions=("((orders.status)::text = 'open'::text)",))

    def name(found: Read, column: str) -> str | None:
        index = usable_index(found, column, catalog)
        return index.name if index else None

    assert name(bare, "legacy_number") == "orders_legacy_number_idx"
    assert name(bare, "customer_id") is None
    only_second = without(catalog, "public.orders_created_at_idx")
    assert usable_index(bare, "created_at", only_second) is None
    assert usable_index(fixed, "created_at", only_second) is not None


def test_an_invalid_or_partial_index_is_named_as_the_reason() -> None:
    catalog = fix_plans.catalog()
    index = catalog.indexes["public.orders_legacy_number_idx"]
    found = read("(orders.legacy_number = 5)")

    def reasons(**changes: object) -> tuple[str, ...]:
        changed = msgspec.structs.replace(index, **changes)
        indexes = {**catalog.indexes, "public.orders_legacy_number_idx": changed}
        return unused_indexes(found, msgspec.structs.replace(catalog, indexes=indexes))

    assert "is invalid" in reasons(valid=False)[0]
    assert "holds only rows where (status = 'x')" in reasons(predicate="(status = 'x')")[0]
    assert reasons() == ()


def test_the_planner_guesses_at_computed_and_cast_columns() -> None:
    catalog = fix_plans.catalog()

    assert is_guess(read("(date(orders.created_at) = '2025-03-01'::date)"), catalog)
    assert is_guess(read("((orders.legacy_number)::numeric = '5'::numeric)"), catalog)
    assert not is_guess(read("(orders.customer_id = 42)"), catalog)


@pytest.mark.parametrize(
    ("filter_text", "guesses"),
    [
        ("((orders.customer_id = 42) OR (hashed SubPlan 1))", True),
        ("((orders.customer_id = 42) OR (ANY (orders.id = (hashed SubPlan 1).col1)))", True),
        ("((SubPlan 1) > 0)", True),
        ("(orders.created_at = (SubPlan 1))", False),
        ("(NOT (hashed SubPlan 1))", False),
        ("(NOT (ANY (orders.id = (hashed SubPlan 1).col1)))", False),
    ],
)
def test_what_a_sub_select_keeps_is_a_guess_unless_it_is_equal_or_left_out(
    filter_text: str, guesses: bool
) -> None:
    assert is_guess(read(filter_text), fix_plans.catalog()) is guesses


@pytest.mark.parametrize(
    "filter_text",
    [
        "(orders.note ~~ '%x%'::text)",
        "(orders.data @> '{}'::jsonb)",
        "('gift'::text = ANY (orders.tags))",
    ],
)
def test_the_share_it_takes_without_statistics_is_a_guess(filter_text: str) -> None:
    catalog = fix_plans.catalog()
    rows = catalog.tables["public.orders"].rows

    def kept(share: float) -> Read:
        return msgspec.structs.replace(read(filter_text), rows_kept=rows * share)

    assert is_guess(kept(0.005), catalog)
    assert is_guess(kept(0.01), catalog)
    assert not is_guess(kept(0.0123), catalog)


def test_a_filter_on_a_subselect_alone_is_no_predicate_of_the_table() -> None:
    assert not has_predicate(read("(hashed SubPlan 1)"))
    assert has_predicate(read("(orders.customer_id = 42)"))


@pytest.mark.parametrize(
    ("collation", "plain"),
    [("C", True), ("POSIX", True), ("en_US.utf8", False), ("C.UTF-8", False), ("", False)],
)
def test_only_the_c_collation_serves_patterns_plainly(collation: str, plain: bool) -> None:
    catalog = fix_plans.catalog()
    server = msgspec.structs.replace(catalog.server, collation=collation)
    column = Column("note", "text", 1, base_type="text")

    assert pattern_is_plain(column, msgspec.structs.replace(catalog, server=server)) is plain


def without(catalog: Catalog, *names: str) -> Catalog:
    kept = {name: index for name, index in catalog.indexes.items() if name not in names}
    return msgspec.structs.replace(catalog, indexes=kept)


@pytest.mark.parametrize(
    ("filter_text", "kept", "guessed"),
    [
        ("(orders.note ~~ '%ab%'::text)", 0.2, True),
        ("(upper((orders.note)::text) ~~ '%ABC%'::text)", 0.04, True),
        ("(orders.note ~~ '%ab%'::text)", 0.07, False),  # that is from statistics
        ("(orders.note !~~ '%ab%'::text)", 0.2, False),
    ],
)
def test_a_share_by_the_letters_of_a_pattern_is_a_guess(
    filter_text: str, kept: float, guessed: bool
) -> None:
    rows = fix_plans.catalog().tables["public.orders"].rows
    found = msgspec.structs.replace(read(filter_text), rows_kept=rows * kept)
    (condition,) = conditions_of(found.filter)
    assert is_guessed_search(condition, found, fix_plans.catalog()) is guessed
