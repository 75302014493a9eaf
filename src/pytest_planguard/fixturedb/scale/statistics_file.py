"""The statistics file: JSON that reads in a diff, the same bytes for the same statistics."""

from __future__ import annotations

import enum
import functools
import json
import math
import struct
from pathlib import Path
from typing import Any

import msgspec

from pytest_planguard.errors import StatisticsError
from pytest_planguard.fixturedb.scale.statistics_doubts import doubts
from pytest_planguard.model.statistics import SCHEMA_VERSION, Statistics
from pytest_planguard.whole import replace_file

LIMIT = 256 * 1024 * 1024
"""Bytes read at most: what a pull writes stays below 2 kB a table."""

_WIDTH = 100
"""Characters of an object that is nothing but numbers, to stand on one line."""
_AGAIN = "pull it again with: pytest-planguard statistics pull"
_RESTORE = "restore it from git, or " + _AGAIN
_SHORT = 10
"""Characters of a number that cannot be a ``real`` with a double's digits."""
_INFINITY = "1e999"
"""JSON has no word for it; a number beyond every double reads back as one."""


def encode(statistics: Statistics) -> str:
    """The text of a file: sorted keys, one fact a line, a list of values on one line."""
    always = {"schema": statistics.schema, "tables": {}, "values": statistics.values.value}
    return _text(always | _builtins(statistics), 0) + "\n"


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
        statistics = msgspec.convert(value, Statistics, strict=True)
    except msgspec.ValidationError as error:
        sentence = f"{str(error)[:1].lower()}{str(error)[1:]}"
        raise StatisticsError(f"{name} is damaged: {sentence}", hint=_RESTORE) from None
    for doubt in doubts(statistics):
        raise StatisticsError(f"{name} is damaged: {doubt}", hint=_RESTORE)
    return statistics


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


@functools.cache
def _fields(kind: type[msgspec.Struct]) -> tuple[msgspec.structs.FieldInfo, ...]:
    """Looking them up takes longer than writing a table."""
    return msgspec.structs.fields(kind)


def _builtins(value: Any) -> Any:
    """Dictionaries of what differs from the default; msgspec leaves out identical objects only."""
    if isinstance(value, msgspec.Struct):
        fields = ((one, getattr(value, one.name)) for one in _fields(type(value)))
        return {
            one.encode_name: _builtins(found)
            for one, found in fields
            if one.required or not (found == one.default or found in ((), {}))
        }
    if isinstance(value, dict):
        return {key: _builtins(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        plain = not value or isinstance(value[0], (str, float))
        return value if plain else [_builtins(item) for item in value]
    return value.value if isinstance(value, enum.Enum) else value


def _text(value: Any, depth: int) -> str:
    """A value as it stands behind ``depth`` spaces."""
    if isinstance(value, dict):
        return _object(value, depth)
    if isinstance(value, (list, tuple)):
        if all(isinstance(item, str) for item in value):
            return json.dumps(value, ensure_ascii=False)
        if not any(isinstance(item, (dict, list, tuple)) for item in value):
            return f"[{', '.join(_scalar(item) for item in value)}]"
        return _block("[", [_text(item, depth + 1) for item in value], "]", depth)
    return _scalar(value)


def _object(value: dict[str, Any], depth: int) -> str:
    items = [f"{_scalar(key)}: {_text(item, depth + 1)}" for key, item in sorted(value.items())]
    numbers = all(isinstance(item, (int, float)) for item in value.values())
    if numbers and sum(map(len, items)) + 2 * len(items) + depth <= _WIDTH:
        return f"{{{', '.join(items)}}}"
    return _block("{", items, "}", depth)


def _block(opening: str, items: list[str], closing: str, depth: int) -> str:
    pad = "\n" + " " * (depth + 1)
    return f"{opening}{pad}{f',{pad}'.join(items)}\n{' ' * depth}{closing}"


def _scalar(value: Any) -> str:
    if isinstance(value, float):
        return _number(value)
    return json.dumps(value, ensure_ascii=False)


def _number(value: float) -> str:
    """The shortest digits that read back as the same number.

    The server's numbers are ``real`` mostly: one that came as a double is written as the server
    would print it.

    >>> _number(0.1), _number(0.10000000149011612), _number(47000000.0), _number(1 / 3)
    ('0.1', '0.1', '47000000', '0.3333333333333333')
    """
    if math.isnan(value):  # the length of a range of floats that ends in NaN
        return _INFINITY  # which is sorted before it, and nothing else is
    if math.isinf(value):
        return _INFINITY if value > 0 else f"-{_INFINITY}"
    if value == int(value) and abs(value) < 1e15:
        return str(int(value))
    printed = repr(value)
    if len(printed) <= _SHORT:
        return printed
    try:
        is_real = struct.unpack("f", struct.pack("f", value))[0] == value
    except OverflowError:
        is_real = False
    if is_real:
        for digits in range(6, 9):
            text = f"{value:.{digits}g}"
            if struct.unpack("f", struct.pack("f", float(text)))[0] == value:
                return repr(float(text))
        return repr(float(f"{value:.9g}"))
    return printed
