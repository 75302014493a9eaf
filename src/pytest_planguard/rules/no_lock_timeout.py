"""MIG005: a migration waits for a lock without a limit, and everybody waits behind it."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_planguard.model.finding import Candidate, RuleFacts, Severity
from pytest_planguard.model.migrating import MigrationContext
from pytest_planguard.model.migration import Lock, Step, Tool

FACTS = RuleFacts(
    code="MIG005",
    name="no-lock-timeout",
    severity=Severity.WARNING,
    condition=(
        "A statement of a migration takes a lock of SHARE or stronger on a large table with "
        "neither lock_timeout nor statement_timeout in force."
    ),
    effect=(
        "It waits for the longest transaction on that table, and whoever comes after it waits "
        "behind it, although the statement itself takes a moment: a report that runs for an hour "
        "becomes an outage of an hour."
    ),
    remedy="Set lock_timeout to a few seconds before such statements, and try again when it fails.",
    source=(
        "lock_timeout as the migration's own session has it; PostgreSQL manual, 13.3.1, and 19.11 "
        "on lock_timeout. Two seconds are what most teams that publish their rules use."
    ),
)


def check_migration(context: MigrationContext) -> Iterator[Candidate]:
    """One candidate a migration: of the first such statement."""
    found = [
        (number, lock)
        for number, step in context.numbered()
        if step.waits_for_ever and (lock := _lock(step, context)) is not None
    ]
    if found:
        yield _candidate(context, *found[0], len(found))


def _lock(step: Step, context: MigrationContext) -> Lock | None:
    """The strongest that matters."""
    large = (one for one in step.blocking if context.holds_large(one.relation))
    return max(large, key=lambda one: one.mode.rank, default=None)


def _candidate(context: MigrationContext, number: int, lock: Lock, count: int) -> Candidate:
    rows = context.rows_of(lock.relation)
    more = f" (and {count - 1} more statements like it)" if count > 2 else ""
    more = " (and one more statement like it)" if count == 2 else more
    return context.candidate(
        FACTS,
        Severity.WARNING,
        step=number,
        relation=lock.relation,
        rows=rows,
        message=(
            f"waits for {lock.mode.value} on {lock.relation} without a limit{more}: behind it "
            f"{lock.mode.waits} wait too, for as long as any transaction there is open"
        ),
        remedy=_REMEDIES[context.migration.tool],
        evidence={"statements": float(count)},
    )


_REMEDIES = {
    Tool.SQL: "before it, and try again when it fails:\nSET lock_timeout = '2s';",
    Tool.ALEMBIC: (
        "once, in env.py, after the connection is made, and try again when it fails:\n"
        "connection.exec_driver_sql(\"SET lock_timeout = '2s'\")"
    ),
    Tool.DJANGO: (
        "in the settings of the database that migrates, and try again when it fails:\n"
        '"OPTIONS": {"options": "-c lock_timeout=2s"}'
    ),
}
