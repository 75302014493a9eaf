"""Loads rows and freezes what the planner is told of them: the same for the same seed everywhere.

ANALYZE reads a table of up to 30,000 rows as a whole and is exact there. Of a larger one it draws
a sample at random, by a seed nobody can set, and tells something else every time; so a larger
table gets the statistics its rows were made from, with its real size.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from pytest_planguard.errors import ScaleError
from pytest_planguard.fixturedb.inflate.statistics import inject
from pytest_planguard.fixturedb.queries import named_queries
from pytest_planguard.fixturedb.scale.btree_pages import PAGE
from pytest_planguard.fixturedb.scale.expressions import RowExpressions
from pytest_planguard.fixturedb.scale.generated import load_rows, named
from pytest_planguard.fixturedb.scale.observed import observe
from pytest_planguard.fixturedb.scale.partitions import Tree
from pytest_planguard.model.catalog import Catalog, Table
from pytest_planguard.model.statistics import (
    ColumnStatistics,
    ScaleSource,
    Statistics,
    TableStatistics,
)

if TYPE_CHECKING:
    import psycopg

MOST_ROWS = 100_000_000
"""Rows of all tables together that are still loaded: about ten minutes."""
_SAMPLE = 30_000
"""Rows (and pages) ANALYZE reads: 300 times ``default_statistics_target`` (analyze.c)."""


def load_and_freeze(
    connection: psycopg.Connection[Any],
    catalog: Catalog,
    statistics: Statistics,
    read_catalog: Callable[[psycopg.Connection[Any]], Catalog],
    *,
    seed: int,
    folder: Path | None,
    progress: Callable[[str], None],
) -> tuple[Statistics, list[str]]:
    """Fills an empty database; its statistics as they are then, and what came out otherwise.

    Args:
        connection: To the database, as superuser and in autocommit mode.
        catalog: Of the database.
        statistics: What the rows should be like; their clock stays.
        read_catalog: Reads it again.
        seed: Another one gives other rows.
        folder: The server's data, where this process sees it: room is looked for there.
        progress: Hears how far it is.

    Raises:
        ScaleError: There is no room, or the rows cannot be made.
    """
    refuse_large(catalog, statistics, folder)
    notes = load_rows(connection, catalog, statistics, seed=seed, progress=progress)
    tables = [table for _, table in sorted(catalog.tables.items()) if table.kind in "rm"]
    for table in tables:
        progress(f"loading rows: vacuum of {table.qualified}")
        vacuum(connection, table)
    catalog = read_catalog(connection)
    whole = set(read_as_a_whole(catalog))
    connection.execute("SET default_statistics_target = 100")
    for name in sorted(whole):
        progress(f"loading rows: analyze of {name}")
        connection.execute(f"ANALYZE {named(catalog.tables[name])}")
    connection.execute("CHECKPOINT")  # heights of indexes are read from their files
    source = ScaleSource.GENERATED
    real = observe(connection, read_catalog(connection), clock=statistics.clock, source=source)
    large = large_tables(catalog, statistics, real, whole, seed)
    part = msgspec.structs.replace(real, tables=large)
    notes += inject(connection, catalog, part, connection.info.server_version)
    return msgspec.structs.replace(real, tables={**real.tables, **large}), notes


def vacuum(connection: psycopg.Connection[Any], table: Table) -> None:
    """Lets all pages be known as visible to all, and the rows be counted.

    VACUUM passes over a page that another process holds just then, as the checkpointer does while
    it writes it (``lazy_scan_noprune`` in vacuumlazy.c). One that freezes waits for such pages, and
    one that reads every page again counts the rows instead of estimating them.
    """
    name = named(table)
    connection.execute(f"VACUUM {name}")
    query = named_queries(__package__, "generated.sql")["is_visible"]
    row = connection.execute(query, [name]).fetchone()
    if row is not None and not row[0]:
        connection.execute(f"VACUUM (FREEZE, DISABLE_PAGE_SKIPPING) {name}")


def refuse_large(catalog: Catalog, statistics: Statistics, folder: Path | None) -> None:
    """Refuses rows that would take too long or more than half of the free disk.

    Half, since a run plans in a copy of what is kept.
    """
    tables = {
        name: one
        for name, one in statistics.tables.items()
        if (table := catalog.tables.get(name)) is not None and table.kind == "r"
    }
    rows = {name: one.rows for name, one in tables.items()}
    largest = ", ".join(
        f"{name} ({count:,.0f})"
        for name, count in sorted(rows.items(), key=lambda item: (-item[1], item[0]))[:3]
    )
    hint = 'set scale = "statistics", which needs no rows, or declare fewer'
    if sum(rows.values()) > MOST_ROWS:
        raise ScaleError(
            f"too many rows to load them really: {sum(rows.values()):,.0f}, most of them in"
            f" {largest}; at most {MOST_ROWS:,} are loaded",
            hint=hint,
        )
    if folder is None:
        return
    needed, free = estimated_bytes(tables.values()), shutil.disk_usage(folder).free
    if needed > free / 2:
        raise ScaleError(
            f"the rows would take about {needed / 1e9:,.1f} GB, most of it in {largest}; they may"
            f" take half of the {free / 1e9:,.1f} GB that are free at {folder}",
            hint=hint,
        )


def estimated_bytes(tables: Iterable[TableStatistics]) -> int:
    """What tables and indexes will take on disk."""
    pages = sum(one.pages + sum(index.pages for index in one.indexes.values()) for one in tables)
    return pages * PAGE


def read_as_a_whole(catalog: Catalog) -> Iterator[str]:
    """Tables ANALYZE reads every row of, so that it finds the same every time; pure.

    Of a table with children it reads a part of its 30,000 rows from each, by their pages.
    """
    tree = Tree(catalog)
    heirs: dict[str, list[str]] = {}
    for name, table in catalog.tables.items():
        for parent in table.parents if table.partition_bound is None else ():
            heirs.setdefault(parent, []).append(name)
    for name, table in sorted(catalog.tables.items()):
        if table.kind not in "rpm":
            continue
        below = tree.leaves(name) if table.kind == "p" else [name, *_all_heirs(heirs, name)]
        parts = [catalog.tables[one] for one in below]
        if all(one.kind == "r" for one in parts) or table.kind == "m":
            pages = max(1, sum(one.pages for one in parts))
            if pages <= _SAMPLE and all(_fits(one, pages, len(parts)) for one in parts):
                yield name


def _fits(part: Table, pages: int, parts: int) -> bool:
    share = _SAMPLE if parts == 1 else int(_SAMPLE * part.pages / pages)
    return part.rows <= share


def _all_heirs(heirs: dict[str, list[str]], name: str) -> list[str]:
    return [one for heir in heirs.get(name, ()) for one in (heir, *_all_heirs(heirs, heir))]


def large_tables(
    catalog: Catalog, wanted: Statistics, real: Statistics, whole: set[str], seed: int
) -> dict[str, TableStatistics]:
    """Real sizes with the distributions the rows were made from, of tables not in ``whole``."""
    expressions = RowExpressions(catalog, wanted, seed)
    found: dict[str, TableStatistics] = {}
    for name, facts in real.tables.items():
        asked = wanted.tables.get(name)
        table = catalog.tables[name]
        if name in whole or asked is None or table.kind not in "rpm":
            continue
        indexes = {
            key: msgspec.structs.replace(index, expressions=asked.indexes[key].expressions)
            if key in asked.indexes
            else index
            for key, index in facts.indexes.items()
        }
        found[name] = msgspec.structs.replace(
            facts,
            columns=_known(expressions, table, asked.columns),
            inherited=_known(expressions, table, asked.inherited),
            indexes=indexes,
        )
    return found


def _known(
    expressions: RowExpressions, table: Table, columns: dict[str, ColumnStatistics]
) -> dict[str, ColumnStatistics]:
    """The columns' statistics, with the number of values they were given where none was known."""
    return {
        name: facts
        if facts.n_distinct or table.kind == "m" or (column := table.column(name)) is None
        else msgspec.structs.replace(facts, n_distinct=float(expressions.distinct(table, column)))
        for name, facts in columns.items()
    }
