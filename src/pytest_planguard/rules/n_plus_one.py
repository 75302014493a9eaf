"""QRY008: the application asks in a loop what one query could answer."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_planguard.model import words
from pytest_planguard.model.finding import Candidate, RuleFacts, Severity
from pytest_planguard.model.judgement import Context
from pytest_planguard.model.statement import Layer, Phase, Place, Via

FACTS = RuleFacts(
    code="QRY008",
    name="n-plus-one",
    severity=Severity.WARNING,
    condition=(
        "One line of the application sends one query at least 5 times, with different values, "
        "for one call of a test's. What the suite repeats itself (a loop in a test, fixtures, "
        "factories) does not count, nor does executemany."
    ),
    effect=(
        "The number of round trips grows with the rows of the first query: five in a test are "
        "hundreds on a full page, and each waits for the network and for the plan."
    ),
    remedy=(
        "Ask once: a join, WHERE id = ANY(...), or what the ORM has for it (selectinload, "
        "select_related, prefetch_related); rows that are written go in one executemany."
    ),
    source=(
        "Thresholds.loop_executions. Five: what two or three related rows of a test need stays "
        "below it (the gem prosopite and nplusone of Python start at two, and are silenced a lot)."
    ),
)

_REMEDIES = {
    Via.ORM: "load them with the first query: selectinload() or joinedload(), or select by a list",
    Via.DJANGO_ORM: (
        "load them with the first query: select_related() or prefetch_related(), in_bulk() or "
        "filter(pk__in=...)"
    ),
}
_ASK_ONCE = "ask once for all: a join, or WHERE id = ANY($1) with the whole list"
_WRITE_ONCE = "write all rows at once: executemany, or one statement with a list of values"


def check(context: Context) -> Iterator[Candidate]:
    """At most one candidate, for the place that repeats it most."""
    wanted = context.thresholds.loop_executions
    places = [place for place in context.query.places if _is_loop(place, wanted)]
    if not places:
        return
    worst = max(places, key=lambda place: (place.executions, place))
    cost = context.plan.cost
    times = worst.executions
    yield Candidate(
        rule=FACTS.code,
        key=context.query.key,
        database=context.query.database,
        relation=None,
        severity=Severity.WARNING,
        message=(
            f"sent {times} times with different values by {worst.origin.file}:"
            f"{worst.origin.line} {worst.origin.function} in one test; one costs "
            f"{words.cost(cost)} at scale and a round trip, 100 of them {words.cost(100 * cost)}"
        ),
        remedy=_remedy(context, worst),
        rows=context.plan.rows,
        evidence={"executions": float(times), "cost": cost, "cost_of_100": 100 * cost},
    )


def _is_loop(place: Place, wanted: int) -> bool:
    return (
        place.phase is Phase.CALL
        and place.origin.layer is Layer.APPLICATION
        and place.executions >= wanted
        and place.distinct >= wanted
    )


def _remedy(context: Context, place: Place) -> str:
    if context.plan.root.node_type == "ModifyTable":
        return _WRITE_ONCE
    return _REMEDIES.get(place.origin.via, _ASK_ONCE)
