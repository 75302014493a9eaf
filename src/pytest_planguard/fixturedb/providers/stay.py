"""One run's use of a server that several runs may share, and that goes with its last user.

Every run holds a shared lock on ``users.lock`` for as long as it uses the server; ``start.lock``
is held alone while the server is looked at and started. Whoever starts it also starts a process
that stops it when nobody holds the first lock any more. ``run-<token>.lock`` is held by the run
whose databases have that token in their names: the others drop those of a run that is gone.
"""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Protocol, Self, TypeVar

from pytest_planguard.errors import ServerError
from pytest_planguard.fixturedb.providers.locks import FileLock, exclusive
from pytest_planguard.fixturedb.providers.server import Server


class SharedServer(Protocol):
    """A server that is kept in a folder; ``embedded`` and ``container`` have one each."""

    what: str
    """What messages call it: ``the embedded server``."""
    start_seconds: float
    """In which it starts, or another run has started it."""

    @property
    def root(self) -> Path:
        """Its folder, which holds the locks."""

    def start(self, token: str) -> Server:
        """The server, started where it does not run. Under ``start.lock``, as a user of it."""

    def is_running(self) -> bool:
        """Whether it runs."""

    def stop(self) -> None:
        """Stops it and waits until it is gone. As the only user of it."""


_Kept = TypeVar("_Kept", bound=SharedServer)


class Stay:
    """One run's use of a server.

    Args:
        kept: The server.
        users: Its lock on ``users.lock``, held.
    """

    def __init__(self, kept: SharedServer, users: FileLock) -> None:
        self._kept = kept
        self._users = users
        self._token = secrets.token_hex(4)
        self._alive: FileLock | None = None
        self._server: Server | None = None
        self._process = os.getpid()

    @classmethod
    def join(cls, find: Callable[[], _Kept], seconds: float) -> Self:
        """A use of the server that ``find`` makes the folder of; it need not run yet.

        Raises:
            ServerError: The folder can't be made, or its lock was not to be had in time.
        """
        deadline = time.monotonic() + seconds
        while True:
            kept = find()
            try:
                users = FileLock(kept.root / "users.lock")
            except ServerError as error:
                if isinstance(error.__cause__, FileNotFoundError) and time.monotonic() < deadline:
                    continue  # somebody is removing the folder
                raise
            users.acquire(exclusive=False, seconds=seconds)
            if users.is_current():
                return cls(kept, users)
            users.close()  # it was removed while we waited

    @property
    def _lock_file(self) -> Path:
        return self._kept.root / f"run-{self._token}.lock"

    def begin(self) -> Server:
        """The server, running, without what dead runs left on it."""
        kept = self._kept
        try:
            with exclusive(kept.root / "start.lock", kept.start_seconds):
                self._alive = FileLock(self._lock_file)
                self._alive.acquire(exclusive=True, seconds=1)
                self._server = server = kept.start(self._token)
                server.lacking += server.drop_databases_but_of(_living(kept.root))
        except OSError as error:
            raise ServerError(
                f"{kept.what}'s files can't be used: {error}",
                hint="see that the disk is not full, or set PLANGUARD_CACHE_DIR to another place",
            ) from error
        return server

    def end(self) -> None:
        """Lets go; the last one stops the server and sees that it is gone."""
        if os.getpid() != self._process:  # a test forked and its child came out here: not its stay
            return
        last = self._is_last()
        if not last:
            with suppress(ServerError):  # the server was killed; the next run cleans up
                # others use it, or its keeper was faster and is stopping it: waited for
                self._users.acquire(exclusive=False, seconds=self._kept.start_seconds)
                if self._server is not None and self._kept.is_running():
                    self._server.drop_databases(self._token)
            last = self._is_last()
        if last:
            self._kept.stop()
        if self._alive is not None:
            self._alive.close()
            self._lock_file.unlink(missing_ok=True)
        self._users.close()

    def _is_last(self) -> bool:
        """Whether nobody else uses the server, nor is to; then nobody can begin to either."""
        self._users.release()
        stays = (self._kept.root / "keep").exists()
        return not stays and self._users.try_acquire(exclusive=True)


def _living(root: Path) -> frozenset[str]:
    """Tokens of the runs that live; the lock files of others are removed. Under ``start.lock``."""
    living = set()
    for file in root.glob("run-*.lock"):
        lock = FileLock(file)
        if lock.try_acquire(exclusive=True):
            file.unlink(missing_ok=True)
        else:
            living.add(file.stem.removeprefix("run-"))
        lock.close()
    return frozenset(living)
