"""IDX004: an index that the planner does not use, because it is not valid."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_planguard.model.catalog import Catalog, Index
from pytest_planguard.model.finding import Candidate, RuleFacts, Severity
from pytest_planguard.model.judgement import RunContext
from pytest_planguard.model.migrating import MigrationContext
from pytest_planguard.model.ports import quoted

FACTS = RuleFacts(
    code="IDX004",
    name="invalid-index",
    severity=Severity.ERROR,
    condition=(
        "After the migrations an index is not valid that was not so before: one of a partitioned "
        "table to which not every partition's is attached, or one whose CONCURRENTLY failed."
    ),
    effect="No query uses it, and every write still writes what there is of it.",
    remedy=(
        "Attach the missing partitions' indexes; where CONCURRENTLY failed, drop it and make it "
        "again, or REINDEX INDEX CONCURRENTLY."
    ),
    source="pg_index.indisvalid; PostgreSQL manual, CREATE INDEX, Building Indexes Concurrently.",
)

_INVALID = " -- invalid"
"""As the baseline's world marks one."""


def check_run(context: RunContext) -> Iterator[Candidate]:
    """One candidate for each that the baseline does not know to be so."""
    known = context.before.indexes if context.before is not None else {}
    for name, index in _invalid(context.catalog):
        if not known.get(name, "").endswith(_INVALID):
            yield Candidate(
                rule=FACTS.code,
                key="",
                database=context.database,
                relation=index.table,
                severity=Severity.ERROR,
                message=_message(index),
                remedy=_remedy(index, context.catalog),
                rows=_rows(index, context.catalog),
            )


def check_migration(context: MigrationContext) -> Iterator[Candidate]:
    """One candidate for each that the migration leaves so."""
    if context.after is None:
        return
    for name, index in _invalid(context.after):
        before = context.before.indexes.get(name)
        if before is None or before.valid:
            yield context.candidate(
                FACTS,
                Severity.ERROR,
                relation=index.table,
                rows=context.rows_of(index.table),
                message=_message(index),
                remedy=_remedy(index, context.after),
            )


def _invalid(catalog: Catalog) -> Iterator[tuple[str, Index]]:
    return ((name, one) for name, one in sorted(catalog.indexes.items()) if not one.valid)


def _message(index: Index) -> str:
    return f"index {index.name} of {index.table} is not valid: no query uses it, every write does"


def _rows(index: Index, catalog: Catalog) -> float:
    table = catalog.tables.get(index.table)
    return table.rows if table is not None else 0.0


def _remedy(index: Index, catalog: Catalog) -> str:
    """The partitions that lack theirs, by name."""
    table = catalog.tables.get(index.table)
    name = f"{quoted(index.schema)}.{quoted(index.name)}"
    if table is None or table.kind != "p":
        return f"REINDEX INDEX CONCURRENTLY {name};"
    own = f"{index.schema}.{index.name}"
    has = {one.table for one in catalog.indexes.values() if one.parent == own}
    lacking = [
        one.qualified
        for one in catalog.tables.values()
        if one.parents[:1] == (table.qualified,) and one.qualified not in has
    ]
    lines = [
        f"ALTER INDEX {name} ATTACH PARTITION <the index of {part}>;" for part in sorted(lacking)
    ]
    return "\n".join(lines) or f"REINDEX INDEX {name};"
