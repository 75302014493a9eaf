"""Extends files this process can write."""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from pytest_planguard.errors import ScaleError
from pytest_planguard.fixturedb.inflate.btree import PAGE
from pytest_planguard.fixturedb.inflate.files import SEGMENT_PAGES, RelationFile, segments
from pytest_planguard.fixturedb.inflate.first_pages import Top, first_pages
from pytest_planguard.fixturedb.inflate.room import refuse_without_room

FULL = SEGMENT_PAGES * PAGE
"""Bytes of every segment but a relation's last."""


class Extended(NamedTuple):
    """A file that was extended."""

    file: RelationFile
    size: int
    """Bytes of its first segment, before."""


def inflate_directly(
    data_directory: Path, files: Sequence[RelationFile], *, checksums: bool
) -> list[Extended]:
    """Extends files; whatever stops it, they are cut back to what they were.

    New segments get the owner and the mode of the relation's first file. Full ones are all alike,
    a gigabyte of nothing, and nobody writes to them: a relation's are one file under many names,
    which takes a tenth of the time and one inode. Of two relations they are never the same: one
    that is dropped has its segments cut to nothing before they are unlinked (md.c).

    Returns:
        What ``deflate_directly`` wants to know.

    Raises:
        ScaleError: A file cannot be written, or there is no room for it.
    """
    before: list[Extended] = []
    try:
        refuse_without_room(data_directory, files)
        for file in files:
            first = os.stat(f"{data_directory}/{file.path}")  # noqa: PTH116  # as below
            before.append(Extended(file, first.st_size))
            _inflate(data_directory, file, first, checksums=checksums)
    except BaseException as error:
        for one in before:
            with suppress(OSError):
                _cut_back(data_directory, one)
        if isinstance(error, OSError):
            raise ScaleError(
                f"a relation's file cannot be extended: {error}",
                hint="run as the server's user or as root, without a limit on the size of files"
                " (ulimit -f), or give a superuser's connection",
            ) from error
        raise
    return before


def deflate_directly(data_directory: Path, extended: Sequence[Extended]) -> None:
    """Cuts files of a database nobody is connected to back to what they were.

    First pages of indexes stay as they were written: extended again, they are the same.

    Raises:
        OSError: One cannot be; some are by then.
    """
    for one in extended:
        _cut_back(data_directory, one)


def _inflate(
    data_directory: Path,
    file: RelationFile,
    first: os.stat_result,
    *,
    checksums: bool,
) -> None:
    """First pages, and every segment at its size; a file is never cut."""
    full: str | None = None
    if file.unlogged:  # a server that crashed would begin anew with an empty file
        (data_directory / f"{file.path}_init").unlink(missing_ok=True)
    owner = (first.st_uid, first.st_gid)
    foreign = owner != (os.geteuid(), os.getegid())
    for segment in segments(file, max(file.pages, first.st_size // PAGE)):
        path = f"{data_directory}/{segment.path}"  # a Path costs more than making the file
        new = segment.path != file.path
        if new and segment.size == FULL and _linked(full, path):
            continue
        flags = os.O_CREAT | os.O_WRONLY if new else os.O_RDWR
        descriptor = os.open(path, flags, first.st_mode & 0o777)
        try:
            if not new and file.top is not None:
                _write_first_pages(descriptor, file.top, checksums=checksums)
            os.ftruncate(descriptor, segment.size)
            if new and foreign:
                os.fchown(descriptor, *owner)
        finally:
            os.close(descriptor)
        if new and segment.size == FULL:
            full = path


def _linked(full: str | None, path: str) -> bool:
    """Whether a path has become one more name of a full segment.

    It cannot where there is none yet, where one has all the names it can have (65,000 on ext4),
    and on file systems that know no such thing.
    """
    if full is None:
        return False
    with suppress(OSError):
        os.link(full, path)
        return True
    return False


def _write_first_pages(descriptor: int, top: Top, *, checksums: bool) -> None:
    """The index's first pages over those of the empty index."""
    pages = first_pages(top, os.pread(descriptor, PAGE, 0), checksums=checksums)
    written = os.pwrite(descriptor, pages, 0)
    if written != len(pages):
        raise OSError(errno.ENOSPC, f"only {written} of {len(pages)} bytes could be written")


def _cut_back(data_directory: Path, extended: Extended) -> None:
    """No new segments, the first file as long as it was; what is gone already is no matter."""
    file, size = extended
    with suppress(FileNotFoundError):
        os.truncate(f"{data_directory}/{file.path}", size)
    for segment in segments(file):
        if segment.path != file.path:
            Path(f"{data_directory}/{segment.path}").unlink(missing_ok=True)
