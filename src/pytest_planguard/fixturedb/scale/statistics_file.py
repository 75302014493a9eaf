"""The statistics file: JSON that reads in a diff, the same bytes for the same statistics."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec

from pytest_planguard.errors import StatisticsError
from pytest_planguard.fixturedb.scale.statistics_doubts import doubts
from pytest_planguard.fixturedb.scale.terse import layout, tables
from pytest_planguard.fixturedb.scale.terse.plain import plain
from pytest_planguard.model.statistics import SCHEMA_VERSION, Statistics
from pytest_planguard.whole import replace_file

LIMIT = 256 * 1024 * 1024
"""Bytes read at most: what a pull writes stays below 2 kB a table."""

_AGAIN = "pull it again with: pytest-planguard statistics pull"
_RESTORE = "restore it from git, or " + _AGAIN
_TERSE_SINCE = 2
"""The schema in which columns and indexes are lines; before, they were objects."""


def encode(statistics: Statistics) -> str:
    """The text of a file: sorted keys, one fact a line, a list of values on one line."""
    always = {"schema": SCHEMA_VERSION, "values": statistics.values.value}
    found = plain(msgspec.structs.replace(statistics, tables={}))
    found["tables"] = {name: tables.written(name, one) for name, one in statistics.tables.items()}
    return layout.text(found | always) + "\n"


def write(statistics: Statistics, path: Path) -> int:
    """Writes beside the file and moves over it; how many bytes.

    Raises:
        StatisticsError: The folder or the file cannot be written.
    """
    content = encode(statistics).encode("utf-8", "backslashreplace")
    try:
        replace_file(path, content)
    except OSError as error:
        raise StatisticsError(
            f"{path} cannot be written: {error.strerror or error}",
            hint="make the folder writable, or name another file with -o FILE",
        ) from None
    return len(content)


def read(path: Path) -> Statistics:
    """The statistics in a file.

    Raises:
        StatisticsError: There is none, or it is damaged, newer or something else.
    """
    try:
        if path.stat().st_size > LIMIT:
            raise StatisticsError(f"{path} is larger than {LIMIT >> 20} MB", hint=_RESTORE)
        content = path.read_bytes()
    except OSError as error:
        raise StatisticsError(
            f"{path} cannot be read: {error.strerror or error}", hint=_AGAIN
        ) from None
    try:
        text = content.decode()
    except UnicodeDecodeError:
        raise StatisticsError(
            f"{path} is not a statistics file: it is not text in UTF-8", hint=_RESTORE
        ) from None
    return decode(text, str(path))


def decode(text: str, name: str) -> Statistics:
    """The statistics in the text of a file called ``name``; errors as of ``read``."""
    try:
        value = json.loads(text, parse_constant=_constant)
    except (ValueError, RecursionError) as error:
        raise _broken(text, name, error) from None
    if not isinstance(value, dict) or not {"schema", "tables"} <= value.keys():
        raise StatisticsError(f"{name} is not a statistics file of planguard", hint=_AGAIN)
    version = value["schema"]
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise StatisticsError(f"{name} has schema {version!r}, wanted a number", hint=_RESTORE)
    if version > SCHEMA_VERSION:
        raise StatisticsError(
            f"{name} has schema {version}, this planguard reads {SCHEMA_VERSION} at most",
            hint="upgrade pytest-planguard to the version that wrote it",
        )
    try:
        statistics = _converted(value)
    except msgspec.ValidationError as error:
        sentence = f"{str(error)[:1].lower()}{str(error)[1:]}"
        raise StatisticsError(f"{name} is damaged: {sentence}", hint=_RESTORE) from None
    except ValueError as error:  # it begins with a table's name
        raise StatisticsError(f"{name} is damaged: {error}", hint=_RESTORE) from None
    for doubt in doubts(statistics):
        raise StatisticsError(f"{name} is damaged: {doubt}", hint=_RESTORE)
    return statistics


def _converted(value: dict[str, Any]) -> Statistics:
    """Statistics of any schema, as those of this one."""
    if value["schema"] >= _TERSE_SINCE and isinstance(value["tables"], dict):
        value = value | {
            "tables": {name: tables.read(name, one) for name, one in value["tables"].items()}
        }
    return msgspec.convert(value | {"schema": SCHEMA_VERSION}, Statistics, strict=True)


def _broken(text: str, name: str, error: Exception) -> StatisticsError:
    lines = enumerate(text.splitlines(), 1)
    marked = [number for number, line in lines if line.startswith(("<<<<<<< ", ">>>>>>> "))]
    if marked:
        return StatisticsError(
            f"{name} holds merge-conflict markers (line {marked[0]})",
            hint="take either side (git checkout --ours or --theirs), or " + _AGAIN,
        )
    if not text.strip():
        return StatisticsError(f"{name} is empty", hint=_RESTORE)
    ended = isinstance(error, json.JSONDecodeError) and error.pos >= len(text.rstrip())
    if text.lstrip().startswith("{") and (ended or not text.rstrip().endswith("}")):
        last = len(text.splitlines())
        return StatisticsError(
            f"{name} ends too early, in line {last:,}: it was cut off", hint=_RESTORE
        )
    return StatisticsError(f"{name} is no JSON: {error}", hint=_RESTORE)


def _constant(word: str) -> float:
    """Python's JSON also has ``Infinity``, which may be meant, and ``NaN``, which says nothing."""
    if word == "NaN":
        raise ValueError("NaN is no number")
    return float(word)
