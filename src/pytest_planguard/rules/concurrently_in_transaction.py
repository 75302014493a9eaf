"""MIG012: a statement that refuses a transaction is sent in one."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_planguard.model.finding import Candidate, RuleFacts, Severity
from pytest_planguard.model.migrating import MigrationContext
from pytest_planguard.sql.safe import outside, written

FACTS = RuleFacts(
    code="MIG012",
    name="concurrently-in-transaction",
    severity=Severity.ERROR,
    condition=(
        "The server refuses a statement of a migration because a transaction is open: CREATE, DROP "
        "and REINDEX INDEX CONCURRENTLY, VACUUM, DETACH PARTITION CONCURRENTLY."
    ),
    effect="The migration fails in production, on empty and on large tables alike.",
    remedy=(
        "Send it outside of a transaction: autocommit_block() in Alembic, atomic = False in "
        "Django, no BEGIN around it in SQL."
    ),
    source="SQLSTATE 25001, active_sql_transaction, as the server answers on the twin.",
)


def check_migration(context: MigrationContext) -> Iterator[Candidate]:
    """One candidate for each statement that is refused so."""
    for number, step in enumerate(context.migration.steps):
        if step.refusal is None or not step.refusal.needs_no_transaction or not step.inside:
            continue
        better = written(outside(step.statement), context.migration.tool, context.models)
        yield context.candidate(
            FACTS,
            Severity.ERROR,
            step=number,
            message=f"the server refuses it inside a transaction: {step.refusal.message}",
            remedy=f"instead:\n{better}",
        )
