"""IDX007: a migration drops an index that plans used, and they get worse for it."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_planguard.model import words
from pytest_planguard.model.finding import Candidate, RuleFacts, Severity
from pytest_planguard.model.migrating import LostPlan, MigrationContext

FACTS = RuleFacts(
    code="IDX007",
    name="dropped-index-was-used",
    severity=Severity.ERROR,
    condition=(
        "A migration drops an index that occurs in the baseline's plans, and statements that used "
        "it cost at least 1.5 times and 100 units more without it, planned at production's size."
    ),
    effect="What was an index scan reads the table, at once and on every call.",
    remedy="Keep it, or make first what these statements will use instead.",
    source=(
        "Indexes of the baseline's plans, and the same statements planned at the schema before and "
        "after. 1.5 times and 100 units as of PLN003."
    ),
)

WORSE = 1.5
UNITS = 100.0
_SHOWN = 3


def check_migration(context: MigrationContext) -> Iterator[Candidate]:
    """One candidate for each index."""
    if context.index_use is None:
        return
    groups: dict[str, list[LostPlan]] = {}
    for one in context.index_use.lost:
        if one.after >= WORSE * one.before and one.after - one.before >= UNITS:
            groups.setdefault(one.index, []).append(one)
    for index, found in groups.items():
        yield _candidate(context, index, sorted(found, key=lambda one: one.before - one.after))


def _candidate(context: MigrationContext, index: str, found: list[LostPlan]) -> Candidate:
    worst = found[0]
    count = "1 statement" if len(found) == 1 else f"{len(found):,} statements"
    return context.candidate(
        FACTS,
        Severity.ERROR,
        step=worst.step,
        relation=worst.relation,
        rows=context.rows_of(worst.relation),
        message=(
            f"drops index {index.partition('.')[2]} of {worst.relation}, which {count} used: cost "
            f"{words.cost(worst.before)} → {words.cost(worst.after)} "
            f"({words.times(worst.before, worst.after)}) in {worst.where}"
        ),
        remedy="keep it, or make first what these will use instead:\n"
        + "\n".join(dict.fromkeys(one.sql for one in found[:_SHOWN])),
        evidence={"cost_before": worst.before, "cost_after": worst.after},
    )
