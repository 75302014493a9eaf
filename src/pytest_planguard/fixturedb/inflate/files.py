"""Relation files as large as the statistics say: sparse, so that terabytes take no room.

The planner asks the file system how large a relation is. A file is cut into segments of 1 GiB,
of which all but the last are full. A page of zeros is a valid, empty one, with checksums too.
The database must be one nobody has connected to yet: the server keeps sizes and pages in memory.
TOAST relations are left empty: the planner never asks for them (plancat.c looks at the table's
own main fork; ``reltoastrelid`` is not read in src/backend/optimizer).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from pytest_planguard.fixturedb.inflate.btree import PAGE
from pytest_planguard.fixturedb.inflate.first_pages import (
    BrinTop,
    BtreeTop,
    GinTop,
    Top,
    pages_needed,
)
from pytest_planguard.fixturedb.queries import named_queries
from pytest_planguard.model.statistics import IndexStatistics, Statistics, TableStatistics

if TYPE_CHECKING:
    import psycopg

SEGMENT_PAGES = 131_072
"""``RELSEG_SIZE`` of every stock build: 1 GiB."""


class RelationFile(msgspec.Struct, frozen=True, omit_defaults=True):
    """A relation's file and what it should become."""

    relation: str
    """Schema-qualified."""
    path: str
    """Below the data directory, as ``pg_relation_filepath`` gives it."""
    pages: int
    top: Top | None = None
    """What an index's first pages must be; None: they stay as they are."""
    unlogged: bool = False
    """Has an ``_init`` fork, from which a server that crashed would make the file anew."""

    def in_database(self, oid: int) -> RelationFile:
        """The same relation in a copy of the database."""
        folder, _, name = self.path.rpartition("/")
        parent = folder.rpartition("/")[0]
        return msgspec.structs.replace(self, path=f"{parent}/{oid}/{name}")


class Segment(NamedTuple):
    """One file of a relation."""

    path: str
    size: int
    """Bytes."""


def relation_files(
    connection: psycopg.Connection[Any], statistics: Statistics
) -> list[RelationFile]:
    """The files of all tables and indexes that have statistics, by one query."""
    query = named_queries(__package__, "files.sql")["relation_files"]
    indexes = _indexes(statistics)
    found: list[RelationFile] = []
    for relation, kind, method, path, unlogged in connection.execute(query):
        if path is None:
            continue
        if kind == "i" and relation in indexes:
            table, index = indexes[relation]
            pages, top = _real_pages(index), _top(method, index, table)
            pages = max(pages, pages_needed(top))
            found.append(RelationFile(relation, path, pages, top, unlogged))
        elif kind != "i" and relation in statistics.tables:
            pages = _real_pages(statistics.tables[relation])
            found.append(RelationFile(relation, path, pages, unlogged=unlogged))
    return found


def _real_pages(facts: TableStatistics | IndexStatistics) -> int:
    """The file's size: the planner believes it, and scales what the catalog says by it."""
    return facts.pages if facts.file_pages is None else facts.file_pages


def _indexes(statistics: Statistics) -> dict[str, tuple[TableStatistics, IndexStatistics]]:
    """Each index and its table, by the index's schema-qualified name."""
    return {
        f"{name.partition('.')[0]}.{index_name}": (table, index)
        for name, table in statistics.tables.items()
        for index_name, index in table.indexes.items()
    }


def _top(method: str, index: IndexStatistics, table: TableStatistics) -> Top | None:
    """What the planner must find on the first pages of an index."""
    if method == "btree":
        pages = _real_pages(index)
        height = height_of(pages) if index.height is None else index.height
        return BtreeTop(height) if height or pages > 1 else None  # else it is empty as it is
    if method == "gin":
        return GinTop(index.gin) if index.gin is not None else None
    if method == "brin":
        return BrinTop(_real_pages(table))
    return None


def height_of(pages: int) -> int:
    """Levels of a btree of which only the size is known, at the fan-out of a key of 8 bytes.

    >>> height_of(2), height_of(2_745), height_of(128_873)
    (0, 2, 3)
    """
    fan_out, level, height = 284, max(1, pages - 1), 0
    while level > 1:
        level = -(-level // fan_out)
        height += 1
    return height


def segments(file: RelationFile, pages: int | None = None) -> Iterator[Segment]:
    """The segment files a relation of that many pages has.

    >>> file = RelationFile("public.t", "base/1/2", 131_072 + 1)
    >>> [segment.size for segment in segments(file)], [s.path for s in segments(file)]
    ([1073741824, 8192], ['base/1/2', 'base/1/2.1'])
    >>> len(list(segments(file, 131_072)))
    1
    """
    total = file.pages if pages is None else pages
    for number, start in enumerate(range(0, total, SEGMENT_PAGES)):
        path = f"{file.path}.{number}" if number else file.path
        yield Segment(path, min(SEGMENT_PAGES, total - start) * PAGE)


def total_pages(files: Iterable[RelationFile]) -> int:
    """Pages all of them have together."""
    return sum(file.pages for file in files)
