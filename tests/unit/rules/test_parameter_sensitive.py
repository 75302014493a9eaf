from __future__ import annotations

import msgspec
import pytest

import fix_plans
from pytest_planguard.model.finding import Candidate, Severity
from pytest_planguard.model.plan import (
    Access,
    AccessPath,
    Drawn,
    Plan,
    Planned,
    PlanNode,
    SampleKind,
)
from pytest_planguard.rules import parameter_sensitive

COMMON = Drawn("the most common value of public.orders.customer_id ('7')", extreme=True)


def plan(cost: float, access: Access, *indexes: str, rows: float = 1.0, **more: object) -> Plan:
    """A plan that reads orders in some way."""
    root = PlanNode(node_type="Aggregate", total_cost=cost, rows=rows)
    paths = {"o": AccessPath("public.orders", access, indexes)}
    return Plan(**{"sample": SampleKind.CAPTURED, "root": root, "access": paths, **more})


DEAR = plan(6945.0, Access.SEQ, sample=SampleKind.COMMON, drawn=COMMON)
CHEAP = plan(44.0, Access.BITMAP, "orders_customer_id_idx")


def said(*plans: Plan) -> list[Candidate]:
    context = fix_plans.context("seq_equality")
    return list(parameter_sensitive.check(msgspec.structs.replace(context, planned=Planned(plans))))


def test_both_plans_and_the_kinds_of_their_values_are_named() -> None:
    (found,) = said(DEAR, CHEAP)

    assert (found.severity, found.relation) == (Severity.WARNING, "public.orders")
    assert found.message == (
        "with the most common value of public.orders.customer_id ('7') public.orders is read from "
        "end to end, cost 6,940; with a value of the tests through orders_customer_id_idx, cost "
        "44 (×158)"
    )


def test_a_value_of_the_tests_is_never_shown() -> None:
    captured = msgspec.structs.replace(
        DEAR, sample=SampleKind.CAPTURED, drawn=None, values=("ada@example.org",)
    )

    (found,) = said(captured, CHEAP)

    assert found.message.startswith("with a value of the tests public.orders is read")
    assert "with another value of the tests through" in found.message
    assert "ada" not in found.message + found.remedy


@pytest.mark.parametrize(
    "cheap",
    [
        plan(900.0, Access.BITMAP, "orders_customer_id_idx"),
        plan(44.0, Access.SEQ),
        plan(44.0, Access.BITMAP, "orders_customer_id_idx", sizes="list of 5"),
        plan(44.0, Access.BITMAP, "orders_customer_id_idx", variant=1),
        plan(44.0, Access.BITMAP, "orders_customer_id_idx", sample=SampleKind.GENERIC),
    ],
    ids=["small gap", "read alike", "another list", "sent otherwise", "no value's"],
)
def test_it_is_silent_where_values_are_not_what_makes_the_gap(cheap: Plan) -> None:
    assert said(DEAR, cheap) == []


def test_a_larger_answer_may_cost_as_much_more() -> None:
    all_of_them = plan(6945.0, Access.SEQ, rows=190_000.0)

    assert said(all_of_them, CHEAP) == []


def test_an_index_whose_filter_throws_most_rows_away_is_a_search_too() -> None:
    filtered = plan(6945.0, Access.INDEX_FILTER, "orders_pkey", drawn=COMMON)

    (found,) = said(filtered, CHEAP)

    assert "through orders_pkey with a filter that throws most rows away" in found.message
