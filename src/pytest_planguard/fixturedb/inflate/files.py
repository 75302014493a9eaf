"""Relation files as large as the statistics say: sparse, so that terabytes take no room.

The planner asks the file system how large a relation is. A file is cut into segments of 1 GiB,
of which all but the last are full. A page of zeros is a valid, empty one, with checksums too.
The database must be one nobody has connected to yet: the server keeps sizes and pages in memory.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from pytest_planguard.errors import ScaleError
from pytest_planguard.fixturedb.inflate.btree import PAGE, skeleton, with_checksums
from pytest_planguard.fixturedb.queries import named_queries
from pytest_planguard.model.statistics import Statistics

if TYPE_CHECKING:
    import psycopg

SEGMENT_PAGES = 131_072
"""``RELSEG_SIZE`` of every stock build: 1 GiB."""

_SPARSE_TEST_BYTES = 2**20
"""A file this large is looked at: smaller ones may well be stored whole."""


class RelationFile(msgspec.Struct, frozen=True):
    """A relation's file and what it should become."""

    relation: str
    """Schema-qualified."""
    path: str
    """Below the data directory, as ``pg_relation_filepath`` gives it."""
    pages: int
    height: int | None = None
    """Of a btree, above its leaves; None: no btree."""

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
    wanted = _wanted_sizes(statistics)
    found: list[RelationFile] = []
    for relation, kind, method, path in connection.execute(query):
        if path is None or relation not in wanted:
            continue
        pages, height = wanted[relation]
        if method == "btree" and kind == "i":
            height = height if height is not None else height_of(pages)
            found.append(RelationFile(relation, path, max(pages, height + 2), height))
        else:
            found.append(RelationFile(relation, path, pages))
    return found


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


def tree_pages(file: RelationFile, meta: bytes, *, checksums: bool) -> bytes:
    """The first bytes of a btree's file."""
    if file.height is None:
        raise ScaleError(f"{file.relation} is no btree")
    pages = skeleton(file.height, file.pages, meta)
    return b"".join(with_checksums(pages) if checksums else pages)


def inflate_directly(
    data_directory: Path, files: Sequence[RelationFile], *, checksums: bool
) -> None:
    """Extends files this process can write.

    New segments get the owner and the mode of the relation's first file.

    Raises:
        ScaleError: A file cannot be written, or the file system stores sparse files whole.
    """
    looked_at = False
    try:
        for file in files:
            first = data_directory / file.path
            if file.height is not None:
                _write_tree(first, file, checksums=checksums)
            _extend(data_directory, file, first.stat())
            if not looked_at and file.pages * PAGE >= _SPARSE_TEST_BYTES:
                _refuse_if_stored_whole(first)
                looked_at = True
    except OSError as error:
        raise ScaleError(
            f"a relation's file cannot be extended: {error}",
            hint="run as the server's user or as root, or give a superuser's connection",
        ) from error


def total_pages(files: Iterable[RelationFile]) -> int:
    """Pages all of them have together."""
    return sum(file.pages for file in files)


def not_sparse(path: str, stored: int, size: int) -> ScaleError:
    """The error for a file system without sparse files."""
    return ScaleError(
        f"{path} of {size:,} bytes takes {stored:,} on disk: the file system has no sparse files",
        hint='put the cluster on ext4, xfs, btrfs, zfs or apfs, or set scale = "rows"',
    )


def _wanted_sizes(statistics: Statistics) -> dict[str, tuple[int, int | None]]:
    """Pages and height by schema-qualified name."""
    wanted: dict[str, tuple[int, int | None]] = {}
    for name, table in statistics.tables.items():
        wanted[name] = table.pages, None
        schema = name.partition(".")[0]
        for index, facts in table.indexes.items():
            wanted[f"{schema}.{index}"] = facts.pages, facts.height
    return wanted


def _write_tree(path: Path, file: RelationFile, *, checksums: bool) -> None:
    """The btree's first pages over those of the empty index."""
    with path.open("r+b") as stream:
        meta = stream.read(PAGE)
        stream.seek(0)
        stream.write(tree_pages(file, meta, checksums=checksums))


def _extend(data_directory: Path, file: RelationFile, first: os.stat_result) -> None:
    """Every segment at its size; a file is never cut."""
    for segment in segments(file, max(file.pages, first.st_size // PAGE)):
        path = data_directory / segment.path
        if segment.path != file.path:
            descriptor = os.open(path, os.O_CREAT | os.O_WRONLY, first.st_mode & 0o777)
            os.close(descriptor)
            if (first.st_uid, first.st_gid) != (os.geteuid(), os.getegid()):
                os.chown(path, first.st_uid, first.st_gid)
        os.truncate(path, segment.size)


def _refuse_if_stored_whole(path: Path) -> None:
    """Cuts the file back and raises where its zeros take room."""
    facts = path.stat()
    stored = facts.st_blocks * 512
    if stored > facts.st_size // 2:
        os.truncate(path, 0)
        raise not_sparse(str(path), stored, facts.st_size)
