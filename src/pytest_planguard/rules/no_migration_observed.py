"""MIG000: no migration was seen, so that no rule on migrations has looked at anything."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_planguard.model.finding import Candidate, RuleFacts, Severity
from pytest_planguard.model.migrating import MigrationContext

FACTS = RuleFacts(
    code="MIG000",
    name="no-migration-observed",
    severity=Severity.INFO,
    condition=(
        "Nothing of what was given or captured changes the schema: the tables come from "
        "create_all, the database is used again, or the migration is empty."
    ),
    effect="The rules on migrations did not run: that nothing was found says nothing.",
    remedy=(
        "Name the migration: pytest-planguard migrations --sql FILE, --alembic REV:REV or "
        "--django APP; or let the suite make its schema by its migrations."
    ),
    source="The statements that were traced: there is none.",
)


def check_migration(context: MigrationContext) -> Iterator[Candidate]:
    """One candidate where nothing was traced."""
    if context.migration.steps or context.migration.failure:
        return
    yield context.candidate(
        FACTS,
        Severity.INFO,
        message=f"no migration was observed in {context.migration.source}: no rule has looked",
        remedy=FACTS.remedy,
    )
