"""One JSON file of a baseline: read with every doubt spoken out, written so that a diff reads."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pytest_planguard.errors import BaselineError
from pytest_planguard.model.baseline import SCHEMA_VERSION
from pytest_planguard.whole import replace_file

_CONFLICT = ("<<<<<<< ", "=======", ">>>>>>> ")


def read_document(file: Path) -> dict[str, Any]:
    """The object in a file.

    Raises:
        BaselineError: It is no JSON object, holds a merge conflict, or is of a newer planguard.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BaselineError(
            f"{file} cannot be read: {error}", hint="restore it from git, or delete it and update"
        ) from None
    try:
        value = json.loads(text)
    except ValueError as error:
        raise _broken(file, text, error) from None
    if not isinstance(value, dict):
        raise BaselineError(
            f"{file} holds a JSON {type(value).__name__}, wanted an object",
            hint="restore it from git, or delete it and update",
        )
    _check_version(file, value.get("schema", SCHEMA_VERSION))
    return value


def render(value: dict[str, Any]) -> bytes:
    """Sorted keys, one fact a line; a text UTF-8 cannot hold becomes JSON's own escape."""
    text = json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    return text.encode("utf-8", "backslashreplace")


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


def _broken(file: Path, text: str, error: ValueError) -> BaselineError:
    lines = text.splitlines()
    marked = [n for n, line in enumerate(lines, 1) if line.startswith((_CONFLICT[0], _CONFLICT[2]))]
    if marked:
        return BaselineError(
            f"{file} holds merge-conflict markers (line {marked[0]})",
            hint="take either side (git checkout --ours or --theirs) and update the baseline",
        )
    return BaselineError(
        f"{file} is no JSON: {error}",
        hint="restore it from git, or delete it and update the baseline",
    )


def _check_version(file: Path, version: object) -> None:
    if not isinstance(version, int) or isinstance(version, bool):
        raise BaselineError(
            f"{file} has schema {version!r}, wanted a number",
            hint="restore it from git, or delete it and update the baseline",
        )
    if version > SCHEMA_VERSION:
        raise BaselineError(
            f"{file} has schema {version}, this planguard reads up to {SCHEMA_VERSION}",
            hint="upgrade pytest-planguard to the version that wrote it",
        )
