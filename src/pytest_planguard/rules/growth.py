"""PLN009: what the query costs when its tables have grown, and where its plan turns."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_planguard.model import words
from pytest_planguard.model.finding import Candidate, RuleFacts, Severity
from pytest_planguard.model.growth import FACTORS, Growth, Order, Turn
from pytest_planguard.model.judgement import Context

SOON = 3.0
"""Times of today's size below which a turn is a warning: a growing table is there in a year."""

FACTS = RuleFacts(
    code="PLN009",
    name="growth",
    severity=Severity.WARNING,
    condition=(
        "Planned at 3, 10 and 100 times of today's rows, with the same values, the query finds a "
        "large table's rows through an index no longer and reads from end to end instead: a "
        "warning where that happens below 3 times, else information. Or its cost, at least "
        "minimum-gain-units today, grows in proportion to the tables or faster: information. "
        "Tables with grows = false keep their size. Off unless growth = true is configured; "
        "pytest-planguard explain always shows it."
    ),
    effect=(
        "Nothing is changed, and one day the query is slow: at the size where its plan turns, or "
        "a little more with every month."
    ),
    remedy=(
        "Where the plan turns: an index that serves the whole condition, or a narrower question. "
        "Where the cost grows with the table: a LIMIT, keyset paging, a total that is kept, or "
        "partitions of which old ones are not read. A table that does not grow: say grows = false."
    ),
    source=(
        "The planner itself, on statistics scaled as by pytest-planguard statistics scale: "
        "distributions keep their shape (a busier shop, not only an older one), columns with up "
        "to 1,000 values keep their number. Orders of growth: model.growth.order_of."
    ),
)


def check(context: Context) -> Iterator[Candidate]:
    """At most one candidate, of the table that matters."""
    growth = context.growth
    if growth is None:
        return
    if growth.turn is not None and growth.turn.is_fall:
        yield _turning(growth, growth.turn, context)
    elif growth.order in {Order.LINEAR, Order.WORSE} and _is_dear(growth, context):
        yield _growing(growth, context)


def _is_dear(growth: Growth, context: Context) -> bool:
    return growth.stages[0].plan.cost >= context.thresholds.minimum_gain_units


def _turning(growth: Growth, turn: Turn, context: Context) -> Candidate:
    today = growth.stages[0]
    then = next(stage for stage in growth.stages if stage.factor == turn.factor)
    return _candidate(
        growth,
        context,
        Severity.WARNING if turn.factor < SOON else Severity.INFO,
        f"at {words.rows(turn.rows)} rows of {growth.relation}, {turn.factor:.2g} times today's, "
        f"it is no longer read through {', '.join(turn.before.indexes) or 'an index'} but "
        f"searched ({turn.after.access.value}): cost {words.cost(today.plan.cost)} today, "
        f"{words.cost(then.plan.cost)} then",
        "look at the plan then: pytest-planguard explain " + context.query.key + "; an index "
        "that serves the whole condition and its order keeps it from turning",
        turns_at=turn.factor,
        rows_at_turn=turn.rows,
    )


def _growing(growth: Growth, context: Context) -> Candidate:
    today, last = growth.stages[0], growth.stages[-1]
    how = "as" if growth.order is Order.LINEAR else "faster than"
    return _candidate(
        growth,
        context,
        Severity.INFO,
        f"the cost grows {how} {growth.relation} does: {words.cost(today.plan.cost)} at today's "
        f"{words.rows(today.rows)} rows, {words.cost(last.plan.cost)} at "
        f"{words.rows(last.rows)}",
        "ask for a part that does not grow: a LIMIT with keyset paging, a total that is kept, "
        "partitions of which old ones are not read; if the table does not grow, say grows = false",
    )


def _candidate(
    growth: Growth,
    context: Context,
    severity: Severity,
    message: str,
    remedy: str,
    **evidence: float,
) -> Candidate:
    fixed = {stage.factor: stage for stage in growth.stages if stage.factor in {1.0, *FACTORS}}
    costs = {f"cost_at_{factor:g}": stage.plan.cost for factor, stage in fixed.items()}
    return Candidate(
        rule=FACTS.code,
        key=context.query.key,
        database=context.query.database,
        relation=growth.relation,
        severity=severity,
        message=message,
        remedy=remedy,
        rows=growth.stages[0].rows,
        evidence={**costs, **evidence},
    )
