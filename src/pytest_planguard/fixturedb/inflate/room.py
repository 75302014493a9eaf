"""Is there room for sparse files? Looked at before there are many, so that nothing fills up."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from pytest_planguard.errors import ScaleError
from pytest_planguard.fixturedb.inflate.btree import PAGE
from pytest_planguard.fixturedb.inflate.files import SEGMENT_PAGES, RelationFile
from pytest_planguard.fixturedb.inflate.first_pages import pages_needed

PROBE_BYTES = 2**22
"""A file this large is looked at: smaller ones may well be stored whole."""

_SPARE_INODES = 1_000
"""Files the server may want itself meanwhile."""
_SPARE_BYTES = 2**24


def new_files(files: Sequence[RelationFile]) -> int:
    """Segment files there will be besides those there are."""
    return sum(max(0, file.pages - 1) // SEGMENT_PAGES for file in files)


def needed_bytes(files: Sequence[RelationFile]) -> int:
    """What must be free: written pages, new segments' entries in folders, and some to spare."""
    written = sum(pages_needed(file.top) for file in files) * PAGE
    return written + new_files(files) * 64 + _SPARE_BYTES


def folders(files: Sequence[RelationFile]) -> list[str]:
    """Folders below the data directory they stand in: one for each tablespace."""
    return sorted({file.path.rpartition("/")[0] for file in files})


def refuse_without_room(data_directory: Path, files: Sequence[RelationFile]) -> None:
    """Raises unless every folder has sparse files, and room for what will be made there.

    Raises:
        ScaleError: It has not.
    """
    for name in folders(files):
        folder = data_directory / name
        there = [file for file in files if file.path.startswith(f"{name}/")]
        _probe(folder)
        facts = os.statvfs(folder)
        inodes, free = new_files(there), facts.f_bavail * facts.f_frsize
        if facts.f_files and inodes + _SPARE_INODES > facts.f_favail:
            raise too_few_inodes(name, inodes, facts.f_favail)
        if needed_bytes(there) > free:
            raise too_few_bytes(str(folder), len(there), needed_bytes(there), free)


def _probe(folder: Path) -> None:
    """Makes one file of zeros, looks at what it takes, and removes it.

    Raises:
        ScaleError: Zeros take room.
    """
    path = folder / "planguard_probe"
    try:
        path.touch(0o600)
        os.truncate(path, PROBE_BYTES)
        stored = path.stat().st_blocks * 512
    finally:
        path.unlink(missing_ok=True)
    if stored > PROBE_BYTES // 2:
        raise not_sparse(str(folder), stored, PROBE_BYTES)


def not_sparse(place: str, stored: int, size: int) -> ScaleError:
    """The error for a file system without sparse files."""
    return ScaleError(
        f"{place} has no sparse files: one of {size:,} bytes takes {stored:,} on disk",
        hint='put the cluster on ext4, xfs, btrfs, zfs or apfs, or set scale = "rows"',
    )


def too_few_inodes(place: str, wanted: int, free: int | None = None) -> ScaleError:
    """The error for a file system that cannot hold so many files."""
    known = "" if free is None else f" and has room for {free:,}"
    return ScaleError(
        f"{place} needs {wanted:,} more files of up to 1 GiB{known}",
        hint="put the cluster on a file system with more inodes, or declare fewer rows",
    )


def too_few_bytes(place: str, relations: int, wanted: int, free: int | None = None) -> ScaleError:
    """The error for a file system that is full."""
    known = "" if free is None else f", and {free:,} are"
    return ScaleError(
        f"{place} needs {wanted:,} bytes free for {relations:,} relations{known}",
        hint="make room there, or set PLANGUARD_CACHE_DIR to a folder elsewhere",
    )
