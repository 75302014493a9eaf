"""Capture files: gzip-compressed JSON, the same bytes for the same capture."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from pytest_planguard.errors import CaptureError
from pytest_planguard.model.capture import SCHEMA_VERSION, Capture
from pytest_planguard.model.statement import Sample, Statement
from pytest_planguard.whole import replacing

LIMIT = 512 * 1024 * 1024
"""Bytes of JSON read at most: a hundred times the largest suite seen, and it fits in memory."""

_AGAIN = "make it again with: pytest --planguard --planguard-capture-only"


def write(capture: Capture, path: Path, statements: Iterable[Statement] | None = None) -> int:
    """Writes a capture beside ``path`` and moves it over.

    Args:
        capture: What is written.
        path: Where to.
        statements: Instead of the capture's, where not all of them are made yet; in their order.

    Returns:
        How many statements it holds.

    Raises:
        CaptureError: The file cannot be written.
    """
    try:
        with replacing(path) as target:
            return _pack(capture, capture.statements if statements is None else statements, target)
    except OSError as error:
        raise CaptureError(
            f"capture file {path} cannot be written: {error.strerror or error}",
            hint="choose another place with --planguard-capture-file=PATH",
        ) from None


def read(path: Path) -> Capture:
    """Reads a capture.

    Raises:
        CaptureError: There is none, or it is damaged, newer or something else.
    """
    try:
        with path.open("rb") as file:  # never as a whole: nobody knows how large it is
            return _decoded(file, str(path))
    except OSError as error:
        raise CaptureError(
            f"capture file {path} cannot be read: {error.strerror or error}", hint=_AGAIN
        ) from None


def encode(capture: Capture) -> bytes:
    """A capture as the bytes of its file; they hold no time and no machine's name."""
    target = io.BytesIO()
    _pack(capture, capture.statements, target)
    return target.getvalue()


def _pack(capture: Capture, statements: Iterable[Statement], target: BinaryIO) -> int:
    """Writes the JSON statement by statement: as one it would take many times their memory."""
    before, after = _around(capture)
    count = 0
    with gzip.GzipFile(filename="", mode="wb", fileobj=target, mtime=0, compresslevel=6) as file:
        file.write(before)
        for count, statement in enumerate(statements, 1):
            file.write(
                (b"," if count > 1 else b"") + msgspec.json.encode(statement, order="sorted")
            )
        file.write(after)
    return count


def _around(capture: Capture) -> tuple[bytes, bytes]:
    """The JSON before the first statement, and after the last one."""
    bare = msgspec.structs.replace(capture, statements=())
    # Only keys that are texts can be sorted while they are encoded, and OIDs are none.
    facts = msgspec.to_builtins(bare, str_keys=True)
    text = msgspec.json.encode(facts, order="deterministic")
    before, name, after = text.partition(b'"statements":[')
    return before + name, after


def decode(content: bytes, name: str) -> Capture:
    """The capture in the bytes of a file called ``name``.

    Raises:
        CaptureError: With what was found instead.
    """
    return _decoded(io.BufferedReader(io.BytesIO(content)), name)


def _decoded(file: io.BufferedReader, name: str) -> Capture:
    text = _unpacked(file, name)
    version = _version(text)
    if version is None:
        raise CaptureError(f"{name} is not a capture of planguard", hint=_AGAIN)
    if version > SCHEMA_VERSION:
        raise CaptureError(
            f"{name} has schema {version}, this planguard reads {SCHEMA_VERSION} at most",
            hint="upgrade pytest-planguard to the version that wrote it",
        )
    try:
        capture = msgspec.json.decode(text, type=Capture)
        for statement in capture.statements:
            for sample in statement.samples:
                _check(sample)
    except (msgspec.DecodeError, RecursionError, ValueError) as error:
        raise CaptureError(f"{name} is damaged: {error}", hint=_AGAIN) from None
    return capture


def _check(sample: Sample) -> None:
    """Raises ValueError where a sample does not hold what it says; texts need no look."""
    for position in sample.binary:
        if not 0 <= position < len(sample.values):
            raise ValueError(f"a sample has no value {position}, which it says is binary")
        value = sample.values[position]
        if value is not None:
            bytes.fromhex(value)


def _unpacked(packed: io.BufferedReader, name: str) -> bytes:
    if packed.peek(2)[:2] != b"\x1f\x8b":  # a pipe cannot be read twice
        raise CaptureError(
            f"{name} is not a capture of planguard: it is not compressed with gzip", hint=_AGAIN
        )
    try:
        with gzip.GzipFile(fileobj=packed) as file:
            text = file.read(LIMIT + 1)
    except EOFError:
        raise CaptureError(f"{name} ends too early, it was cut off", hint=_AGAIN) from None
    except (OSError, zlib.error) as error:
        raise CaptureError(f"{name} is damaged: {error}", hint=_AGAIN) from None
    if len(text) > LIMIT:
        raise CaptureError(
            f"{name} holds more than {LIMIT >> 20} MB, no capture is that large",
            hint="check where the file comes from",
        )
    return text


class _Header(msgspec.Struct):
    """What tells a capture from other JSON, before all of it is trusted."""

    schema: int
    statements: Any
    """Only that it is there: a newer schema may have other ones."""


def _version(text: bytes) -> int | None:
    try:
        return msgspec.json.decode(text, type=_Header).schema
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
