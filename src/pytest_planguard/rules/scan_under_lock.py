"""MIG001: a migration reads a large table while everybody waits for its lock."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_planguard.model import words
from pytest_planguard.model.finding import Candidate, RuleFacts, Severity
from pytest_planguard.model.migrating import MigrationContext
from pytest_planguard.model.migration import Lock, Step, Work
from pytest_planguard.sql.safe import instead_of

FACTS = RuleFacts(
    code="MIG001",
    name="scan-under-lock",
    severity=Severity.ERROR,
    condition=(
        "A statement of a migration reads a large table as a whole while its transaction holds a "
        "lock of SHARE or stronger on it: SET NOT NULL, a foreign key or CHECK that is validated "
        "at once, ATTACH PARTITION without a constraint that says what the bound says."
    ),
    effect=(
        "Writes, under ACCESS EXCLUSIVE reads too, wait until the whole table has been read, and "
        "every statement after them waits in the same queue: connections run out first."
    ),
    remedy=(
        "Add the constraint NOT VALID, which takes an instant, and validate it in a transaction of "
        "its own: VALIDATE CONSTRAINT reads the table while reads and writes go on."
    ),
    source=(
        "Locks, files and scan counters of the statement, run on an empty twin of the schema; "
        "PostgreSQL manual, ALTER TABLE, Notes, and 13.3.1 Table-Level Locks."
    ),
)


_OTHERWISE = (
    "split it: what reads the table goes into a statement whose lock lets reads and "
    "writes go on (VALIDATE CONSTRAINT, the CONCURRENTLY forms)"
)


def check_migration(context: MigrationContext) -> Iterator[Candidate]:
    """One candidate a statement: of the largest table it reads so."""
    for number, step in context.numbered():
        found = [one for one in step.reads if _is_meant(one, step, context)]
        if found:
            yield _candidate(context, number, step, found)


def _is_meant(work: Work, step: Step, context: MigrationContext) -> bool:
    """Index builds and rewrites have rules of their own."""
    others = {one.relation for one in step.rewrites}
    others |= {one.relation for one in (*step.built, *step.rebuilt)}
    return (
        work.lock is not None
        and work.lock.mode.blocks
        and work.relation not in others
        and context.is_large(work.relation, work.rows)
    )


def _candidate(context: MigrationContext, number: int, step: Step, found: list[Work]) -> Candidate:
    work, *others = found
    assert work.lock is not None
    more = "".join(f", and {_table(one)}" for one in others)
    return context.candidate(
        FACTS,
        Severity.ERROR,
        step=number,
        relation=work.relation,
        rows=work.rows,
        message=f"reads {_table(work)}{more} {_under(work.lock)}",
        remedy=instead_of(step.statement, context, _OTHERWISE),
        evidence={"rows": work.rows, "bytes": work.bytes},
    )


def _table(work: Work) -> str:
    return f"{work.rows:,.0f} rows ({words.size(work.bytes)}) of {work.relation}"


def _under(lock: Lock) -> str:
    return f"under {lock.mode.value}: {lock.mode.waits} wait"
