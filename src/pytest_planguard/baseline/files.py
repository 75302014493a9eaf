"""The baseline's directory: one file a query, and a header a database."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

from pytest_planguard.baseline.document import read_document, write_document
from pytest_planguard.baseline.paths import entry_path, world_path
from pytest_planguard.errors import BaselineError
from pytest_planguard.model.baseline import Baseline, Entry, World

_PARTS = ("tables", "indexes", "settings", "rows")
"""Fields of a world that have a file each; the others stand in ``server.json``."""


class _Found(msgspec.Struct, frozen=True):
    file: Path
    raw: dict[str, Any]
    entry: Entry


def read(directory: Path) -> Baseline | None:
    """The baseline in a directory; None where there is none.

    Raises:
        BaselineError: A file is broken, of a newer version, or stands for another's key.
    """
    found = _scan(directory)
    worlds = _read_worlds(directory)
    if not found and not worlds:
        return None
    return Baseline({key: one.entry for key, one in found.items()}, worlds)


def write_entries(directory: Path, entries: Iterable[Entry]) -> int:
    """Writes entries and moves those whose module changed; how many files changed.

    Fields this version does not know stay as they are. Nothing is written where anything that
    is there already cannot be read.

    Raises:
        BaselineError: As ``read``, or the directory cannot be written.
    """
    found = _scan(directory)
    changed = 0
    for entry in sorted(entries, key=lambda e: (e.database, e.key)):
        file = directory / entry_path(entry)
        old = found.get((entry.database, entry.key))
        raw = old.raw if old is not None else {}
        changed += write_document(file, {**raw, **_document(entry)})
        if old is not None and not _same(old.file, file):
            _delete(old.file, directory)
    return changed


def remove(directory: Path, keys: Iterable[tuple[str, str]]) -> int:
    """Deletes the entries with these (database, key); how many there were.

    Raises:
        BaselineError: As ``write_entries``.
    """
    found = _scan(directory)
    files = [found[key].file for key in sorted(set(keys)) if key in found]
    for file in files:
        _delete(file, directory)
    return len(files)


def write_world(directory: Path, database: str, world: World) -> int:
    """Writes a database's header; how many files changed.

    Raises:
        BaselineError: As ``write_entries``.
    """
    folder = directory / world_path(database)
    values = msgspec.to_builtins(world)
    values["rows"] = {table: _whole(rows) for table, rows in world.rows.items()}
    kept = {"connections": accepted} if (accepted := values.pop("connections")) else {}
    changed = sum(write_document(folder / f"{part}.json", values.pop(part)) for part in _PARTS)
    file = folder / "server.json"
    raw = read_document(file) if file.is_file() else {}
    raw.pop("connections", None)
    return changed + write_document(file, {**raw, **values, **kept, "database": database})


def _document(entry: Entry) -> dict[str, Any]:
    """The entry as JSON, whole costs without a fraction."""
    values: dict[str, Any] = msgspec.to_builtins(entry)
    for plan in values["plans"]:
        plan["cost"] = _whole(plan["cost"])
    return values


def _whole(number: float) -> float | int:
    return int(number) if number == int(number) else number


def _same(old: Path, new: Path) -> bool:
    """Also where the names differ in upper and lower case only and the file system cannot tell."""
    return old == new or old.samefile(new)


def _scan(directory: Path) -> dict[tuple[str, str], _Found]:
    found: dict[tuple[str, str], _Found] = {}
    for file in sorted((directory / "queries").rglob("*.json")):
        raw = read_document(file)
        entry: Entry = _convert(file, raw, Entry)
        key = (entry.database, entry.key)
        if key in found:
            raise BaselineError(
                f"{file} and {found[key].file} both hold query {entry.key}",
                hint="delete one of the two and update the baseline",
            )
        found[key] = _Found(file, raw, entry)
    return found


def _read_worlds(directory: Path) -> dict[str, World]:
    worlds: dict[str, World] = {}
    for file in sorted((directory / "world").glob("*/server.json")):
        values = read_document(file)
        for part in _PARTS:
            values[part] = _facts(file.with_name(f"{part}.json"))
        worlds[values.get("database", file.parent.name)] = _convert(file, values, World)
    return worlds


def _facts(file: Path) -> dict[str, Any]:
    return read_document(file) if file.is_file() else {}


def _convert(file: Path, raw: dict[str, Any], kind: Any) -> Any:
    try:
        return msgspec.convert(raw, kind, strict=True)
    except msgspec.ValidationError as error:
        raise BaselineError(
            f"{file} does not fit: {str(error)[:1].lower()}{str(error)[1:]}",
            hint="restore it from git, or delete it and update the baseline",
        ) from None


def _delete(file: Path, directory: Path) -> None:
    """Removes a file and the folders it leaves empty."""
    try:
        file.unlink(missing_ok=True)
    except OSError as error:
        raise BaselineError(
            f"{file} cannot be deleted: {error.strerror or error}",
            hint="make the baseline's folder writable",
        ) from None
    for folder in file.parents:
        if folder in (directory, directory / "queries") or any(folder.iterdir()):
            break
        folder.rmdir()
