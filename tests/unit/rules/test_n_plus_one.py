from __future__ import annotations

import msgspec
import pytest

import fix_plans
from pytest_planguard.model.finding import Candidate
from pytest_planguard.model.statement import Layer, Origin, Phase, Place, Via
from pytest_planguard.rules import n_plus_one


def judged(*places: Place, plan: str = "primary_key") -> list[Candidate]:
    context = fix_plans.context(plan)
    query = msgspec.structs.replace(context.query, places=places)
    return list(n_plus_one.check(msgspec.structs.replace(context, query=query)))


def place(
    executions: int = 5,
    distinct: int = 5,
    *,
    phase: Phase = Phase.CALL,
    layer: Layer = Layer.APPLICATION,
    via: Via = Via.DRIVER,
    test: str = "t.py::a",
) -> Place:
    return Place(Origin("app/x.py", 7, "lines", layer, via), test, phase, executions, distinct)


def test_a_loop_says_how_often_where_and_what_it_costs_at_scale() -> None:
    (found,) = judged(place(5), place(12, test="t.py::b"))
    cost = fix_plans.context("primary_key").plan.cost
    assert found.message.startswith(
        "sent 12 times with different values by app/x.py:7 lines in one test; one costs "
    )
    assert found.evidence == {"executions": 12.0, "cost": cost, "cost_of_100": 100 * cost}
    assert found.relation is None


@pytest.mark.parametrize(
    "quiet",
    [
        place(4, 4),
        place(40, 4),
        place(40, 0),
        place(phase=Phase.SETUP),
        place(phase=Phase.TEARDOWN),
        place(layer=Layer.TEST),
        place(layer=Layer.LIBRARY),
        place(layer=Layer.MIGRATION),
    ],
)
def test_what_is_no_loop_of_the_application_is_silent(quiet: Place) -> None:
    assert judged(quiet) == []


def test_places_are_not_summed_up() -> None:
    assert judged(*(place(4, 4, test=f"t.py::{number}") for number in range(9))) == []


@pytest.mark.parametrize(
    ("via", "plan", "says"),
    [
        (Via.ORM, "primary_key", "selectinload"),
        (Via.CORE, "primary_key", "ANY($1)"),
        (Via.DRIVER, "primary_key", "ANY($1)"),
        (Via.DJANGO_ORM, "primary_key", "prefetch_related"),
        (Via.DJANGO_ORM, "update", "executemany"),
    ],
)
def test_the_remedy_is_the_interfaces_own(via: Via, plan: str, says: str) -> None:
    (found,) = judged(place(via=via), plan=plan)
    assert says in found.remedy
