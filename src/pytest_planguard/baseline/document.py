"""One JSON file of a baseline: read with every doubt spoken out, written so that a diff reads."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar

import msgspec

from pytest_planguard.baseline.versions import upgraded
from pytest_planguard.errors import BaselineError
from pytest_planguard.model.baseline import SCHEMA_VERSION
from pytest_planguard.whole import replace_file

_Kind = TypeVar("_Kind")

_IDENTITIES = {"findings": ("rule", "relation"), "plans": ("sample", "sizes")}
"""Lists of an entry: what tells their parts apart."""

_CONFLICT = ("<<<<<<< ", ">>>>>>> ")


class Document(msgspec.Struct, frozen=True):
    """A file, wherever it was read: in a folder, or in a revision of a repository."""

    path: PurePosixPath
    """Below the baseline's folder."""
    name: str
    """For messages: its path, or ``REVISION:PATH``."""
    data: bytes


def read_document(file: str, path: str) -> Document:
    """A file of a folder.

    Args:
        file: Where it is.
        path: Below the baseline's folder, with forward slashes.

    Raises:
        BaselineError: It cannot be read.
    """
    try:
        with open(file, "rb", buffering=0) as opened:  # noqa: PTH123 - there are thousands
            return Document(PurePosixPath(path), file, opened.read())
    except OSError as error:
        raise BaselineError(
            f"{file} cannot be read: {error.strerror or error}",
            hint="restore it from git, or delete it and update the baseline",
        ) from None


def parsed(document: Document) -> dict[str, Any]:
    """The object in a document, as this version writes it.

    Raises:
        BaselineError: It is no JSON object, holds a merge conflict, or is of a newer planguard.
    """
    try:
        text = document.data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _broken(document.name, f"cannot be read: {error}") from None
    try:
        value = json.loads(text)
    except ValueError as error:
        raise _no_json(document.name, text, error) from None
    if not isinstance(value, dict):
        raise _broken(document.name, f"holds a JSON {type(value).__name__}, wanted an object")
    _check_version(document.name, value.get("schema", SCHEMA_VERSION))
    return upgraded(value)


def converted(document: Document, value: dict[str, Any], kind: type[_Kind]) -> _Kind:
    """The value of a document as one of the model.

    Raises:
        BaselineError: It does not fit.
    """
    try:
        return msgspec.convert(value, kind, strict=True)
    except msgspec.ValidationError as error:
        what = f"does not fit: {str(error)[:1].lower()}{str(error)[1:]}"
        raise _broken(document.name, what) from None


def render(value: dict[str, Any]) -> bytes:
    """Sorted keys, one fact a line; a text UTF-8 cannot hold becomes JSON's own escape."""
    text = json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    return text.encode("utf-8", "backslashreplace")


def merged(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """The new document, with the fields of the old one this version does not know.

    Parts of a list are one another's where they stand for the same rule or sample.
    """
    result = {**old, **new}
    for name, identity in _IDENTITIES.items():
        if isinstance(old.get(name), list) and name in new:
            result[name] = _merged_parts(old[name], new[name], identity)
    return result


def _merged_parts(old: Iterable[Any], new: Iterable[Any], names: tuple[str, ...]) -> list[Any]:
    def identity(part: dict[str, Any]) -> tuple[Any, ...]:
        return tuple(part.get(name) for name in names)

    known = {identity(part): part for part in old if isinstance(part, dict)}
    return [{**known.get(identity(part), {}), **part} for part in new]


def write_document(file: Path, value: dict[str, Any]) -> bool:
    """Writes beside the file and moves over it; False where it already reads so.

    Raises:
        BaselineError: The folder or the file cannot be written.
    """
    data = render(value)
    try:
        if file.is_file() and file.read_bytes() == data:
            return False
        replace_file(file, data)
    except OSError as error:
        raise BaselineError(
            f"{file} cannot be written: {error.strerror or error}",
            hint="make the baseline's folder writable, or name another with --planguard-baseline",
        ) from None
    return True


def _no_json(name: str, text: str, error: ValueError) -> BaselineError:
    lines = text.splitlines()
    marked = [number for number, line in enumerate(lines, 1) if line.startswith(_CONFLICT)]
    if marked:
        return BaselineError(
            f"{name} holds merge-conflict markers (line {marked[0]})",
            hint="take either side (git checkout --ours or --theirs) and update the baseline",
        )
    return _broken(name, f"is no JSON: {error}")


def _broken(name: str, what: str) -> BaselineError:
    return BaselineError(
        f"{name} {what}", hint="restore it from git, or delete it and update the baseline"
    )


def _check_version(name: str, version: object) -> None:
    if not isinstance(version, int) or isinstance(version, bool):
        raise _broken(name, f"has schema {version!r}, wanted a number")
    if version > SCHEMA_VERSION:
        raise BaselineError(
            f"{name} has schema {version}, this planguard reads up to {SCHEMA_VERSION}",
            hint="upgrade pytest-planguard to the version that wrote it",
        )
