from __future__ import annotations

import msgspec

import fix_plans
from pytest_planguard.model.finding import Severity
from pytest_planguard.model.judgement import Rewrite
from pytest_planguard.rules.leading_wildcard import FACTS

OTHER = Rewrite("QRY001", "public.orders", "a range", 9.0, 1.0)
OWN = Rewrite("QRY002", "public.orders", "an integer", 9.0, 1.0)


def test_a_rewrite_is_found_by_its_table_and_where_it_matters_by_its_rule() -> None:
    context = fix_plans.context("seq_equality", rewrites=(OTHER, OWN))

    assert context.rewrite_of("public.orders") == OTHER
    assert context.rewrite_of("public.orders", "QRY002") == OWN
    assert context.rewrite_of("public.orders", "QRY005") is None
    assert context.rewrite_of("public.customers") is None


def test_a_candidate_has_the_rows_of_its_table_or_those_that_are_read() -> None:
    context = fix_plans.context("seq_equality")
    (read,) = context.worst_reads
    unknown = msgspec.structs.replace(read, relation="public.gone", rows_read=7.0)

    made = [
        context.candidate(FACTS, one, Severity.INFO, message="m", remedy="r")
        for one in (read, unknown)
    ]

    assert [one.rows for one in made] == [context.catalog.tables["public.orders"].rows, 7.0]
    assert {(one.rule, one.key, one.database) for one in made} == {("QRY003", "abc", "default")}
