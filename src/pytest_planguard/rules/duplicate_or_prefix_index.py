"""IDX003: a new index has the same or the leading keys of another one."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_planguard.model import words
from pytest_planguard.model.baseline import World
from pytest_planguard.model.catalog import Catalog, Index
from pytest_planguard.model.finding import Candidate, RuleFacts, Severity
from pytest_planguard.model.judgement import RunContext
from pytest_planguard.model.ports import quoted
from pytest_planguard.sql.redundant import Redundant, redundant

FACTS = RuleFacts(
    code="IDX003",
    name="duplicate-or-prefix-index",
    severity=Severity.WARNING,
    condition=(
        "Of two indexes of a table one has the same keys as the other or its leading ones, with "
        "the same operator classes, collations, order and predicate, includes no column the other "
        "has not, backs no constraint and demands no uniqueness the other does not. A warning "
        "where one of the two is not in the baseline; without a baseline, where nobody knows what "
        "is new, an information."
    ),
    effect=(
        "Each INSERT, and each UPDATE that is not HOT, writes both, VACUUM cleans both, and both "
        "take memory from what is read; no query is faster for it."
    ),
    remedy=(
        "Drop the one that is superfluous, or do not create it: in Django, a foreign key that a "
        "constraint begins with takes db_index=False."
    ),
    source=(
        "PostgreSQL manual, 11.3 Multicolumn Indexes: a btree serves conditions on its leading "
        "columns; PostgreSQL wiki, Index Maintenance: Duplicate indexes."
    ),
)

_PAGE = 8192


def check_run(context: RunContext) -> Iterator[Candidate]:
    """One candidate for each index that is superfluous, and new or made so by a new one."""
    new = _new(context.catalog, context.before) if context.before is not None else frozenset()
    for found in redundant(context.catalog):
        are_new = [_place(one) in new for one in (found.index, found.by)]
        if context.before is None or any(are_new):
            keeps_new = found.either and are_new == [False, True]
            yield _candidate(found.turned if keeps_new else found, context)


def _new(catalog: Catalog, before: World) -> frozenset[str]:
    """Indexes the baseline does not have; one that was only renamed since is not new."""
    gone = {
        _nameless(name.partition(".")[2], definition)
        for name, definition in before.indexes.items()
        if name not in catalog.indexes
    }
    return frozenset(
        name
        for name, index in catalog.indexes.items()
        if before.indexes.get(name) != index.definition
        and _nameless(index.name, index.definition) not in gone
    )


def _place(index: Index) -> str:
    return f"{index.schema}.{index.name}"


def _nameless(name: str, definition: str) -> str:
    return definition.replace(f" {quoted(name)} ON ", " ON ", 1).replace(
        f' "{name}" ON ', " ON ", 1
    )


def _candidate(found: Redundant, context: RunContext) -> Candidate:
    index, by = found.index, found.by
    size = float(index.pages * _PAGE)
    table = context.catalog.tables.get(index.table)
    same = f"has the same keys as {by.name}: {_printed(index)}"
    leading = f"has the leading keys of {by.name}: {_printed(index)} and {_printed(by)}"
    return Candidate(
        rule=FACTS.code,
        key="",
        database=context.database,
        relation=index.table,
        severity=Severity.WARNING if context.before is not None else Severity.INFO,
        message=(
            f"index {index.name} ({words.size(size)}) of {index.table} "
            f"{same if found.is_duplicate else leading}; each row written writes both"
        ),
        remedy=_drop(index, is_partitioned=table is not None and table.kind == "p"),
        rows=table.rows if table is not None else 0.0,
        evidence={"index_bytes": size, "index_rows": index.tuples},
    )


def _drop(index: Index, *, is_partitioned: bool) -> str:
    """The statement; an index of a partitioned table is not dropped concurrently."""
    how = "" if is_partitioned else "CONCURRENTLY "
    return f"DROP INDEX {how}{quoted(index.schema)}.{quoted(index.name)};"


def _printed(index: Index) -> str:
    """The definition from its keys on."""
    return (
        index.definition.partition(" USING ")[2].partition(" ")[2] or f"({', '.join(index.keys)})"
    )
