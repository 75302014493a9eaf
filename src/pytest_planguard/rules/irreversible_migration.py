"""MIG010: there is no way back from a migration."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_planguard.model.finding import Candidate, RuleFacts, Severity
from pytest_planguard.model.migrating import MigrationContext
from pytest_planguard.model.migration import Tool

FACTS = RuleFacts(
    code="MIG010",
    name="irreversible-migration",
    severity=Severity.INFO,
    condition=(
        "The downgrade of a migration fails on the twin it was applied to, or it drops what was "
        "there before the migration."
    ),
    effect="A release that has to be taken back needs a hand-made migration at the worst moment.",
    remedy="Write the way back and let it run here, or acknowledge that there is none.",
    source="The tool's own downgrade, run on an empty twin after the upgrade.",
)


def check_migration(context: MigrationContext) -> Iterator[Candidate]:
    """One candidate for the way that fails, and one for each thing it would lose."""
    migration = context.migration
    if migration.irreversible:
        yield context.candidate(
            FACTS,
            Severity.INFO,
            message=f"there is no way back: {migration.irreversible}",
            remedy=_REMEDIES.get(migration.tool, FACTS.remedy),
        )
    for gone in migration.lossy:
        what = f"the column {gone.name} of {gone.relation}" if gone.name else gone.relation
        yield context.candidate(
            FACTS,
            Severity.INFO,
            relation=gone.relation,
            rows=gone.rows,
            message=f"the way back drops {what}, which was there before the migration",
            remedy="let the downgrade leave alone what the upgrade did not make",
        )


_REMEDIES = {
    Tool.ALEMBIC: "write downgrade(), or let it raise with a sentence and acknowledge it",
    Tool.DJANGO: "give RunPython and RunSQL their reverse, or acknowledge that there is none",
}
