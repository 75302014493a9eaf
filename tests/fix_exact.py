"""Servers of three majors, and real databases beside empty ones that should plan like them."""

from __future__ import annotations

import contextlib
import itertools
import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from fix_fixturedb import UrlServer
from fix_servers import need_major
from pytest_planguard.fixturedb.inflate.database import inflate
from pytest_planguard.fixturedb.inflate.files import relation_files
from pytest_planguard.fixturedb.inflate.order import order_indexes
from pytest_planguard.fixturedb.inflate.statistics import inject
from pytest_planguard.fixturedb.providers import binaries
from pytest_planguard.fixturedb.scale.observed import observe
from pytest_planguard.model.ports import Needs
from pytest_planguard.model.statistics import ScaleSource, Statistics
from pytest_planguard.planner.catalog import read_catalog

MAJORS = (15, 16, 18)
_NUMBERS = itertools.count(1)
"""Several real databases may be there at once, in whatever order tests run."""
_DEFAULTS = {
    "listen_addresses": "",
    "fsync": "off",
    "autovacuum": "off",
    "max_wal_size": "64MB",
    "shared_buffers": "32MB",
}


class Postmaster:
    """A server of a test's own; ``kill`` and ``start`` again."""

    def __init__(self, bindir: Path, folder: Path, settings: dict[str, str]) -> None:
        self.bindir = bindir
        self.folder = folder
        self.url = f"postgresql://postgres@/postgres?host={str(folder).replace('/', '%2F')}"
        self._settings = {**_DEFAULTS, "unix_socket_directories": str(folder), **settings}
        self._who: dict[str, Any] = {"cwd": folder, "stdout": subprocess.DEVNULL}
        if os.geteuid() == 0:  # PostgreSQL refuses to run as root
            entry = pwd.getpwnam("nobody")
            os.chown(folder, entry.pw_uid, entry.pw_gid)
            self._who |= {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}

    def initdb(self, *options: str) -> None:
        command = [self.bindir / "initdb", "-D", self.folder / "data", "-U", "postgres"]
        more = ["-A", "trust", "--no-sync", "--locale=C.UTF-8", "-E", "UTF8", *options]
        subprocess.run([*command, *more], check=True, **self._who)

    def start(self) -> None:
        options = " ".join(f"-c {name}={value}" for name, value in self._settings.items())
        self._control("-l", str(self.folder / "log"), "-o", options, "start")

    def stop(self) -> None:
        self._control("-m", "immediate", "stop")

    def kill(self) -> None:
        """SIGKILL to the postmaster; its children end when they see it gone."""
        pid = int((self.folder / "data" / "postmaster.pid").read_text().split()[0])
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        os.kill(pid, 9)
        while any(_lives(each) for each in (pid, *map(int, children))):
            time.sleep(0.01)
        for lock in (self.folder / "data" / "postmaster.pid", *self.folder.glob(".s.PGSQL.*")):
            lock.unlink()  # its number may be a zombie's by now, or another's

    def _control(self, *arguments: str) -> None:
        command = [self.bindir / "pg_ctl", "-D", self.folder / "data", "-w", *arguments]
        subprocess.run(command, check=True, **self._who)


def _lives(pid: int) -> bool:
    try:
        return (Path("/proc") / str(pid) / "stat").read_text().split(") ")[1][0] != "Z"
    except OSError:
        return False


@contextlib.contextmanager
def postmaster(
    major: int, *options: str, settings: dict[str, str] | None = None
) -> Iterator[Postmaster]:
    """A running server of a major; arguments: options of initdb, and settings."""
    need_major(major)
    installation, _ = binaries.choose(None, major, Needs())
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    folder = Path(tempfile.mkdtemp(prefix=f"pgx{major}-", dir=memory))
    try:
        made = Postmaster(installation.bindir, folder, settings or {})
        made.initdb(*options)
        made.start()
        try:
            yield made
        finally:
            with contextlib.suppress(subprocess.CalledProcessError):  # a test may have killed it
                made.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postmasters() -> Iterator[Callable[..., Postmaster]]:
    """Servers that run until the last test, by major and options of initdb."""
    with contextlib.ExitStack() as stack:
        made: dict[tuple[Any, ...], Postmaster] = {}

        def get(major: int, *options: str) -> Postmaster:
            if (major, options) not in made:
                made[major, options] = stack.enter_context(postmaster(major, *options))
            return made[major, options]

        yield get


class Real(NamedTuple):
    """A database with rows, and what is known of it."""

    conninfo: str
    statistics: Statistics


class Virtual(NamedTuple):
    """An empty database at scale."""

    conninfo: str
    lacking: list[str]


@contextlib.contextmanager
def real_database(url: str, ddl: str, rows: str) -> Iterator[Real]:
    """Makes one from a schema and statements that fill it; drops it at the end."""
    import psycopg

    server = UrlServer(url, direct=False)
    name = f"planguard_r_{server.run_token}_{next(_NUMBERS)}"
    try:
        server.create_database(name)
        with psycopg.connect(server.conninfo(name), autocommit=True) as connection:
            connection.execute(ddl)
            for statement in rows.split(";\n"):
                connection.execute(statement)
            connection.execute("CHECKPOINT")  # first pages are read from the files
            catalog = read_catalog(connection)
            known = observe(connection, catalog, clock="2026-01-01", source=ScaleSource.PRODUCTION)
        yield Real(server.conninfo(name), known)
    finally:
        server.drop_database(name)


@contextlib.contextmanager
def virtual_database(
    url: str, ddl: str, statistics: Statistics, *, direct: bool = True
) -> Iterator[Virtual]:
    """Makes one from a schema and statistics, and drops it.

    Args:
        url: Of the server.
        ddl: The schema.
        statistics: What it should be like.
        direct: Whether files are written by this process, or by the server.
    """
    import psycopg

    server = UrlServer(url, direct=direct)
    number = next(_NUMBERS)
    template, copy = (f"planguard_{name}_{server.run_token}_{number}" for name in ("t", "c"))
    try:
        server.create_database(template)
        with psycopg.connect(server.conninfo(template), autocommit=True) as connection:
            connection.execute(ddl)
            catalog = read_catalog(connection)
            order_indexes(connection, catalog, statistics)
            lacking = inject(connection, catalog, statistics, server.version)
            files = relation_files(connection, statistics)
        server.create_database(copy, template)
        with psycopg.connect(url, autocommit=True) as connection:
            inflate(connection, server, copy, files)
        yield Virtual(server.conninfo(copy), lacking)
    finally:
        for name in (copy, template):
            server.drop_database(name)


def explained(conninfo: str, queries: Sequence[str], *settings: str) -> dict[str, str]:
    """Each query's plan as text."""
    import psycopg

    with psycopg.connect(conninfo, autocommit=True) as connection:
        for setting in settings:
            connection.execute(setting)
        return {
            query: "\n".join(row[0] for row in connection.execute(f"EXPLAIN {query}").fetchall())
            for query in queries
        }
