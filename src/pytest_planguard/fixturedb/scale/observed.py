"""Statistics of a database that really has rows, read from its catalogs."""

from __future__ import annotations

from collections import defaultdict
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import msgspec

from pytest_planguard.errors import ScaleError
from pytest_planguard.fixturedb.inflate.btree import read_height
from pytest_planguard.fixturedb.inflate.metapages import read_gin
from pytest_planguard.fixturedb.queries import named_queries
from pytest_planguard.fixturedb.scale.observed_columns import column_statistics
from pytest_planguard.fixturedb.scale.observed_extended import observe_extended
from pytest_planguard.model.catalog import Catalog, Index, Table
from pytest_planguard.model.statistics import (
    ColumnStatistics,
    ExtendedStatistics,
    GinPages,
    IndexStatistics,
    ScaleSource,
    Statistics,
    TableStatistics,
)

if TYPE_CHECKING:
    import psycopg


def observe(
    connection: psycopg.Connection[Any], catalog: Catalog, *, clock: str, source: ScaleSource
) -> Statistics:
    """What ``ANALYZE`` wrote, and the sizes; no table is read.

    Heights of indexes are as of the last checkpoint.

    Args:
        connection: To the database, which was vacuumed and analysed.
        catalog: Of the same database.
        clock: The instant the statistics speak of, ISO 8601.
        source: What the sizes are called in reports.
    """
    queries = named_queries(__package__, "observed.sql")
    read = {name: connection.execute(queries[name]).fetchall() for name in ("columns", "relations")}
    columns: dict[tuple[str, bool], dict[str, ColumnStatistics]] = defaultdict(dict)
    for relation, attribute, inherited, *facts in read["columns"]:
        columns[relation, inherited][attribute] = column_statistics(facts)
    seen = _Seen(columns, {name: tuple(facts) for name, *facts in read["relations"]})
    superuser = connection.execute(
        "SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user"
    ).fetchone()
    if superuser and superuser[0]:  # others may not read files: heights are then derived
        _look_deeper(connection, queries, seen, catalog.server.version)
    tables = {
        name: _table(table, catalog, source, seen) for name, table in sorted(catalog.tables.items())
    }
    return Statistics(
        tables=tables,
        clock=clock,
        source=source,
        server_version=catalog.server.version,
        collation=catalog.server.collation,
        settings=catalog.server.settings,
    )


class _Seen(msgspec.Struct):
    """What the queries found, by schema-qualified name."""

    columns: dict[tuple[str, bool], dict[str, ColumnStatistics]]
    """By relation, and whether they are those with its children."""
    relations: dict[str, tuple[Any, ...]]
    """``reltuples``, ``relallvisible``, pages of the file and of TOAST, rank by age."""
    heights: dict[str, int] = {}
    gin: dict[str, GinPages] = {}
    extended: dict[str, dict[str, ExtendedStatistics]] = {}


def _look_deeper(
    connection: psycopg.Connection[Any], queries: dict[str, str], seen: _Seen, version: int
) -> None:
    """What only a superuser sees: first pages of indexes, ranges, extended statistics."""
    for name, method, meta in connection.execute(queries["metapages"]).fetchall():
        with suppress(ScaleError):  # it has not been written to the file yet
            if method == "gin":
                seen.gin[name] = read_gin(meta)
            else:
                seen.heights[name] = read_height(meta)
    for name, attribute, inherited, bounds, lengths, empty in connection.execute(
        queries["ranges"]
    ).fetchall():
        there = seen.columns.get((name, inherited), {})
        if attribute in there:
            there[attribute] = msgspec.structs.replace(
                there[attribute],
                range_bounds_histogram=tuple(bounds or ()),
                range_length_histogram=tuple(lengths or ()),
                range_empty_frac=empty,
            )
    seen.extended = observe_extended(connection, version)


def _table(table: Table, catalog: Catalog, source: ScaleSource, seen: _Seen) -> TableStatistics:
    """One table; a partitioned one's pages are its leaves'."""
    name, whole = table.qualified, table.kind == "p"
    rows, visible, in_file, toast, _ = seen.relations.get(name, (table.rows, 0, None, 0, None))
    indexes = {index.name: _index(index, seen) for index in catalog.indexes_of(name) if not whole}
    return TableStatistics(
        rows=table.rows if whole else rows,
        pages=0 if whole else table.pages,
        source=source,
        all_visible=visible,
        columns=seen.columns.get((name, False), {}),
        inherited=seen.columns.get((name, True), {}),
        indexes=indexes,
        extended=seen.extended.get(name, {}),
        file_pages=None if whole or in_file == table.pages else in_file,
        toast_pages=toast,
        kind=table.kind,
    )


def _index(index: Index, seen: _Seen) -> IndexStatistics:
    """One index that has storage."""
    name = f"{index.schema}.{index.name}"
    _, _, in_file, _, order = seen.relations.get(name, (0, 0, None, 0, 0))
    return IndexStatistics(
        index.pages,
        index.tuples,
        seen.heights.get(name),
        seen.columns.get((name, False), {}),
        file_pages=None if in_file == index.pages else in_file,
        order=order,
        gin=seen.gin.get(name),
    )
