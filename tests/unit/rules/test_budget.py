from __future__ import annotations

from typing import Any

import msgspec
import pytest

import fix_plans
from pytest_planguard.model.budget import Demand
from pytest_planguard.model.finding import Candidate, Severity
from pytest_planguard.rules import budget

WHO = "tests/t.py::test"


def judged(name: str, *demands: Demand) -> list[Candidate]:
    context = fix_plans.context(name)
    return list(budget.check(msgspec.structs.replace(context, demands=demands)))


@pytest.mark.parametrize(
    ("demand", "message"),
    [
        ({"max_cost": 100}, "over budget: cost 6,940, 100 allowed by tests/t.py::test"),
        ({"max_rows": 5}, "over budget: rows 10, 5 allowed by tests/t.py::test"),
        (
            {"access": {"orders": "index"}},
            "over budget: public.orders is read by seq, index allowed by tests/t.py::test",
        ),
        (
            {"access": {"public.orders": "bitmap"}},
            "over budget: public.orders is read by seq, bitmap allowed by tests/t.py::test",
        ),
    ],
)
def test_what_is_over_budget_is_an_error_that_says_what_was_found_and_what_is_allowed(
    demand: dict[str, Any], message: str
) -> None:
    (found,) = judged("seq_equality", Demand(WHO, **demand))

    assert found.severity is Severity.ERROR
    assert found.message == message
    assert WHO in found.remedy
    assert found.relation == "public.orders"


@pytest.mark.parametrize(
    "demand",
    [
        {"max_cost": 7_000, "max_rows": 10},
        {"access": {"orders": "seq"}},
        {"access": {"customers": "index-only"}},  # which the query does not read
        {},
    ],
)
def test_within_the_budget_nothing_is_said(demand: dict[str, Any]) -> None:
    assert judged("seq_equality", Demand(WHO, **demand)) == []


def test_a_better_way_than_the_one_asked_for_keeps_the_budget() -> None:
    assert judged("primary_key", Demand(WHO, access={"orders": "bitmap"})) == []


def test_all_that_is_wrong_with_a_table_is_one_candidate_with_all_who_ask() -> None:
    (found,) = judged(
        "seq_equality",
        Demand(WHO, max_cost=1, access={"orders": "index"}),
        Demand("budget[0]", max_rows=1),
    )

    assert found.message.count(";") == 2
    assert found.remedy.endswith("another budget: tests/t.py::test, budget[0]")
    assert found.evidence == {"cost": pytest.approx(6945), "max_cost": 1, "rows": 10, "max_rows": 1}


def test_each_table_that_is_read_too_badly_is_a_finding_of_its_own() -> None:
    found = judged("init_plan", Demand(WHO, access={"orders": "index", "customers": "index"}))

    assert {one.relation for one in found} == {"public.orders", "public.customers"}


def test_a_statement_that_writes_is_held_to_the_rows_it_writes() -> None:
    (found,) = judged("update", Demand(WHO, max_rows=3))

    assert found.message.startswith("over budget: rows 10, 3 allowed")


def test_a_query_without_a_large_table_is_over_budget_as_a_whole() -> None:
    context = msgspec.structs.replace(
        fix_plans.context("seq_equality"), reads={}, demands=(Demand(WHO, max_cost=1),)
    )

    assert [one.relation for one in budget.check(context)] == [None]
