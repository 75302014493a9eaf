from __future__ import annotations

import pytest

from pytest_planguard.sql.predicates import (
    Condition,
    Kind,
    columns_of,
    oriented,
    split_conditions,
)


def one(printed: str) -> Condition:
    (condition,) = split_conditions(printed)
    return condition


@pytest.mark.parametrize(
    ("printed", "kind", "operator"),
    [
        ("(orders.customer_id = '42'::bigint)", Kind.EQUALITY, "="),
        ("((o.status)::text = ANY ('{a,b}'::text[]))", Kind.EQUALITY, "= ANY"),
        ("(o.deleted_at IS NULL)", Kind.EQUALITY, "IS NULL"),
        ("(o.deleted_at IS NOT NULL)", Kind.OTHER, "IS NOT NULL"),
        ("(o.created_at >= $1)", Kind.RANGE, ">="),
        ("(ROW(o.a, o.b) < ROW(1, 2))", Kind.ROW, "<"),
        ("(c.email ~~ '%x%'::text)", Kind.LIKE, "~~"),
        ("(NOT o.archived)", Kind.BOOLEAN, "NOT"),
        ("o.archived", Kind.BOOLEAN, ""),
        ("(o.archived IS TRUE)", Kind.BOOLEAN, ""),
        ("(o.data @> '{}'::jsonb)", Kind.CONTAINMENT, "@>"),
        ("((o.a = 1) OR (o.b = 2))", Kind.OTHER, "OR"),
        ("(o.x <> ALL ('{1,2}'::integer[]))", Kind.OTHER, "<> ALL"),
        ("(o.x IS DISTINCT FROM 4)", Kind.OTHER, "="),
        ("(hashed SubPlan 1)", Kind.OTHER, ""),
        ("(ANY (o.id = (hashed SubPlan 2).col1))", Kind.OTHER, ""),
        ("(alternatives: SubPlan 1 or hashed SubPlan 2)", Kind.OTHER, ""),
        ("not ) SQL (", Kind.OTHER, ""),
    ],
)
def test_each_condition_has_its_kind_and_none_crashes(
    printed: str, kind: Kind, operator: str
) -> None:
    condition = one(printed)

    assert (condition.kind, condition.operator) == (kind, operator)


def test_a_column_under_casts_is_still_that_column() -> None:
    subject = one("((orders.legacy_number)::numeric = '5'::numeric)").subject

    assert subject is not None
    assert subject.column == ("orders", "legacy_number")
    assert subject.casts == ("numeric",)


def test_a_function_of_a_column_is_no_column_and_keeps_its_text() -> None:
    subject = one("(upper((customers.email)::text) = 'X'::text)").subject

    assert subject is not None
    assert subject.column is None
    assert subject.functions == ("upper",)
    assert subject.text == "upper((customers.email)::text)"
    assert subject.columns == (("customers", "email"),)


def test_a_value_on_the_left_changes_sides() -> None:
    condition = one("(42 > o.x)")

    assert condition.operator == "<"
    assert condition.value is not None
    assert condition.value.is_constant


def test_a_parameter_an_init_plan_and_a_constant_are_told_apart() -> None:
    values = [one(f"(o.x = {text})").value for text in ("$2", "(InitPlan 1).col1", "'a'::text")]

    assert [v and (v.parameters, v.refers_to_plan, v.is_constant) for v in values] == [
        ((2,), False, False), ((), True, False), ((), False, True),
    ]  # fmt: skip


def test_a_join_condition_is_seen_from_either_side() -> None:
    join = one("(o.customer_id = c.id)")

    assert oriented(join, "o") == join
    seen = oriented(join, "c")
    assert seen is not None
    assert seen.subject is not None
    assert seen.subject.column == ("c", "id")
    assert oriented(join, "x") is None


def test_a_condition_with_the_alias_on_both_sides_has_no_value() -> None:
    assert oriented(one("(o.paid_at = o.sent_at)"), "o") is None


def test_columns_survive_where_parsing_fails() -> None:
    conditions = split_conditions("((ANY (o.id = (hashed SubPlan 2).col1)) AND (o.a = c.b))")

    assert columns_of(conditions, "o") == ("id", "a")


def test_positions_count_bytes_in_text_that_is_not_ascii() -> None:
    condition = one("((o.\"größe\")::text = 'ä'::text)")

    assert condition.subject is not None
    assert condition.value is not None
    assert condition.subject.text == '(o."größe")::text'
    assert condition.value.text == "'ä'::text"


def test_no_text_has_no_conditions() -> None:
    assert split_conditions(None) == ()
    assert split_conditions("") == ()
