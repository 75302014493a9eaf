from __future__ import annotations

import msgspec
import pytest

import fix_plans
from pytest_planguard.model.finding import Candidate, Severity
from pytest_planguard.model.growth import Growth, Stage, Turn
from pytest_planguard.model.plan import Access, AccessPath, Plan, PlanNode, SampleKind
from pytest_planguard.rules import growth


def grown(*costs: float, turn: Turn | None = None) -> list[Candidate]:
    """What is said of a query with these costs at 1, 3, 10 and 100 times of today's size."""
    at = dict(zip((1.0, 3.0, 10.0, 100.0), costs, strict=True))
    if turn is not None:
        at.setdefault(turn.factor, costs[1])
    stages = tuple(
        Stage(
            factor,
            47e6 * factor,
            Plan(SampleKind.CAPTURED, PlanNode(node_type="Seq Scan", total_cost=at[factor])),
        )
        for factor in sorted(at)
    )
    found = Growth("public.orders", stages, turn)
    return list(growth.check(msgspec.structs.replace(fix_plans.context("jsonb"), growth=found)))


def fall(factor: float) -> Turn:
    index = AccessPath("public.orders", Access.INDEX, ("orders_status_idx",))
    searched = AccessPath("public.orders", Access.SEQ)
    return Turn("orders", index, searched, factor, factor / 1.2, 47e6 * factor)


def test_without_growth_nothing_is_said() -> None:
    assert list(growth.check(fix_plans.context("jsonb"))) == []


@pytest.mark.parametrize(
    "costs", [(8.6, 8.6, 8.7, 8.8), (200, 210, 240, 300), (1, 3, 10, 100)],
    ids=["constant", "logarithmic", "cheap"],
)  # fmt: skip
def test_what_stays_cheap_is_no_finding(costs: tuple[float, ...]) -> None:
    assert grown(*costs) == []


def test_a_cost_that_grows_with_the_table_is_told() -> None:
    (found,) = grown(1_000, 3_000, 10_000, 100_000)

    assert found.severity is Severity.INFO
    assert found.message == (
        "the cost grows as public.orders does: 1,000 at today's 47.0M rows, 100,000 at 4.7B"
    )
    assert found.evidence["cost_at_10"] == 10_000


def test_a_cost_that_grows_faster_is_told_as_such() -> None:
    (found,) = grown(1_000, 9_000, 100_000, 10_000_000)

    assert "grows faster than public.orders does" in found.message


@pytest.mark.parametrize(
    ("factor", "severity"),
    [(2.3, Severity.WARNING), (3.0, Severity.INFO), (10.0, Severity.INFO)],
    ids=str,
)
def test_a_plan_that_turns_soon_is_a_warning(factor: float, severity: Severity) -> None:
    (found,) = grown(8, 900, 3_000, 30_000, turn=fall(factor))

    assert found.severity is severity
    assert f"M rows of public.orders, {factor:.2g} times today's, it is no longer" in found.message
    assert "read through orders_status_idx but searched (seq): cost 8 today" in found.message
    assert found.evidence["turns_at"] == factor


def test_a_plan_that_comes_to_use_an_index_is_no_fault() -> None:
    rise = msgspec.structs.replace(fall(3.0), before=fall(3.0).after, after=fall(3.0).before)

    assert grown(8, 9, 9, 9, turn=rise) == []
