"""A PostgreSQL server in a container: one per project, shared, and gone with its last user.

It is owned by a process of its own (see ``keeper``), which starts it for whoever needs it first
and removes it when nobody uses it any more; the runs only connect.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import msgspec

from pytest_planguard.errors import ServerError
from pytest_planguard.fixturedb.providers import keeper
from pytest_planguard.fixturedb.providers.cluster import telling_line
from pytest_planguard.fixturedb.providers.leftovers import REMOVE_SECONDS
from pytest_planguard.fixturedb.providers.locks import FileLock
from pytest_planguard.fixturedb.providers.offers import lacking
from pytest_planguard.fixturedb.providers.places import container_folder
from pytest_planguard.fixturedb.providers.server import Server, import_psycopg
from pytest_planguard.fixturedb.providers.stay import Stay
from pytest_planguard.model.ports import Needs
from pytest_planguard.model.spec import DatabaseSpec

START_SECONDS = 120.0
"""The server of a stock image takes connections after two seconds, on a busy machine ten."""

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

_SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "autovacuum": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "64MB",
    "min_wal_size": "32MB",
    "max_connections": "200",
    "max_prepared_transactions": "20",
    "shared_buffers": "32MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
"""As the embedded server's: nothing waits for a disk, and autovacuum would find inflated tables.
None of these is seen by the planner."""

_INITDB = "--no-sync --encoding=UTF8 --locale=C.UTF-8"
"""The same order of texts as on the embedded server. The image of 18 turns checksums on: they are
written into the pages we make."""


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
    major = spec.version or _DEFAULT_MAJOR
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
            _start_keeper(self.root, self._image)
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


def _start_keeper(root: Path, image: str) -> None:
    """Starts a keeper, and with it the container.

    Raises:
        ServerError: With what was found and what would do.
    """
    _give_identity(root)
    settings = [text for name, value in _SETTINGS.items() for text in ("-c", f"{name}={value}")]
    request = {
        "image": image,
        "command": ["postgres", *settings],
        "environment": {
            "POSTGRES_USER": "postgres",
            "POSTGRES_PASSWORD": secrets.token_hex(16),
            "POSTGRES_INITDB_ARGS": _INITDB,
        },
        "seconds": START_SECONDS,
    }
    problem, said = _ask_keeper(root, request)
    if problem:
        _explain(problem, said, image, root)


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
        if (root / keeper.PID).exists():
            problem, said = _ask_keeper(root, {})
            if problem:
                _explain(problem, said, "", root)
        shutil.rmtree(root)
    except OSError as error:
        raise ServerError(f"{root} can't be removed: {error}", hint="remove it by hand") from error
    finally:
        users.close()
    return True


def _ask_keeper(root: Path, request: dict[str, object]) -> tuple[str, str]:
    """What a new keeper answers: a problem, or none, and what was said about it."""
    process = subprocess.Popen(
        [sys.executable, "-P", keeper.__file__, str(root)],
        env=_environment(), text=True, start_new_session=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        out, _ = process.communicate(json.dumps(request))
    except BaseException:  # the keeper itself ends when the lock on users is free
        process.kill()
        process.wait()
        raise
    try:
        answer = json.loads(out)
    except ValueError:
        return keeper.REFUSED, "its keeper ended at once"
    return answer["problem"], answer["said"]


def _environment() -> dict[str, str]:
    """The keeper removes what it started: a reaper would be one more image to have."""
    known = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PG", "PYTHONWARNINGS", "COV_CORE_"))
    }
    return {"TESTCONTAINERS_RYUK_DISABLED": "true", **known}


def _give_identity(root: Path) -> None:
    """Writes down what tells the folder's containers from all others. Under ``start.lock``."""
    file = root / keeper.IDENTITY
    if not file.exists():
        draft = file.with_suffix(".draft")
        draft.write_text(secrets.token_hex(16), encoding="ascii")
        draft.replace(file)


def _explain(problem: str, said: str, image: str, root: Path) -> NoReturn:
    """The error for a keeper's answer."""
    otherwise = 'or set provider = "embedded"'
    match problem:
        case keeper.LIBRARY:
            message = (
                f"the provider container needs testcontainers, which can't be imported: {said}"
            )
            hint = f'pip install "pytest-planguard[docker]", {otherwise}'
        case keeper.ENGINE:
            where = os.environ.get("DOCKER_HOST") or "the usual socket"
            message = f"no container engine answers at {where}: {said}"
            hint = f"start Docker (docker info tells whether it runs), set DOCKER_HOST, {otherwise}"
        case keeper.IMAGE:
            message = f"the image {image} is not here and can't be pulled: {said}"
            hint = (
                f"set image to one that docker image ls shows, or see why docker pull {image} fails"
            )
        case keeper.ENDED:
            message = f"the container of {image} ended by itself: {telling_line(said)}"
            hint = f"is it an image of PostgreSQL? docker run --rm {image} tells more"
        case keeper.UNREACHABLE:
            message = f"the container of {image} runs, but its server can't be reached: {said}"
            hint = "see that nothing between here and the engine blocks the container's port"
        case keeper.BUSY:
            message = f"a keeper of another container still uses {root}"
            hint = "end it (ps -ef | grep keeper.py) and try again"
        case _:
            message = f"the engine does not start a container of {image}: {said}"
            hint = f"see that docker run --rm {image} works; more is in {root / 'keeper.log'}"
    raise ServerError(message, hint=hint)
