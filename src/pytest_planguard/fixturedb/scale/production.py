"""A statistics file and a schema → what the fixture is given.

Where both know a table, its numbers are production's. What the file does not know is derived as
for declared sizes, and said; what the configuration declares beats the file: that is how one asks
"what if".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from pytest_planguard.errors import StatisticsError
from pytest_planguard.fixturedb.scale.declarations import refuse, resolve
from pytest_planguard.fixturedb.scale.declared import declare
from pytest_planguard.fixturedb.scale.indexes import index_height, index_statistics
from pytest_planguard.fixturedb.scale.partitions import Tree
from pytest_planguard.model.bookkeeping import is_kept_by_a_tool, least_certain
from pytest_planguard.model.catalog import Catalog, Index, Table
from pytest_planguard.model.spec import ASSUMED_ROWS, TableDeclaration
from pytest_planguard.model.statistics import (
    IndexStatistics,
    ScaleSource,
    Statistics,
    TableStatistics,
)
from pytest_planguard.model.tenants import NO_TENANTS, Tenants

_SHOWN = 5
"""Names in a sentence before it only counts."""

_NAME = r'(?:"(?:[^"]|"")+"|[^\s".]+)'
_INDEX_HEAD = re.compile(rf"CREATE (UNIQUE )?INDEX {_NAME} ON (?:ONLY )?(?:{_NAME}\.)?")


class AtScale(msgspec.Struct, frozen=True):
    """What the fixture is given, and what there was no statistic for."""

    statistics: Statistics
    lacking: tuple[str, ...] = ()


def at_production_scale(
    catalog: Catalog,
    source: Statistics,
    declared: Mapping[str, TableDeclaration],
    *,
    tenants: Tenants = NO_TENANTS,
    assumed_rows: float = ASSUMED_ROWS,
) -> AtScale:
    """Production's statistics for every table, index and column of a schema. Pure.

    Args:
        catalog: The fixture's schema; the rows and pages in it are not looked at.
        source: What was pulled.
        declared: Declarations of the configuration; a table with declared rows is no longer
            production's.
        tenants: Schemas that share the statistics of one of them.
        assumed_rows: Rows of a table that neither knows.

    Raises:
        StatisticsError: The file and the schema have no table in common.
        ConfigurationError: A declaration fits nothing.
    """
    wanted, mistakes = resolve(catalog, declared)
    refuse(mistakes)
    source = _with_tenants(catalog, source, tenants)
    _refuse_another_database(catalog, source)
    own = frozenset(name for name, item in wanted.items() if item.rows is not None)
    base = declare(
        catalog,
        _counts(catalog, source, wanted, own),
        clock=source.clock,
        assumed_rows=assumed_rows,
    )
    tree = Tree(catalog)
    version = source.server_version or catalog.server.version
    tables = {
        name: _table(
            catalog, table, base.tables[name], source.tables[name], wanted.get(name), version
        )
        if name in source.tables and not _is_declared(name, own, tree)
        else _derived(name, base.tables[name], own, tree)
        for name, table in sorted(catalog.tables.items())
    }
    sources = {name: facts.source for name, facts in tables.items()}
    statistics = msgspec.structs.replace(
        source,
        tables=tables,
        source=least_certain(sources, ScaleSource.PRODUCTION),
        calls=(),
    )
    return AtScale(statistics, tuple(_lacking(catalog, source, tables)))


def _with_tenants(catalog: Catalog, source: Statistics, tenants: Tenants) -> Statistics:
    """The source with the model's statistics for every tenant of the catalog, and no others'."""
    if not tenants.schemas:
        return source
    model = f"{tenants.model}."
    shared = {
        name: source.tables[model + name.partition(".")[2]]
        for name in catalog.tables
        if tenants.include(name) and model + name.partition(".")[2] in source.tables
    }
    rest = {name: facts for name, facts in source.tables.items() if not tenants.include(name)}
    return msgspec.structs.replace(source, tables=rest | shared)


def _refuse_another_database(catalog: Catalog, source: Statistics) -> None:
    """An empty side is no other database: a suite without tables has nothing to plan."""
    if not catalog.tables or not source.tables or catalog.tables.keys() & source.tables.keys():
        return
    raise StatisticsError(
        "the statistics are of another database: they speak of "
        f"{_names(sorted(source.tables))}, the schema has {_names(sorted(catalog.tables))}",
        hint="pull them from this application's production database: "
        "pytest-planguard statistics pull",
    )


def _is_declared(name: str, own: frozenset[str], tree: Tree) -> bool:
    """Whether its rows are the configuration's: its own, or those of the table it is part of."""
    return name in own or any(above.qualified in own for above in tree.ancestors(name))


def _derived(name: str, facts: TableStatistics, own: frozenset[str], tree: Tree) -> TableStatistics:
    """A table the file does not decide."""
    known = _is_declared(name, own, tree)
    source = ScaleSource.DECLARED if known else ScaleSource.ASSUMED
    return msgspec.structs.replace(facts, source=source)


