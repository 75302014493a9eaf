"""Statistics of a database that really has rows, read from its catalogs."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from pytest_planguard.errors import ScaleError
from pytest_planguard.fixturedb.inflate.btree import read_height
from pytest_planguard.fixturedb.queries import named_queries
from pytest_planguard.model.catalog import Catalog, Table
from pytest_planguard.model.statistics import (
    ColumnStatistics,
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
    superuser = connection.execute(
        "SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user"
    ).fetchone()
    if not (superuser and superuser[0]):  # others may not read files: heights are then derived
        queries["metapages"] = "SELECT WHERE false"
    rows = {name: connection.execute(text).fetchall() for name, text in queries.items()}
    columns: dict[tuple[str, bool], dict[str, ColumnStatistics]] = defaultdict(dict)
    for relation, attribute, inherited, *facts in rows["columns"]:
        columns[relation, inherited][attribute] = _column(facts)
    heights = {
        name: height for name, meta in rows["metapages"] if (height := _height(meta)) is not None
    }
    visible = dict(rows["visible"])
    tables = {
        name: _table(table, catalog, source, columns, heights, visible.get(name, 0))
        for name, table in sorted(catalog.tables.items())
    }
    return Statistics(
        tables=tables,
        clock=clock,
        source=source,
        server_version=catalog.server.version,
        collation=catalog.server.collation,
        settings=catalog.server.settings,
    )


def _table(
    table: Table,
    catalog: Catalog,
    source: ScaleSource,
    columns: dict[tuple[str, bool], dict[str, ColumnStatistics]],
    heights: dict[str, int],
    visible: int,
) -> TableStatistics:
    """One table; a partitioned one's pages are its leaves'."""
    indexes = {
        index.name: IndexStatistics(
            index.pages,
            index.tuples,
            heights.get(f"{index.schema}.{index.name}"),
            columns.get((f"{index.schema}.{index.name}", False), {}),
        )
        for index in catalog.indexes_of(table.qualified)
        if table.kind != "p"
    }
    return TableStatistics(
        rows=table.rows,
        pages=0 if table.kind == "p" else table.pages,
        source=source,
        all_visible=visible,
        columns=columns.get((table.qualified, False), {}),
        inherited=columns.get((table.qualified, True), {}),
        indexes=indexes,
    )


def _height(meta: bytes) -> int | None:
    """A btree's height; None where its first page has not been written to the file yet."""
    try:
        return read_height(meta)
    except ScaleError:
        return None


def _column(facts: list[Any]) -> ColumnStatistics:
    """One row of ``pg_stats``."""
    nulls, width, distinct, values, freqs, bounds, correlation, elems, elem_freqs, counts = facts
    return ColumnStatistics(
        null_frac=nulls,
        avg_width=width,
        n_distinct=distinct,
        most_common_values=tuple(values or ()),
        most_common_freqs=tuple(freqs or ()),
        histogram_bounds=tuple(bounds or ()),
        correlation=correlation,
        most_common_elems=tuple(elems or ()),
        most_common_elem_freqs=tuple(elem_freqs or ()),
        elem_count_histogram=tuple(counts or ()),
    )
