"""What a schema is made from, as bytes to tell changes by."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from pytest_planguard.model.schema import Schema

LIMIT = 20_000_000
"""Bytes of files read; beyond them, size and time of change stand for the contents."""

_SKIPPED = frozenset(
    {"tests", "test", "node_modules", "__pycache__", "site-packages", "build", "dist", "venv"}
)


def of_clone(schema: Schema) -> bytes:
    """The objects, and the settings that change what their statements mean."""
    parts = [schema.digest, schema.collation, schema.encoding, schema.search_path]
    return "\0".join(("clone", *parts)).encode()


def of_folder(text: str, root: Path, suffixes: tuple[str, ...]) -> bytes:
    """The configured text, and a digest of all files the outcome may depend on.

    Args:
        text: The configured command or module.
        root: Files below it count, without tests and hidden folders.
        suffixes: Of the files that count.
    """
    digest = hashlib.sha256(text.encode())
    left = LIMIT
    for path in _files(root, suffixes):
        digest.update(f"\0{path.relative_to(root).as_posix()}\0".encode())
        facts = path.stat()
        left -= facts.st_size
        if left >= 0:
            digest.update(path.read_bytes())
        else:
            digest.update(f"{facts.st_size} {facts.st_mtime_ns}".encode())
    return digest.digest()


def _files(root: Path, suffixes: tuple[str, ...]) -> Iterator[Path]:
    """In a fixed order."""
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(one for one in folders if one not in _SKIPPED and one[0] != ".")
        here = Path(folder)
        if (here / "pyvenv.cfg").exists():
            folders.clear()
            continue
        yield from (here / name for name in sorted(names) if name.endswith(suffixes))
