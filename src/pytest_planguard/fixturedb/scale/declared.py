"""Statistics from row counts the user declares and from what the schema itself says."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from pytest_planguard.fixturedb.scale.columns import ColumnDeriver
from pytest_planguard.fixturedb.scale.declarations import refuse, resolve
from pytest_planguard.fixturedb.scale.indexes import index_statistics, table_field
from pytest_planguard.fixturedb.scale.rows import Rows, table_rows
from pytest_planguard.fixturedb.scale.sizes import heap_pages
from pytest_planguard.model.bookkeeping import least_certain
from pytest_planguard.model.catalog import Catalog, Index, Table
from pytest_planguard.model.spec import ASSUMED_ROWS, TableDeclaration
from pytest_planguard.model.statistics import ScaleSource, Statistics, TableStatistics


def declare(
    catalog: Catalog,
    tables: Mapping[str, TableDeclaration],
    *,
    clock: str,
    assumed_rows: float = ASSUMED_ROWS,
) -> Statistics:
    """Statistics of every table, index and column of a schema without rows.

    Pure: the same schema and declarations give the same numbers on every machine.

    Args:
        catalog: The schema; the rows and pages in it are not looked at.
        tables: Declarations by table name, with or without the schema.
        clock: The instant the statistics speak of, ISO 8601.
        assumed_rows: Rows of a table nobody declared.

    Raises:
        ConfigurationError: A declaration fits no table or column, or contradicts itself; the
            message has all mistakes.
    """
    declared, mistakes = resolve(catalog, tables)
    counts = {name: item.rows for name, item in declared.items() if item.rows is not None}
    rows, contradictions = table_rows(catalog, counts, assumed_rows)
    refuse([*mistakes, *contradictions])
    deriver = ColumnDeriver(catalog, declared, rows, clock)
    indexes: dict[str, list[Index]] = {}
    for _, index in sorted(catalog.indexes.items()):
        indexes.setdefault(index.table, []).append(index)
    found = {
        name: _table(table, rows[name], deriver, indexes.get(name, []))
        for name, table in sorted(catalog.tables.items())
    }
    source = least_certain({name: rows[name].source for name in found}, ScaleSource.DECLARED)
    return Statistics(tables=found, clock=clock, source=source)


def _table(
    table: Table, rows: Rows, deriver: ColumnDeriver, indexes: list[Index]
) -> TableStatistics:
    """One table with its columns and indexes."""
    columns = {column.name: deriver.statistics(table, column) for column in table.columns}
    if table.kind == "p":
        return TableStatistics(rows.count, 0, rows.source, inherited=columns)
    if table.kind == "f":  # its files are elsewhere
        return TableStatistics(rows.count, 0, rows.source, columns=columns)
    fields = [table_field(column, columns[column.name], rows.count) for column in table.columns]
    pages = heap_pages(rows.count, fields, table.fillfactor)
    facts = TableStatistics(rows.count, pages, rows.source, all_visible=pages, columns=columns)
    sizes = {index.name: index_statistics(index, table, facts) for index in indexes}
    return msgspec.structs.replace(facts, indexes=sizes)