def _counts(
    catalog: Catalog,
    source: Statistics,
    wanted: Mapping[str, TableDeclaration],
    own: frozenset[str],
) -> dict[str, TableDeclaration]:
    """Declarations with the file's row counts, from which the rest is derived."""
    tree = Tree(catalog)
    merged = dict(wanted)
    for name, table in catalog.tables.items():
        if table.kind == "p" or _is_declared(name, own, tree):
            continue
        facts = source.tables.get(name)
        rows = facts.rows if facts is not None else _like_its_siblings(name, source, tree)
        if rows is not None:
            before = merged.get(name, TableDeclaration())
            merged[name] = msgspec.structs.replace(before, rows=max(0.0, rows))
    return merged


def _like_its_siblings(name: str, source: Statistics, tree: Tree) -> float | None:
    """Rows of a partition production does not have yet: as many as the others have on average."""
    above = next(tree.ancestors(name), None)
    siblings = tree.children(above.qualified) if above is not None else []
    rows = [source.tables[one].rows for one in siblings if one in source.tables]
    return sum(rows) / len(rows) if rows else None


def _table(
    catalog: Catalog,
    table: Table,
    base: TableStatistics,
    facts: TableStatistics,
    declaration: TableDeclaration | None,
    version: int,
) -> TableStatistics:
    """One table that the file knows, with what the schema has besides."""
    chosen = frozenset(declaration.columns) if declaration is not None else frozenset()
    known = facts.types or facts.columns or facts.inherited
    new = {column.name for column in table.columns if column.name not in known} | chosen
    columns = {
        **{name: one for name, one in facts.columns.items() if table.column(name) is not None},
        **{name: one for name, one in base.columns.items() if name in new},
    }
    inherited = {
        **{name: one for name, one in facts.inherited.items() if table.column(name) is not None},
        **{name: one for name, one in base.inherited.items() if name in new},
    }
    merged = msgspec.structs.replace(
        facts, source=ScaleSource.PRODUCTION, columns=columns, inherited=inherited, indexes={}
    )
    if table.kind == "p":
        return msgspec.structs.replace(merged, pages=0)
    indexes = {
        index.name: _index(index, table, merged, facts, version)
        for index in catalog.indexes_of(table.qualified)
    }
    return msgspec.structs.replace(merged, indexes=indexes)


def _index(
    index: Index, table: Table, merged: TableStatistics, facts: TableStatistics, version: int
) -> IndexStatistics:
    """An index as it is at the source, by name or by what it indexes; else as it would be."""
    found = facts.indexes.get(index.name) or _same_index(index, facts)
    if found is None:
        countable = msgspec.structs.replace(merged, rows=max(0.0, merged.rows))
        return index_statistics(index, table, countable, version=version)
    if found.height is None and index.method == "btree":
        pages = found.pages if found.file_pages is None else found.file_pages
        height = index_height(index, table, merged, pages)
        found = msgspec.structs.replace(found, height=height)
    return found


def _same_index(index: Index, facts: TableStatistics) -> IndexStatistics | None:
    """The source's index of another name and the same definition: tools name them differently."""
    wanted = index_meaning(index.definition)
    same = [
        one
        for one in facts.indexes.values()
        if one.definition and index_meaning(one.definition) == wanted
    ]
    return same[0] if len(same) == 1 else None


def index_meaning(definition: str) -> str:
    """An index's definition without its name and its table's schema.

    >>> index_meaning("CREATE INDEX a ON public.t USING btree (x)")
    'INDEX t USING btree (x)'
    >>> index_meaning("CREATE UNIQUE INDEX b ON ONLY t USING btree (x)")
    'UNIQUE INDEX t USING btree (x)'
    """
    return _INDEX_HEAD.sub(lambda found: f"{found[1] or ''}INDEX ", definition, count=1)


def _lacking(
    catalog: Catalog, source: Statistics, tables: Mapping[str, TableStatistics]
) -> Iterator[str]:
    """What one side has and the other lacks, a sentence for each kind."""
    assumed = [
        name
        for name, one in tables.items()
        if one.source is ScaleSource.ASSUMED and not is_kept_by_a_tool(name)
    ]
    if assumed:
        are = "table is" if len(assumed) == 1 else "tables are"
        yield (
            f"{len(assumed)} {are} not in the statistics, the size is assumed: {_names(assumed)}"
        )
    gone = sorted(source.tables.keys() - catalog.tables.keys())
    if gone:
        yield f"the statistics have tables the schema lacks: {_names(gone)}"
    columns = [
        f"{name}.{column.name}"
        for name, table in sorted(catalog.tables.items())
        if name in source.tables
        and source.tables[name].types
        and tables[name].source is ScaleSource.PRODUCTION
        for column in table.columns
        if column.name not in source.tables[name].types
    ]
    if columns:
        yield f"new columns, their statistics are assumed: {_names(columns)}"


def _names(names: Sequence[str]) -> str:
    """The first few, and how many more."""
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
