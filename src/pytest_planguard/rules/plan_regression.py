"""PLN003: the plan is worse than the one the baseline accepted."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_planguard.model import words
from pytest_planguard.model.finding import Candidate, RuleFacts, Severity
from pytest_planguard.model.judgement import Context
from pytest_planguard.model.report import Change, ChangeKind, RelationChange

FACTS = RuleFacts(
    code="PLN003",
    name="plan-regression",
    severity=Severity.ERROR,
    condition=(
        "Against the baseline, a large table is read in a worse way or a join or sort got worse, "
        "and the cost is at least 1.5 times and 100 units higher; or the cost is at least three "
        "times as high. Where only the tables' sizes moved, it is a warning that fails nothing "
        "unless growth is to fail (--planguard-fail-on-growth)."
    ),
    effect="A query that was fast in production will not be after this change.",
    remedy=(
        "Put back what is gone (an index, a condition, a type, a setting), or accept the new "
        "plan into the baseline with a reason."
    ),
    source="baseline.compare holds the numbers; a plan that flips at ±10 % never counts.",
)

_ACCEPT = 'pytest --planguard --planguard-update --planguard-reason="…"'


def check(context: Context) -> Iterator[Candidate]:
    """At most one: it names the relation that got worst, and the others beside it."""
    change = context.change
    if change is None or change.kind is not ChangeKind.WORSE:
        return
    worst = change.relations[0] if change.relations else None
    table = context.catalog.tables.get(worst.relation) if worst is not None else None
    costs = (change.cost_before, change.cost_after)
    before, after = costs if None not in costs else (None, None)
    yield Candidate(
        rule=FACTS.code,
        key=context.query.key,
        database=context.query.database,
        relation=worst.relation if worst is not None else None,
        severity=Severity.WARNING if change.statistics_only else Severity.ERROR,
        message=_message(change, worst, table.rows if table is not None else 0.0, before, after),
        remedy=_remedy(change),
        rows=table.rows if table is not None else context.plan.rows,
        evidence=_evidence(before, after),
        verified=True,
    )


def _evidence(before: float | None, after: float | None) -> dict[str, float]:
    """Between server majors costs are not compared, and not shown."""
    if before is None or after is None:
        return {}
    factor = round(after / max(before, 0.01), 2)
    return {"cost_before": before, "cost_after": after, "factor": factor}


def _message(
    change: Change,
    worst: RelationChange | None,
    rows: float,
    before: float | None,
    after: float | None,
) -> str:
    factor = ""
    if before is not None and after is not None:
        factor = f"cost {words.times(before, after)}"
    if worst is None:
        if before is None or after is None:
            return "joins or sorts in a worse way"
        return f"{factor}: {words.cost(before)} → {words.cost(after)}, in the same way"
    facts = ", ".join(filter(None, (f"{words.rows(rows)} rows" if rows else "", factor)))
    text = f"{worst.relation}: {worst.before} → {worst.after}" + (f" ({facts})" if facts else "")
    others = [f"{one.relation} {one.before} → {one.after}" for one in change.relations[1:]]
    return text + "".join(f"; {other}" for other in others)


def _remedy(change: Change) -> str:
    if not change.causes:
        return f"cause unknown; accept the new plan with {_ACCEPT}"
    causes = "; ".join(change.causes)
    if change.statistics_only:
        return f"because {causes}: nobody's change; see pytest-planguard explain {change.key}"
    return f"because {causes}: put that back, or accept the new plan with {_ACCEPT}"
