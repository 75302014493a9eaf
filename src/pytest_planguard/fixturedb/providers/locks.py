"""File locks that the kernel drops with their holder, however it ends."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pytest_planguard.errors import ServerError


class FileLock:
    """A lock on a file, shared or exclusive; released by ``close`` or with the process.

    Raises:
        ServerError: The file can't be opened or made.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise ServerError(
                f"{path} can't be opened: {error.strerror or error}",
                hint="set PLANGUARD_CACHE_DIR to a folder that can be written",
            ) from error

    def acquire(self, *, exclusive: bool, seconds: float) -> None:
        """Waits for the lock.

        Raises:
            ServerError: It was not to be had in time.
        """
        deadline = time.monotonic() + seconds
        while not self.try_acquire(exclusive=exclusive):
            if time.monotonic() > deadline:
                raise ServerError(
                    f"{self._path} was locked by another process for {seconds:.0f} seconds",
                    hint="see whether a run hangs; end it and try again",
                )
            time.sleep(0.01)

    def try_acquire(self, *, exclusive: bool) -> bool:
        """Takes the lock if it is free; changes the kind of one that is held.

        A change that fails may lose the lock that was held: flock(2) does not change in one step.
        """
        kind = fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH
        try:
            fcntl.flock(self._file, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def try_for(self, seconds: float) -> bool:
        """Takes the lock alone if it is free in time."""
        deadline = time.monotonic() + seconds
        while not self.try_acquire(exclusive=True):
            if time.monotonic() > deadline:
                return False
            time.sleep(0.01)
        return True

    def is_current(self) -> bool:
        """Whether the path still names this file: others may have removed it meanwhile."""
        try:
            return os.path.samestat(os.fstat(self._file), self._path.stat())
        except FileNotFoundError:
            return False

    def release(self) -> None:
        """Lets go; the file stays open."""
        fcntl.flock(self._file, fcntl.LOCK_UN)

    def close(self) -> None:
        """Lets go, for good."""
        if self._file >= 0:
            fcntl.flock(self._file, fcntl.LOCK_UN)  # a forked child may hold the file open
            os.close(self._file)
            self._file = -1


@contextmanager
def exclusive(path: Path, seconds: float) -> Iterator[None]:
    """Holds a file's lock alone.

    Raises:
        ServerError: It was not to be had in time.
    """
    lock = FileLock(path)
    try:
        lock.acquire(exclusive=True, seconds=seconds)
        yield
    finally:
        lock.close()
