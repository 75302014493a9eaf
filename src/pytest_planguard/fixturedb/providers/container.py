"""A PostgreSQL server in a container: one per project, shared, and gone with its last user.

It is owned by a process of its own (see ``keeper``), which starts it for whoever needs it first
and removes it when nobody uses it any more; the runs only connect.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from pytest_planguard.errors import ServerError
from pytest_planguard.fixturedb.providers import keeper
from pytest_planguard.fixturedb.providers.engine import remove_left, start_keeper
from pytest_planguard.fixturedb.providers.leftovers import REMOVE_SECONDS
from pytest_planguard.fixturedb.providers.locks import FileLock
from pytest_planguard.fixturedb.providers.offers import lacking
from pytest_planguard.fixturedb.providers.places import container_folder
from pytest_planguard.fixturedb.providers.server import Server, import_psycopg
from pytest_planguard.fixturedb.providers.stay import Stay
from pytest_planguard.model.ports import Needs
from pytest_planguard.model.spec import DatabaseSpec

PULL_SECONDS = 1800.0
"""Another run may be pulling the image."""

_DEFAULT_MAJOR = 18
_IMAGES = {
    13: "postgres:13.23",
    14: "postgres:14.23",
    15: "postgres:15.18",
    16: "postgres:16.14",
    17: "postgres:17.10",
    18: "postgres:18.4",
}
"""The official image of each major, with the minor pinned: what plans does not change by itself."""


class _State(msgspec.Struct, frozen=True):
    """What the keeper writes down when the server takes connections."""

    connection: dict[str, str]
    version: int
    container: str
    image: str


@contextmanager
def container_server(spec: DatabaseSpec, needs: Needs) -> Iterator[Server]:
    """The project's container, started where it does not run.

    Raises:
        ServerError: No engine, no image, or a server that is not the one wanted.
    """
    import_psycopg("docker")
    stay = _stay(spec)
    try:
        server = stay.begin()
        server.lacking += lacking(server, needs)
        yield server
    finally:
        stay.end()


@contextmanager
def claimed(spec: DatabaseSpec) -> Iterator[None]:
    """Lets a container run on until the end, whoever starts it meanwhile; starts none.

    Raises:
        ServerError: Its folder can't be made.
    """
    stay = _stay(spec)
    try:
        yield
    finally:
        stay.end()


def image_of(spec: DatabaseSpec) -> str:
    """The image as configured, or the official one of the major.

    >>> image_of(DatabaseSpec(version=15)), image_of(DatabaseSpec(image="pgvector:0.8-pg17"))
    ('postgres:15.18', 'pgvector:0.8-pg17')
    """
    major = spec.version or spec.source_major or _DEFAULT_MAJOR
    return spec.image or _IMAGES.get(major, f"postgres:{major}")


def _stay(spec: DatabaseSpec) -> Stay:
    image = image_of(spec)
    return Stay.join(
        lambda: Container(container_folder(spec, image), image, spec.version), PULL_SECONDS
    )


class Container:
    """Obeys ``stay.SharedServer``.

    Args:
        root: Its folder.
        image: What it is made of.
        major: What the image must hold; None: whatever it does.
    """

    what = "the container"
    start_seconds = PULL_SECONDS

    def __init__(self, root: Path, image: str, major: int | None) -> None:
        self.root = root
        self._image = image
        self._major = major

    def start(self, token: str) -> Server:
        """The server, running: the one that was there if it answers, else a new one."""
        server = self._answering(token)
        if server is None:
            self.stop()
            start_keeper(self.root, self._image)
            server = self._server(self._state(), token)
        found = server.version // 10000
        if self._major not in {None, found}:
            raise ServerError(
                f"the image {self._image} holds PostgreSQL {found}, wanted was {self._major}",
                hint="set image or version in [tool.pytest-planguard.database], not both",
            )
        return server

    def _answering(self, token: str) -> Server | None:
        """The server that is there; None where it can't be reached any more."""
        if not (self.is_running() and (self.root / keeper.STATE).exists()):
            return None
        try:
            return self._server(self._state(), token)
        except (ServerError, OSError, msgspec.MsgspecError):
            return None

    def _state(self) -> _State:
        return msgspec.json.decode((self.root / keeper.STATE).read_bytes(), type=_State)

    def _server(self, state: _State, token: str) -> Server:
        known = {name: text for name, text in state.connection.items() if name != "sslmode"}
        return Server(
            "container",
            known,
            token,
            hint=f"see docker logs {state.container}; the next run starts a new container",
        )

    def running(self) -> tuple[Server, str] | None:
        """The server and what it is called, if it is there; nothing is started."""
        server = self._answering("00000000")
        if server is None:
            return None
        state = self._state()
        return server, f"container {state.container} of {state.image}"

    def is_running(self) -> bool:
        """Whether its keeper lives."""
        return keeper.is_running(self.root)

    def stop(self) -> None:
        """Has it removed.

        Raises:
            ServerError: Its keeper does not end.
        """
        if not keeper.stop(self.root):
            raise ServerError(
                f"the keeper of the container in {self.root} does not end",
                hint="see its keeper.log; end it by hand",
            )


def remove(root: Path, seconds: float = REMOVE_SECONDS) -> bool:
    """Removes a container, also one whose keeper was killed, and its folder; False: it is in use.

    Args:
        root: The container's folder.
        seconds: How long to wait for a user that is about to go.

    Raises:
        ServerError: It can't be removed.
    """
    users = FileLock(root / "users.lock")
    try:
        if not users.try_for(seconds):
            return False
        Container(root, "", None).stop()
        remove_left(root)
        shutil.rmtree(root)
    except OSError as error:
        raise ServerError(f"{root} can't be removed: {error}", hint="remove it by hand") from error
    finally:
        users.close()
    return True
