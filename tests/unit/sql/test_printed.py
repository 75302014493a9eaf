from __future__ import annotations

import pytest

from pytest_planguard.sql.printed import (
    conjuncts,
    named_columns,
    normalise_condition,
    qualifiers,
    with_alias,
    without_alias,
)


@pytest.mark.parametrize(
    ("printed", "normal"),
    [
        ("(o.id = $1)", "(o.id = ?)"),
        ("(o.id = '42'::bigint)", "(o.id = ?)"),
        ("(o.at < '2026-01-01 00:00:00+00'::timestamp with time zone)", "(o.at < ?)"),
        ("(o.name ~~ '%it''s%'::text)", "(o.name ~~ ?)"),
        ("(o.status = 'a'::shop.status)", "(o.status = ?)"),
        ("((o.c)::character varying(20) = ($1)::numeric(10,2))",
         "((o.c)::character varying(20) = ?)"),
        ("(o.a = ANY ('{1,2}'::integer[]))", "(o.a = ANY (?))"),
        ("(o.a = ANY ($1))", "(o.a = ANY (?))"),
        ("(o.x > (InitPlan 1).col1)", "(o.x > ?)"),
        ("(o.x > $0)", "(o.x > ?)"),
        ("(o.x = NULL::text)", "(o.x = ?)"),
        ("(o.col1 > 1.5)", "(o.col1 > ?)"),
        ("(o.day = planguard.today())", "(o.day = today())"),
        ("(NOT (hashed SubPlan 12))", "(NOT (hashed SubPlan 12))"),
    ],
)  # fmt: skip
def test_values_of_every_kind_become_one_question_mark(printed: str, normal: str) -> None:
    assert normalise_condition(printed) == normal


def test_and_inside_quotes_brackets_and_case_does_not_split() -> None:
    printed = "((o.a = ' AND '::text) AND (CASE WHEN o.b AND o.c THEN 1 ELSE 2 END = 1))"

    assert conjuncts(printed) == (
        "(o.a = ' AND '::text)",
        "(CASE WHEN o.b AND o.c THEN 1 ELSE 2 END = 1)",
    )


def test_nested_ands_are_flat() -> None:
    assert conjuncts("((a.x = 1) AND ((a.y = 2) AND (a.z = 3)))") == (
        "(a.x = 1)", "(a.y = 2)", "(a.z = 3)",
    )  # fmt: skip


def test_an_alias_is_taken_off_columns_and_not_off_text_or_functions() -> None:
    printed = """lower((c.email)::text) || 'c.x' || c.shout(c."Odd Name") || cc.email"""

    expected = """lower((email)::text) || 'c.x' || c.shout("Odd Name") || cc.email"""
    assert without_alias(printed, "c") == expected


def test_a_partitions_alias_gives_way_to_its_roots() -> None:
    assert with_alias('(events_1.id = "E".id)', "events_1", "Mine") == '("Mine".id = "E".id)'


def test_names_are_found_without_parsing() -> None:
    assert qualifiers('(ANY (a.x = "B c".y))') == {"a", "B c"}
    assert named_columns('(ANY (a.x = "B c".y))') == (("a", "x"), ("B c", "y"))
