"""MIG006: a migration changes many rows in one statement."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_planguard.model import words
from pytest_planguard.model.finding import Candidate, RuleFacts, Severity
from pytest_planguard.model.migrating import MigrationContext
from pytest_planguard.model.migration import Change, Step, Work
from pytest_planguard.sql.safe import batches, written

FACTS = RuleFacts(
    code="MIG006",
    name="unbatched-backfill",
    severity=Severity.ERROR,
    condition=(
        "A statement of a migration updates or deletes 10,000 rows or more, as planned at "
        "production's size and at the schema it meets; a block or a function as much, loops "
        "over rows included, unless it commits between. A warning where it writes a large table "
        "and how many rows cannot be known."
    ),
    effect=(
        "Every row stays locked until the end, the table grows by as many dead rows, replicas lag, "
        "and an error at the end throws all of it away."
    ),
    remedy="In batches of some thousand rows by key, each committed by itself, and restartable.",
    source=(
        "The planner's estimate of the rows, on a copy of the schema at that point of the "
        "migration, at production's size. 10,000 as in QRY011."
    ),
)

MANY_ROWS = 10_000
_VERBS = frozenset({"updates", "deletes", "merges"})


def check_migration(context: MigrationContext) -> Iterator[Candidate]:
    """One candidate for each table a statement writes."""
    for number, step in context.numbered():
        meant = [change for change in step.changes if _is_meant(change, context)]
        for change in meant:
            yield _of_change(context, number, step, change)
        told = {change.relation for change in meant}
        for work in step.writes_unplanned:
            if work.relation not in told and context.is_large(work.relation, work.rows):
                yield _of_block(context, number, work)


def _is_meant(change: Change, context: MigrationContext) -> bool:
    """Not a table of the migration's own: nobody else knows it yet."""
    is_old = change.relation in context.before.tables
    return is_old and change.verb in _VERBS and change.rows >= MANY_ROWS


def _of_change(context: MigrationContext, number: int, step: Step, change: Change) -> Candidate:
    of = f" of {words.rows(change.of)}" if change.of > change.rows else ""
    least = "at least " if change.at_least else ""
    return context.candidate(
        FACTS,
        Severity.ERROR,
        step=number,
        relation=change.relation,
        rows=change.of,
        message=(
            f"{change.verb} {least}{words.rows(change.rows)}{of} rows of {change.relation} in one "
            "statement: they stay locked until it is over"
        ),
        remedy=_remedy(context, step),
        evidence={"rows": change.rows},
    )


def _of_block(context: MigrationContext, number: int, work: Work) -> Candidate:
    return context.candidate(
        FACTS,
        Severity.WARNING,
        step=number,
        relation=work.relation,
        rows=work.rows,
        message=(
            f"a block or function writes {work.relation} ({work.rows:,.0f} rows): how many of "
            "them, and whether it commits between, is not seen"
        ),
        remedy=(
            "see that it writes some thousand rows at a time and commits between, then "
            "acknowledge it with the reason"
        ),
        evidence={"rows": work.rows},
    )


def _remedy(context: MigrationContext, step: Step) -> str:
    better = batches(step.statement, context.before)
    if better is None:
        return "a few thousand rows at a time, by a key, each batch committed"
    values = ", with your values for $1 …" if "$1" in step.statement else ""
    return f"instead{values}:\n{written(better, context.migration.tool, context.models)}"
