"""The baseline's directory: one file a query, and a header a database (``headers.py``)."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from itertools import count
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import Any

import msgspec

from pytest_planguard.baseline.document import (
    Document,
    converted,
    merged,
    parsed,
    read_document,
    write_document,
)
from pytest_planguard.baseline.headers import whole, worlds_of, write_world
from pytest_planguard.baseline.locking import shared
from pytest_planguard.baseline.paths import entry_path, mark_of
from pytest_planguard.baseline.versions import SAME_ENTRIES
from pytest_planguard.errors import BaselineError
from pytest_planguard.model.baseline import SCHEMA_VERSION, Baseline, Entry

__all__ = ["baseline_of", "read", "read_under_lock", "remove", "write_entries", "write_world"]

_ENTRIES = msgspec.json.Decoder(Entry)


class _Found(msgspec.Struct, frozen=True):
    document: Document
    entry: Entry


def read(directory: Path) -> Baseline | None:
    """The baseline in a directory; None where there is none.

    Raises:
        BaselineError: A file is broken, of a newer version, or stands for another's key.
    """
    with shared(directory):
        return read_under_lock(directory)


def read_under_lock(directory: Path) -> Baseline | None:
    """As ``read``, for whoever holds the directory's lock already."""
    return baseline_of(_documents(directory))


def baseline_of(documents: Iterable[Document]) -> Baseline | None:
    """The baseline documents make, wherever they were read; None where there are none.

    Raises:
        BaselineError: As of ``read``.
    """
    known = {document.path: document for document in documents}
    found = _entries(known.values())
    worlds, damaged = worlds_of(known)
    if not found and not worlds and not damaged:
        return None
    entries = {key: one.entry for key, one in found.items()}
    for database, _ in entries:
        if database not in worlds:
            damaged.setdefault(database, f"there is none for database {database}")
    return Baseline(entries, worlds, damaged)


def write_entries(
    directory: Path,
    entries: Iterable[Entry],
    renamed: Mapping[tuple[str, str], str] = MappingProxyType({}),
) -> int:
    """Writes entries and moves those whose module or key changed; how many files changed.

    Fields this version does not know stay as they are. Nothing is written where anything that
    is there already cannot be read. A file is moved before it is written: whoever is killed in
    between leaves one entry, never two or none. A query that was edited keeps its file's name: two
    branches that edit it meet there, and git says so, instead of leaving two entries for one query.

    Args:
        directory: The baseline's.
        entries: What is to stand there.
        renamed: By (database, key): the key the entry has had so far.

    Raises:
        BaselineError: As ``read``, or the directory cannot be written.
    """
    found = _entries(_documents(directory))
    taken = {str(one.document.path).lower() for one in found.values()}
    changed = 0
    for entry in sorted(entries, key=lambda e: (e.database, e.key)):
        where = (entry.database, entry.key)
        old = found.get(where) or found.get((entry.database, renamed.get(where, entry.key)))
        path = _path(entry, old, taken)
        file = directory / path
        taken.add(str(path).lower())
        if old is not None:
            _move(directory / old.document.path, file, directory)
        raw = parsed(old.document) if old is not None else {}
        changed += write_document(file, merged(raw, _document(entry)))
    return changed


def _path(entry: Entry, old: _Found | None, taken: AbstractSet[str]) -> PurePosixPath:
    """Where the entry is to stand: where it does, unless its module or function is another."""
    there = old.document.path if old is not None else None
    path = first = entry_path(entry, mark_of(there) if there else "")
    others = taken - {str(there).lower()}
    for number in count(2):
        if str(path).lower() not in others:
            break
        path = first.with_stem(f"{first.stem}_{number}")
    return path


def remove(directory: Path, keys: Iterable[tuple[str, str]]) -> int:
    """Deletes the entries with these (database, key); how many there were.

    Raises:
        BaselineError: As ``write_entries``.
    """
    wanted = set(keys)
    found = _entries(_documents(directory)) if wanted else {}
    files = [directory / found[key].document.path for key in sorted(wanted & found.keys())]
    for file in files:
        _delete(file, directory)
    return len(files)


def _document(entry: Entry) -> dict[str, Any]:
    """The entry as JSON, whole costs without a fraction."""
    values: dict[str, Any] = msgspec.to_builtins(entry)
    for plan in values["plans"]:
        plan["cost"] = whole(plan["cost"])
    return values


def _documents(directory: Path) -> Iterator[Document]:
    """All files of the baseline, sorted; what else lies about in the folder is nobody's."""
    start = len(str(directory)) + len(os.sep)
    for part in ("queries", "world"):
        names = (
            f"{folder}{os.sep}{name}"  # thousands of files, read at every run: no Path for each
            for folder, _, names in os.walk(directory / part)
            for name in names
            if name.endswith(".json") and not name.startswith(".")
        )
        for name in sorted(names):
            yield read_document(name, name[start:].replace(os.sep, "/"))


def _entries(documents: Iterable[Document]) -> dict[tuple[str, str], _Found]:
    found: dict[tuple[str, str], _Found] = {}
    for document in documents:
        if document.path.parts[0] != "queries":
            continue
        entry = _entry(document)
        key = (entry.database, entry.key)
        if key in found:
            raise BaselineError(
                f"{document.name} and {found[key].document.name} both hold query {entry.key}",
                hint="delete one of the two and update the baseline",
            )
        found[key] = _Found(document, entry)
    return found


def _entry(document: Document) -> Entry:
    """At once where it is of this version and nothing is odd, as nearly all are."""
    try:
        entry = _ENTRIES.decode(document.data)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return converted(document, parsed(document), Entry)
    if entry.schema == SCHEMA_VERSION:
        return entry
    if entry.schema in SAME_ENTRIES:
        return msgspec.structs.replace(entry, schema=SCHEMA_VERSION)
    return converted(document, parsed(document), Entry)


def _move(old: Path, new: Path, directory: Path) -> None:
    """Also where the names differ in upper and lower case only."""
    if old == new:
        return
    try:
        new.parent.mkdir(parents=True, exist_ok=True)
        old.replace(new)
    except OSError as error:
        raise BaselineError(
            f"{old} cannot be moved: {error.strerror or error}",
            hint="make the baseline's folder writable",
        ) from None
    _remove_empty(old.parent, directory)


def _delete(file: Path, directory: Path) -> None:
    """Removes a file and the folders it leaves empty."""
    try:
        file.unlink(missing_ok=True)
    except OSError as error:
        raise BaselineError(
            f"{file} cannot be deleted: {error.strerror or error}",
            hint="make the baseline's folder writable",
        ) from None
    _remove_empty(file.parent, directory)


def _remove_empty(folder: Path, directory: Path) -> None:
    """Folders below ``queries`` in which nothing is left."""
    while folder not in (directory, directory / "queries") and folder.is_relative_to(directory):
        try:
            folder.rmdir()
        except OSError:  # it is not empty, or others took it away
            return
        folder = folder.parent
