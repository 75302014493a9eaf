"""MIG003: a migration builds an index on a large table while writes wait."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_planguard.model import words
from pytest_planguard.model.finding import Candidate, RuleFacts, Severity
from pytest_planguard.model.migrating import MigrationContext
from pytest_planguard.model.migration import Built, Lock, Step
from pytest_planguard.sql.safe import instead_of

FACTS = RuleFacts(
    code="MIG003",
    name="blocking-index-build",
    severity=Severity.ERROR,
    condition=(
        "A statement of a migration builds an index on a large table, or builds one anew, under a "
        "lock of SHARE or stronger: CREATE INDEX, ADD UNIQUE, ADD PRIMARY KEY, REINDEX."
    ),
    effect=(
        "Every write waits until the table has been read and sorted; under ACCESS EXCLUSIVE, and "
        "where an index is built anew, every read too."
    ),
    remedy=(
        "CREATE INDEX CONCURRENTLY outside of a transaction (on a partitioned table: ON ONLY the "
        "parent, CONCURRENTLY on each partition, ATTACH); a constraint then takes the index over."
    ),
    source=(
        "Locks and new files of the statement on an empty twin of the schema; PostgreSQL manual, "
        "CREATE INDEX, Building Indexes Concurrently."
    ),
)


_OTHERWISE = (
    "there is no way to build this one while writes go on: do it in a quiet hour, with a "
    "lock_timeout, or through a new table that is filled in batches"
)


def check_migration(context: MigrationContext) -> Iterator[Candidate]:
    """One candidate for each large table of a statement."""
    for number, step in context.numbered():
        rewritten = {one.relation for one in step.rewrites}
        seen: set[str] = set()
        for built in (*step.built, *step.rebuilt):
            lock = built.lock
            if lock is None or not lock.mode.blocks or built.relation in rewritten | seen:
                continue
            if context.is_large(built.relation, built.rows):
                seen.add(built.relation)
                yield _candidate(context, number, step, built, lock)


def _candidate(
    context: MigrationContext, number: int, step: Step, built: Built, lock: Lock
) -> Candidate:
    again = " anew" if built in step.rebuilt else ""
    name = built.name.partition(".")[2]
    return context.candidate(
        FACTS,
        Severity.ERROR,
        step=number,
        relation=built.relation,
        rows=built.rows,
        message=(
            f"builds index {name}{again} from {built.rows:,.0f} rows ({words.size(built.bytes)}) "
            f"of {built.relation} under {lock.mode.value}: {lock.mode.waits} wait"
        ),
        remedy=instead_of(step.statement, context, _OTHERWISE),
        evidence={"rows": built.rows, "bytes": built.bytes},
    )
