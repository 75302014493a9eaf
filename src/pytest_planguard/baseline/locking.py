"""One update of a baseline at a time; what an earlier one that was killed left is cleared away."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pytest_planguard.errors import BaselineError


@contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Waits for whoever else reads or writes this baseline; the lock ends with its process.

    The folder itself is locked, so that no file is there that somebody could commit.

    Raises:
        BaselineError: The folder can't be made or opened.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        handle = os.open(directory, os.O_RDONLY)
    except OSError as error:
        raise BaselineError(
            f"{directory} cannot be opened: {error.strerror or error}",
            hint="make the baseline's folder writable, or name another with --planguard-baseline",
        ) from None
    try:
        _lock(handle, exclusive=True)
        _clear(directory)
        yield
    finally:
        os.close(handle)


@contextmanager
def shared(directory: Path) -> Iterator[None]:
    """Waits for an update that is being written; where there is no folder there is none."""
    try:
        handle = os.open(directory, os.O_RDONLY)
    except OSError:
        yield
        return
    try:
        _lock(handle, exclusive=False)
        yield
    finally:
        os.close(handle)


def _lock(handle: int, *, exclusive: bool) -> None:
    """Where the system has no such locks, or the file system none for folders, there is none."""
    with suppress(ImportError, OSError):
        import fcntl

        fcntl.flock(handle, fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH)


def _clear(directory: Path) -> None:
    """Removes half-written files; under the lock nobody else is writing any."""
    for folder, _, names in os.walk(directory):
        for name in names:
            if name.startswith(".") and name.endswith(".tmp"):
                with suppress(OSError):
                    Path(folder, name).unlink()
