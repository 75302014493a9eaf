"""IDX002: a new index that no statement would use."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from pytest_planguard.model import words
from pytest_planguard.model.catalog import Catalog, Index
from pytest_planguard.model.finding import Candidate, RuleFacts, Severity
from pytest_planguard.model.judgement import RunContext
from pytest_planguard.model.migrating import MigrationContext
from pytest_planguard.model.plan import Planned
from pytest_planguard.model.ports import quoted

FACTS = RuleFacts(
    code="IDX002",
    name="new-index-unused",
    severity=Severity.WARNING,
    condition=(
        "An index that is not in the baseline's schema, or that a migration makes, is in no plan "
        "of the statements looked at, whatever the values; it is not unique, backs no constraint "
        "and does not begin with the columns of a foreign key."
    ),
    effect=(
        "Every INSERT and most UPDATEs write it, VACUUM cleans it, and it takes memory from what "
        "is read; no statement that is known is faster for it."
    ),
    remedy=(
        "Leave it out, or test what it is for: a statement that no test sends is not known here."
    ),
    source=(
        "Plans at production's size at the schema with the index. It says nothing of indexes that "
        "were there before: a test suite does not send all that production does."
    ),
)

_PAGE = 8192


def check_run(context: RunContext) -> Iterator[Candidate]:
    """One candidate for each new index of the schema the suite made."""
    if context.before is None or not context.outcomes:
        return
    known = context.before.indexes
    gone = {_nameless(definition) for name, definition in known.items()
            if name not in context.catalog.indexes}  # fmt: skip
    new = {
        name: index
        for name, index in context.catalog.indexes.items()
        if name not in known
        and index.table in context.before.tables
        and _nameless(index.definition) not in gone
    }
    plans = [one for _, one in context.outcomes if isinstance(one, Planned)]
    used = frozenset(
        name
        for planned in plans
        for plan in planned.plans
        for path in plan.access.values()
        for name in path.indexes
    )
    for index in unused(new, used, context.catalog):
        yield Candidate(
            rule=FACTS.code,
            key="",
            database=context.database,
            relation=index.table,
            severity=Severity.WARNING,
            message=_message(index, context.catalog, len(plans)),
            remedy=_remedy(index),
            rows=_rows(index, context.catalog),
            evidence={"statements": float(len(plans))},
        )


def check_migration(context: MigrationContext) -> Iterator[Candidate]:
    """One candidate for each index a migration makes on a table that was there."""
    use = context.index_use
    if use is None or use.catalog is None or not use.looked_at:
        return
    new = {name: use.catalog.indexes[name] for name in use.new if name in use.catalog.indexes}
    for index in unused(new, use.used, use.catalog):
        yield context.candidate(
            FACTS,
            Severity.WARNING,
            step=use.new[f"{index.schema}.{index.name}"],
            relation=index.table,
            rows=_rows(index, use.catalog),
            message=_message(index, use.catalog, use.looked_at, use.unplanned),
            remedy="leave it out, or let a test send what it is for",
            evidence={"statements": float(use.looked_at)},
        )


def unused(new: Mapping[str, Index], used: Iterable[str], catalog: Catalog) -> Iterator[Index]:
    """Those of them that nothing needs; of a partitioned table's the parent alone."""
    names = set(used)
    for name, index in sorted(new.items()):
        parts = {one.name for one in catalog.indexes.values() if _is_below(one, name, catalog)}
        needed = index.unique or index.primary or index.constraint or index.parent is not None
        if not needed and not (parts | {index.name}) & names and not _serves_a_key(index, catalog):
            yield index


def _is_below(index: Index, top: str, catalog: Catalog) -> bool:
    """Whether it is attached to another one, through others too."""
    while index.parent is not None and index.parent in catalog.indexes:
        if index.parent == top:
            return True
        index = catalog.indexes[index.parent]
    return False


def _serves_a_key(index: Index, catalog: Catalog) -> bool:
    """Whether deletes of the table it points to look rows up by it."""
    table = catalog.tables.get(index.table)
    keys = [one.columns for one in table.constraints if one.kind == "f"] if table else []
    return any(set(index.attributes[: len(columns)]) == set(columns) for columns in keys)


def _nameless(definition: str) -> str:
    return definition.partition(" ON ")[2]


def _rows(index: Index, catalog: Catalog) -> float:
    table = catalog.tables.get(index.table)
    return table.rows if table is not None else 0.0


def _message(index: Index, catalog: Catalog, statements: int, unplanned: int = 0) -> str:
    size = sum(
        one.pages
        for name, one in catalog.indexes.items()
        if one is index or _is_below(one, f"{index.schema}.{index.name}", catalog)
    )
    besides = f"; {unplanned:,} more could not be planned" if unplanned else ""
    return (
        f"new index {index.name} ({words.size(float(size * _PAGE))}) of {index.table} is in no "
        f"plan of {statements:,} statements looked at; each row written writes it"
        f"{besides}"
    )


def _remedy(index: Index) -> str:
    return (
        "leave it out, or let a test send what it is for:\n"
        f"DROP INDEX CONCURRENTLY {quoted(index.schema)}.{quoted(index.name)};"
    )
