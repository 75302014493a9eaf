"""MIG002: a migration writes a large table anew while everybody waits."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_planguard.model import words
from pytest_planguard.model.finding import Candidate, RuleFacts, Severity
from pytest_planguard.model.migrating import MigrationContext
from pytest_planguard.model.migration import LockMode, Step, Work
from pytest_planguard.sql.safe import instead_of

FACTS = RuleFacts(
    code="MIG002",
    name="table-rewrite",
    severity=Severity.ERROR,
    condition=(
        "A statement of a migration gives a large table a new file and fills it with every row: a "
        "column's type that is stored otherwise, a new column with a volatile default, VACUUM "
        "FULL, CLUSTER, SET LOGGED, SET TABLESPACE; or a materialised view is filled anew while "
        "its readers wait."
    ),
    effect=(
        "Reads and writes wait until every row and every index is written again, and the disk "
        "must have room for both copies; replicas get all of it through the write-ahead log."
    ),
    remedy=(
        "Add a new column, fill it in batches, and put it in the old one's place; for bloat, "
        "rebuild online (pg_repack, pg_squeeze); REFRESH MATERIALIZED VIEW CONCURRENTLY."
    ),
    source=(
        "pg_class.relfilenode before and after the statement on an empty twin of the schema; "
        "PostgreSQL manual, ALTER TABLE, Notes."
    ),
)


_OTHERWISE = (
    "rebuild it online, with pg_repack or pg_squeeze, or through a new table that is "
    "filled in batches and takes the old one's name"
)


def check_migration(context: MigrationContext) -> Iterator[Candidate]:
    """One candidate for each large table."""
    for number, step in context.numbered():
        for work in step.rewrites:
            quiet = work.lock is not None and not work.lock.mode.blocks
            if context.is_large(work.relation, work.rows) and not quiet:
                yield _candidate(context, number, step, work)


def _candidate(context: MigrationContext, number: int, step: Step, work: Work) -> Candidate:
    mode = work.lock.mode if work.lock is not None else LockMode.ACCESS_EXCLUSIVE
    return context.candidate(
        FACTS,
        Severity.ERROR,
        step=number,
        relation=work.relation,
        rows=work.rows,
        message=(
            f"writes {work.rows:,.0f} rows ({words.size(work.bytes)} with indexes) of "
            f"{work.relation} anew under {mode.value}: {mode.waits} wait"
        ),
        remedy=instead_of(step.statement, context, _OTHERWISE),
        evidence={"rows": work.rows, "bytes": work.bytes},
    )
