"""MIG009: a migration drops what holds rows in production."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_planguard.model.finding import Candidate, RuleFacts, Severity
from pytest_planguard.model.migrating import MigrationContext
from pytest_planguard.model.migration import Dropped, DroppedKind, Tool

FACTS = RuleFacts(
    code="MIG009",
    name="destructive-change",
    severity=Severity.WARNING,
    condition=(
        "A migration drops a table or a column, or empties a table, that holds rows in production "
        "and was there before it."
    ),
    effect="The data is gone, and no way back brings it again: only a backup has it.",
    remedy=(
        "See that no release reads it any more and that somebody wants it gone, then acknowledge "
        "it by name, with the reason."
    ),
    source="The catalog before and after each statement on an empty twin, and production's rows.",
)

_WHAT = {
    DroppedKind.TABLE: "drops the table {relation} with {rows:,.0f} rows",
    DroppedKind.COLUMN: "drops the column {name} of {relation} in {rows:,.0f} rows",
    DroppedKind.ROWS: "empties {relation} of {rows:,.0f} rows",
}


def check_migration(context: MigrationContext) -> Iterator[Candidate]:
    """One candidate for each thing that is lost."""
    for number, step in context.numbered():
        for gone in step.dropped:
            if gone.kind in _WHAT and gone.rows > 0:
                yield _candidate(context, number, gone)


def _candidate(context: MigrationContext, number: int, gone: Dropped) -> Candidate:
    what = _WHAT[gone.kind].format(relation=gone.relation, name=gone.name, rows=gone.rows)
    return context.candidate(
        FACTS,
        Severity.WARNING,
        step=number,
        relation=gone.relation,
        rows=gone.rows,
        message=f"{what}: nothing but a backup brings them back",
        remedy=_remedy(context, gone),
        evidence={"rows": gone.rows},
    )


def _remedy(context: MigrationContext, gone: Dropped) -> str:
    """How to say that it is meant, beside the statement or in the configuration."""
    sql = context.migration.tool is Tool.SQL
    where = "on the line above the statement" if sql else "on the operation's line"
    what = gone.name or gone.relation.removeprefix("public.")
    return (
        f"if it is meant, say so {where}, or with [[ignore]] in the configuration:\n"
        f"{'--' if sql else '#'} planguard: ignore[MIG009] {what}: why it can go"
    )
