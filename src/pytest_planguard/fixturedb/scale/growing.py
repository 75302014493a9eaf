"""Some of a database's tables at another size: what growth makes of them, and what it leaves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from typing import Any

import msgspec

from pytest_planguard.fixturedb.scale.declarations import resolve
from pytest_planguard.fixturedb.scale.grow import grown
from pytest_planguard.model.catalog import Catalog, Table
from pytest_planguard.model.spec import TableDeclaration
from pytest_planguard.model.statistics import Statistics, TableStatistics


def fixed_tables(catalog: Catalog, declared: Mapping[str, TableDeclaration]) -> frozenset[str]:
    """Tables that are said not to grow, with their partitions; schema-qualified."""
    found, _ = resolve(catalog, declared)
    named = {name for name, one in found.items() if not one.grows}
    return frozenset(
        name for name in catalog.tables if name in named or catalog.root_of(name) in named
    )


def resized(
    statistics: Statistics,
    factor: float,
    catalog: Catalog,
    relations: AbstractSet[str],
    fixed: AbstractSet[str],
) -> Statistics:
    """Statistics of the relations alone, with ``factor`` times the rows.

    A table that does not grow stays as it is, and so does the number of values of a column that
    points to one: there are no more countries for a hundred times as many addresses. What a table
    has in columns and extended statistics is left out where it is the same as before.

    Args:
        statistics: Of today.
        factor: Above 1 tables grow, below they shrink.
        catalog: Tells which columns point where.
        relations: Tables wanted, their partitions among them.
        fixed: Tables that do not grow.
    """
    larger = grown(statistics, factor)
    tables = {
        name: _changed(facts, _table(facts, larger.tables[name], catalog.tables.get(name), fixed))
        for name, facts in statistics.tables.items()
        if name in relations
    }
    return msgspec.structs.replace(larger, tables=tables)


def _table(
    today: TableStatistics, then: TableStatistics, table: Table | None, fixed: AbstractSet[str]
) -> TableStatistics:
    if table is None or table.qualified in fixed:
        return today
    kept = set(_pointing(table, fixed))
    return msgspec.structs.replace(
        then,
        columns={n: today.columns[n] if n in kept else one for n, one in then.columns.items()},
        inherited={
            n: today.inherited[n] if n in kept else one for n, one in then.inherited.items()
        },
    )


def _pointing(table: Table, fixed: AbstractSet[str]) -> Iterator[str]:
    """Columns of foreign keys to tables that do not grow."""
    for constraint in table.constraints:
        if constraint.kind == "f" and constraint.references in fixed:
            yield from constraint.columns


def _changed(today: TableStatistics, then: TableStatistics) -> TableStatistics:
    """Without what the catalogs of a copy of today's database hold already."""
    return msgspec.structs.replace(
        then,
        columns=_others(today.columns, then.columns),
        inherited=_others(today.inherited, then.inherited),
        extended=_others(today.extended, then.extended),
        indexes={
            name: msgspec.structs.replace(
                one, expressions=_others(today.indexes[name].expressions, one.expressions)
            )
            for name, one in then.indexes.items()
        },
    )


def _others(today: Mapping[str, Any], then: Mapping[str, Any]) -> dict[str, Any]:
    return {name: one for name, one in then.items() if today.get(name) != one}
