"""MIG004: a transaction of a migration works on while it holds a lock others wait for."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_planguard.model import words
from pytest_planguard.model.finding import Candidate, RuleFacts, Severity
from pytest_planguard.model.migrating import MigrationContext
from pytest_planguard.model.migration import Lock, Step, Tool

FACTS = RuleFacts(
    code="MIG004",
    name="work-while-holding-lock",
    severity=Severity.WARNING,
    condition=(
        "A statement of a migration reads or writes a large table while its transaction holds, "
        "since an earlier statement, a lock of SHARE or stronger on a large table."
    ),
    effect=(
        "A lock is held until its transaction ends: what an instant of ALTER TABLE locked stays "
        "locked as long as the other statement works."
    ),
    remedy=(
        "Commit between the two: a transaction of its own for what takes a strong lock, and "
        "another for what takes long."
    ),
    source="pg_locks of the migration's backend before each statement, on an empty twin.",
)

MANY_ROWS = 10_000
"""As of QRY011: a second or more of writing."""


def check_migration(context: MigrationContext) -> Iterator[Candidate]:
    """One candidate a statement."""
    for number, step in context.numbered():
        held = [one for one in step.held if context.holds_large(one.relation)]
        does = _does(step, context)
        if held and does:
            yield _candidate(context, number, held[0], does)


def _does(step: Step, context: MigrationContext) -> str:
    """The largest thing that takes long and is not what the lock is for; empty: nothing does."""
    for change in step.changes:
        if change.rows >= MANY_ROWS or context.is_large(change.relation, change.reads):
            rows = max(change.rows, change.reads)
            return f"{change.verb} {words.rows(change.rows)} rows of {change.relation}" if (
                change.rows >= MANY_ROWS
            ) else f"reads {words.rows(rows)} rows for what it {change.verb}"  # fmt: skip
    for verb, works in (
        ("writes anew", step.rewrites),
        ("builds an index from", step.built),
        ("reads", step.reads),
    ):
        for work in works:
            blocks = work.lock is not None and work.lock.mode.blocks
            if context.is_large(work.relation, work.rows) and not blocks:
                return f"{verb} {words.rows(work.rows)} rows of {work.relation}"
    return ""


def _candidate(context: MigrationContext, number: int, lock: Lock, does: str) -> Candidate:
    rows = context.rows_of(lock.relation)
    return context.candidate(
        FACTS,
        Severity.WARNING,
        step=number,
        relation=lock.relation,
        rows=rows,
        message=(
            f"{does} while the transaction holds {lock.mode.value} on {lock.relation}: "
            f"{lock.mode.waits} of {lock.relation} wait meanwhile"
        ),
        remedy=_REMEDIES[context.migration.tool],
        evidence={"rows": rows},
    )


_REMEDIES = {
    Tool.SQL: "end the transaction before this statement:\nCOMMIT;",
    Tool.ALEMBIC: (
        "put this statement into a revision of its own, with transaction_per_migration=True in "
        "env.py, or outside of the transaction:\nwith op.get_context().autocommit_block():\n    …"
    ),
    Tool.DJANGO: (
        "put this operation into a migration of its own, or commit each operation by itself:\n"
        "atomic = False"
    ),
}
