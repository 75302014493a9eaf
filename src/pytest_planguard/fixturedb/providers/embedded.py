"""A PostgreSQL server of our own: made, shared, and gone with its last user.

Every run holds a shared lock on ``users.lock`` for as long as it uses the server; ``start.lock``
is held alone while the server is looked at and started. Whoever starts it also starts a watchdog,
which stops it when nobody holds the first lock any more. ``run-<token>.lock`` is held by the run
whose databases have that token in their names: the others drop those of a run that is gone.
"""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pytest_planguard.errors import ServerError
from pytest_planguard.fixturedb.providers import watchdog
from pytest_planguard.fixturedb.providers.binaries import Installation, choose
from pytest_planguard.fixturedb.providers.leftovers import forget_projects_that_are_gone
from pytest_planguard.fixturedb.providers.locks import FileLock, exclusive
from pytest_planguard.fixturedb.providers.places import Places, places_for
from pytest_planguard.fixturedb.providers.postmaster import (
    START_SECONDS,
    ensure_running,
    socket_in_use,
)
from pytest_planguard.fixturedb.providers.server import Server, import_psycopg
from pytest_planguard.model.ports import Needs
from pytest_planguard.model.spec import DatabaseSpec


@contextmanager
def embedded_server(spec: DatabaseSpec, needs: Needs) -> Iterator[Server]:
    """The project's own server, started where it does not run.

    Raises:
        ServerError: There are no binaries, or the server does not start.
    """
    import_psycopg()
    installation, lacking = choose(spec.bindir, spec.version, needs, preferred=spec.source_major)
    stay = _Stay(*_join(spec, installation))
    try:
        yield stay.begin(installation, lacking)
    finally:
        stay.end()


class _Stay:
    """One run's use of a server.

    Args:
        places: The server's folders.
        users: Its lock on ``users.lock``, held.
    """

    def __init__(self, places: Places, users: FileLock) -> None:
        self._places = places
        self._users = users
        self._token = secrets.token_hex(4)
        self._alive: FileLock | None = None
        self._server: Server | None = None
        self._process = os.getpid()

    @property
    def _lock_file(self) -> Path:
        return self._places.root / f"run-{self._token}.lock"

    def begin(self, installation: Installation, lacking: tuple[str, ...]) -> Server:
        """The server, running, without what dead runs left on it."""
        places = self._places
        try:
            with exclusive(places.root / "start.lock", START_SECONDS):
                self._alive = FileLock(self._lock_file)
                self._alive.acquire(exclusive=True, seconds=1)
                said = ensure_running(places, installation)
                forget_projects_that_are_gone(places.root.parent)
                self._server = server = _server(places, self._token, (*lacking, *said))
                server.lacking += server.drop_databases_but_of(_living(places))
        except OSError as error:
            raise ServerError(
                f"the embedded server's files can't be used: {error}",
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
                # others use it, or the watchdog was faster and is stopping it: waited for
                self._users.acquire(exclusive=False, seconds=START_SECONDS)
                if self._server is not None and is_running(self._places.root):
                    self._server.drop_databases(self._token)
            last = self._is_last()
        if last:
            watchdog.stop(str(self._places.root), str(self._places.socket))
        if self._alive is not None:
            self._alive.close()
            self._lock_file.unlink(missing_ok=True)
        self._users.close()

    def _is_last(self) -> bool:
        """Whether nobody else uses the server, nor is to; then nobody can begin to either."""
        self._users.release()
        stays = (self._places.root / "keep").exists()
        return not stays and self._users.try_acquire(exclusive=True)


def _join(spec: DatabaseSpec, installation: Installation) -> tuple[Places, FileLock]:
    """The server's folders, and the lock that keeps its server running."""
    deadline = time.monotonic() + START_SECONDS
    while True:
        places = places_for(spec, installation)
        try:
            users = FileLock(places.root / "users.lock")
        except ServerError as error:
            if isinstance(error.__cause__, FileNotFoundError) and time.monotonic() < deadline:
                continue  # somebody is removing the folder
            raise
        users.acquire(exclusive=False, seconds=START_SECONDS)
        if users.is_current():
            return places, users
        users.close()  # it was removed while we waited


def _server(places: Places, token: str, lacking: tuple[str, ...]) -> Server:
    return Server(
        "embedded",
        {"host": socket_in_use(places), "port": "5432", "user": "postgres"},
        token,
        data_directory=places.data,
        file_owner=(places.owner.uid, places.owner.gid) if places.owner else None,
        lacking=lacking,
        hint=f"see {places.log}; pytest-planguard db down makes a new one",
    )


def _living(places: Places) -> frozenset[str]:
    """Tokens of the runs that live; the lock files of others are removed. Under ``start.lock``."""
    living = set()
    for file in places.root.glob("run-*.lock"):
        lock = FileLock(file)
        if lock.try_acquire(exclusive=True):
            file.unlink(missing_ok=True)
        else:
            living.add(file.stem.removeprefix("run-"))
        lock.close()
    return frozenset(living)


def keep(root: Path) -> None:
    """Lets a server run on when its last user has gone, until ``leftovers.remove``."""
    (root / "keep").touch()


def is_running(root: Path) -> bool:
    """Whether the server of a folder runs."""
    return watchdog.is_running(str(root))
