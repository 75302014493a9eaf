"""Files that are replaced as a whole: a reader sees the old content or the new, never half."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

_LONGEST = 60
"""Characters of the name kept in that of the file beside it: names have 255 bytes at most."""


def replace_file(path: Path, content: bytes) -> None:
    """Writes beside the file and moves over it, as ``replacing`` says.

    Raises:
        OSError: It cannot be written; what was there is still there.
    """
    with replacing(path) as file:
        file.write(content)


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """A file to write to, moved over another at the end; whatever fails, nothing is left beside.

    What a symbolic link leads to is replaced, and the link stays. What is there and no file (a
    pipe, ``/dev/stdout``, ``/dev/null``) is written to: moving a file over a device, which root
    may, would take it from the whole machine.

    Raises:
        OSError: It cannot be written; what was there is still there.
    """
    if path.exists() and not path.is_file():
        with path.open("wb") as stream:
            yield stream
        return
    target = path.resolve() if path.is_symlink() else path
    target.parent.mkdir(parents=True, exist_ok=True)
    beside = target.with_name(f".{target.name[:_LONGEST]}.{os.getpid()}.tmp")
    try:
        with beside.open("wb") as file:
            yield file
        beside.replace(target)
    except BaseException:
        with suppress(OSError):
            beside.unlink(missing_ok=True)
        raise
