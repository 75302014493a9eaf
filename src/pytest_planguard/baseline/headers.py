"""What a baseline's plans depend on: a header a database, with a file for each table.

So two branches that change two tables change two files, and git merges them by itself.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
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
from pytest_planguard.baseline.paths import table_path, world_path
from pytest_planguard.errors import BaselineError
from pytest_planguard.model.baseline import World

_SERVER, _SETTINGS, _INDEXES = "server.json", "settings.json", "other_indexes.json"
_FIRST_VERSION = ("tables", "indexes", "rows")
"""What stood in a file each in version 1."""

_TABLE = re.compile(r" ON (?:ONLY )?(\S+) USING ")


class _TableFile(msgspec.Struct, frozen=True):
    table: str
    facts: tuple[str, ...]
    rows: float | None = None
    indexes: dict[str, str] = {}
    digest: str = ""
    """Of all of the statistics; what a line leaves out is seen by it."""
    statistics: dict[str, str] = {}
    """By column."""


def worlds_of(
    documents: Mapping[PurePosixPath, Document],
) -> tuple[dict[str, World], dict[str, str]]:
    """Headers by database; and of those that are not whole, what they lack.

    Args:
        documents: All of the baseline, by path.

    Raises:
        BaselineError: A file is broken or of a newer version.
    """
    worlds: dict[str, World] = {}
    damaged: dict[str, str] = {}
    headers: dict[PurePosixPath, dict[PurePosixPath, Document]] = {}
    for path, document in documents.items():
        if path.parts[0] == "world" and len(path.parts) > 2:
            headers.setdefault(PurePosixPath(*path.parts[:2]), {})[path] = document
    for folder, own in sorted(headers.items()):
        server = own.get(folder / _SERVER)
        values = parsed(server) if server is not None else {}
        name = values.pop("database", folder.name)
        lacking = _lacking(own, folder)
        if lacking:
            damaged[name] = f"{folder} lacks {' and '.join(lacking)}"
        elif server is not None:
            worlds[name] = converted(server, {**values, **_parts(own, folder)}, World)
    return worlds, damaged


def _is_of_first_version(server: Document | None) -> bool:
    """``server.json`` is written last, so that it tells which of the files count."""
    return server is not None and json.loads(server.data).get("schema") == 1


def _lacking(documents: Mapping[PurePosixPath, Document], folder: PurePosixPath) -> list[str]:
    names = [_SERVER, _SETTINGS]
    if _is_of_first_version(documents.get(folder / _SERVER)):
        names += [f"{part}.json" for part in _FIRST_VERSION]
    return [name for name in names if folder / name not in documents]


def _tables(documents: Mapping[PurePosixPath, Document], folder: PurePosixPath) -> list[Document]:
    return [one for path, one in sorted(documents.items()) if path.parent == folder / "tables"]


def _parts(documents: Mapping[PurePosixPath, Document], folder: PurePosixPath) -> dict[str, Any]:
    """The fields of a world that have files of their own."""

    def facts(name: str) -> dict[str, Any]:
        document = documents.get(folder / name)
        return _facts(document) if document is not None else {}

    if _is_of_first_version(documents[folder / _SERVER]):
        parts = {part: facts(f"{part}.json") for part in _FIRST_VERSION}
        return {**parts, "settings": facts(_SETTINGS), "digests": {}}
    found = [converted(one, parsed(one), _TableFile) for one in _tables(documents, folder)]
    indexes = facts(_INDEXES)
    for one in found:
        indexes |= one.indexes
    return {
        "settings": facts(_SETTINGS),
        "tables": {one.table: one.facts for one in found},
        "indexes": indexes,
        "rows": {one.table: one.rows for one in found if one.rows is not None},
        "digests": {one.table: one.digest for one in found if one.digest},
        "statistics": {one.table: one.statistics for one in found if one.statistics},
    }


def _facts(document: Document) -> dict[str, Any]:
    """A file of names alone has no version of its own."""
    values = parsed(document)
    values.pop("schema", None)
    return values


def write_world(directory: Path, database: str, world: World) -> int:
    """Writes a database's header; how many files changed.

    ``server.json`` comes last but for what is deleted: until then the header is the old one where
    that is of the first version.

    Raises:
        BaselineError: A file that is there cannot be read, or one cannot be written.
    """
    folder = directory / world_path(database)
    files = dict(_table_files(world))
    wanted = {folder / table_path(table): value for table, value in files.items()}
    known = {text for value in files.values() for text in value["indexes"]}
    others = {name: text for name, text in world.indexes.items() if name not in known}
    changed = sum(_write_table(file, value) for file, value in sorted(wanted.items()))
    if others:
        changed += write_document(folder / _INDEXES, others)
    changed += write_document(folder / _SETTINGS, world.settings)
    server = {name: getattr(world, name) for name in _OF_SERVER}
    if world.connections:
        server[_ONLY_IF_ANY] = world.connections
    changed += _write(folder / _SERVER, {**server, "database": database}, without=_ONLY_IF_ANY)
    old = {folder / f"{part}.json" for part in _FIRST_VERSION}
    old |= set() if others else {folder / _INDEXES}
    old |= set((folder / "tables").glob("*.json")) - wanted.keys()
    return changed + sum(map(_delete, sorted(old)))


_OF_SERVER = ("collation", "scale_source", "schema", "server_major")
_ONLY_IF_ANY = "connections"


def _table_files(world: World) -> Iterator[tuple[str, dict[str, Any]]]:
    """What stands in the file of each table."""
    indexes: dict[str, dict[str, str]] = {}
    for name, text in world.indexes.items():
        match = _TABLE.search(text)
        table = match[1].replace('"', "") if match else ""
        indexes.setdefault(table, {})[name] = text
    for table, facts in world.tables.items():
        rows, statistics = world.rows.get(table), world.statistics.get(table)
        yield (
            table,
            {
                "table": table,
                "schema": world.schema,
                "facts": list(facts),
                "indexes": indexes.get(table, {}),
                "digest": world.digests.get(table, ""),
                **({"statistics": statistics} if statistics else {}),
                **({"rows": whole(rows)} if rows is not None else {}),
            },
        )


def _write_table(file: Path, value: dict[str, Any]) -> bool:
    """A file of an older version that says the same already stays as it is."""
    if file.is_file():
        old = parsed(read_document(str(file), file.name))
        others = {name: one for name, one in old.items() if name != "statistics"}
        if merged(others, value) == old:
            return False
    return _write(file, value, without="statistics")


def _write(file: Path, value: dict[str, Any], without: str = "") -> bool:
    """Fields a later version has put there stay, but for one that is known."""
    old = parsed(read_document(str(file), file.name)) if file.is_file() else {}
    old.pop(without, None)
    return write_document(file, merged(old, value))


def _delete(file: Path) -> bool:
    if not file.is_file():
        return False
    try:
        file.unlink(missing_ok=True)
    except OSError as error:
        raise BaselineError(
            f"{file} cannot be deleted: {error.strerror or error}",
            hint="make the baseline's folder writable",
        ) from None
    return True


def whole(number: float) -> float | int:
    """Whole numbers without a fraction."""
    return int(number) if number == int(number) else number
