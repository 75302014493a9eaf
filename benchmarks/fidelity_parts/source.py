"""A throwaway PostgreSQL server to load real rows into: the production of the benchmark.

Settings the planner looks at are the server's defaults; the others are for loading fast. Only a
Unix socket is listened on. Autovacuum is off: it would analyse again between the pull of the
statistics and the plans they are compared with.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import psycopg
from psycopg.conninfo import make_conninfo

from pytest_planguard.fixturedb.providers.binaries import Installation, choose
from pytest_planguard.fixturedb.providers.cluster import environment
from pytest_planguard.fixturedb.providers.owner import Owner, reachable, unprivileged
from pytest_planguard.model.ports import Needs

READER = "bench_reader"
"""A role that may read the tables and nothing else."""

_SETTINGS = {
    "autovacuum": "off",
    "checkpoint_timeout": "1h",
    "fsync": "off",
    "full_page_writes": "off",
    "listen_addresses": "",
    "maintenance_work_mem": "256MB",
    "max_wal_senders": "0",
    "max_wal_size": "4GB",
    "synchronous_commit": "off",
    "wal_level": "minimal",
}


class Source(msgspec.Struct, frozen=True):
    """A running server with its own data directory."""

    installation: Installation
    bindir: Path
    data: Path
    socket: Path
    owner: Owner | None

    def conninfo(self, database: str, user: str = "postgres") -> str:
        """A libpq connection string."""
        return make_conninfo("", host=str(self.socket), user=user, dbname=database)

    def url(self, database: str, user: str = "postgres") -> str:
        """The same as a URL."""
        folder = str(self.socket).replace("/", "%2F")
        return f"postgresql://{user}@/{database}?host={folder}"

    def connect(self, database: str) -> psycopg.Connection[Any]:
        """A superuser's connection in autocommit mode."""
        return psycopg.connect(self.conninfo(database), autocommit=True, prepare_threshold=None)

    def dump_schema(self, database: str) -> str:
        """``pg_dump -s``, without roles and rights."""
        command = [str(self.bindir / "pg_dump"), "-s", "-O", "-x", "-d", self.conninfo(database)]
        return _run(command, self.socket, self.owner)


@contextmanager
def running_source(major: int, folder: Path) -> Iterator[Source]:
    """A new server below a folder; stopped at the end, and all it stored removed.

    Args:
        major: Of PostgreSQL; must be at hand.
        folder: With room for what will be loaded.
    """
    installation, _ = choose(None, major, Needs())
    owner = unprivileged() if _is_root() else None
    root = Path(tempfile.mkdtemp(prefix=f"fidelity-{major}-", dir=folder))
    socket = Path(tempfile.mkdtemp(prefix="fid-", dir="/tmp"))  # a socket's path is short
    try:
        for path in (root, socket):
            _give(path, owner)
        bindir = reachable(installation.bindir, installation.version, root, owner)
        source = Source(installation, bindir, root / "data", socket, owner)
        _initialise(source)
        control = [str(bindir / "pg_ctl"), "-D", str(source.data), "-w", "-t", "120"]
        options = " ".join(f"-c {name}='{value}'" for name, value in _SETTINGS.items())
        options += f" -c unix_socket_directories={socket}"
        _run([*control, "-l", str(root / "log"), "-o", options, "start"], socket, owner)
        try:
            yield source
        finally:
            _run([*control, "-m", "immediate", "stop"], socket, owner)
    finally:
        shutil.rmtree(root, ignore_errors=True)
        shutil.rmtree(socket, ignore_errors=True)


def make_database(source: Source, name: str) -> None:
    """An empty database, and the role that may only read."""
    with source.connect("postgres") as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE template0")
        found = connection.execute("SELECT FROM pg_roles WHERE rolname = %s", [READER]).fetchone()
        if found is None:
            connection.execute(f"CREATE ROLE {READER} LOGIN")


def let_read(connection: psycopg.Connection[Any], schema: str) -> None:
    """Gives the reading role what an ordinary one has."""
    connection.execute(f"GRANT USAGE ON SCHEMA {schema} TO {READER}")
    connection.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO {READER}")


def size_on_disk(source: Source, database: str) -> int:
    """Bytes its folder takes."""
    with source.connect(database) as connection:
        row = connection.execute(
            "SELECT oid FROM pg_database WHERE datname = current_database()"
        ).fetchone()
        connection.execute("CHECKPOINT")
    return stored_bytes(source.data / "base" / str(row[0])) if row else 0


def stored_bytes(folder: Path) -> int:
    """Bytes the files of a folder take on disk, holes not counted."""
    return sum(file.stat().st_blocks * 512 for file in folder.iterdir())


class Stopwatch:
    """Seconds since it was made."""

    def __init__(self) -> None:
        self._start = time.perf_counter()

    @property
    def seconds(self) -> float:
        """So far."""
        return time.perf_counter() - self._start


def _initialise(source: Source) -> None:
    command = [
        str(source.bindir / "initdb"), "-D", str(source.data), "-U", "postgres", "-A", "trust",
        "-E", "UTF8", "--locale=C.UTF-8", "--no-sync",
    ]  # fmt: skip
    _run(command, source.socket, source.owner)


def _run(command: Sequence[str], folder: Path, owner: Owner | None) -> str:
    """What a program of the installation wrote; what it said where it failed."""
    who: dict[str, Any] = (
        {"user": owner.uid, "group": owner.gid, "extra_groups": []} if owner else {}
    )
    with tempfile.TemporaryFile("w+") as said:  # a server started here would keep a pipe open
        done = subprocess.run(
            command, cwd=folder, env=environment(), check=False,
            stdout=said, stderr=subprocess.STDOUT, **who,
        )  # fmt: skip
        said.seek(0)
        text = said.read()
    if done.returncode:
        raise SystemExit(f"{Path(command[0]).name} failed:\n{text}")
    return text


def _give(path: Path, owner: Owner | None) -> None:
    path.chmod(0o755)
    if owner is not None:
        shutil.chown(path, owner.uid, owner.gid)


def _is_root() -> bool:
    import os

    return os.geteuid() == 0
