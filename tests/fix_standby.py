"""A small primary and a standby of it, on sockets of their own."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

from fix_servers import absent
from pytest_planguard.errors import ServerError
from pytest_planguard.fixturedb.providers import binaries
from pytest_planguard.model.ports import Needs


@contextmanager
def pair(ddl: str, major: int = 15) -> Iterator[tuple[str, str]]:
    """URLs of the primary, loaded and vacuumed, and of a standby that has it all."""
    try:
        tools = binaries.choose(None, major, Needs())[0].bindir
    except ServerError as error:
        absent(error.message)
    if not (tools / "pg_basebackup").exists():
        absent(f"no pg_basebackup in {tools}")
    who: dict[str, Any] = {}
    folder = Path(tempfile.mkdtemp(prefix="pgs-"))
    if os.geteuid() == 0:  # PostgreSQL refuses to run as root
        entry = pwd.getpwnam("nobody")
        who = {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
        os.chown(folder, entry.pw_uid, entry.pw_gid)

    def run(*arguments: str | Path) -> None:
        with (folder / "output").open("a") as output:  # no pipe: a server would keep it open
            done = subprocess.run(
                arguments, cwd=folder, stdout=output, stderr=output, check=False, **who
            )
        assert done.returncode == 0, (folder / "output").read_text()

    def start(name: str, port: int) -> str:
        options = f"-c listen_addresses= -c unix_socket_directories={folder} -p {port} -c fsync=off"
        log = folder / f"{name}.log"
        run(tools / "pg_ctl", "-D", folder / name, "-w", "-l", log, "-o", options, "start")
        host = str(folder).replace("/", "%2F")
        return f"postgresql://postgres@/postgres?host={host}&port={port}"

    started: list[str] = []
    try:
        initdb = [tools / "initdb", "-U", "postgres", "-A", "trust", "--no-sync", "--locale=C"]
        run(*initdb, "-E", "UTF8", "-D", folder / "primary")
        primary = start("primary", 5432)
        started.append("primary")
        with psycopg.connect(primary, autocommit=True) as connection:
            connection.execute(ddl)
            connection.execute("VACUUM ANALYZE")
            connection.execute("CHECKPOINT")
        backup = [tools / "pg_basebackup", "-h", folder, "-p", "5432", "-U", "postgres"]
        run(*backup, "-D", folder / "standby", "-R", "-c", "fast", "--no-sync")
        standby = start("standby", 5433)
        started.append("standby")
        _caught_up(primary, standby)
        yield primary, standby
    finally:
        for name in reversed(started):
            run(tools / "pg_ctl", "-D", folder / name, "-m", "immediate", "-w", "stop")
        shutil.rmtree(folder, ignore_errors=True)


def _caught_up(primary: str, standby: str) -> None:
    """Waits until the standby has replayed what the primary wrote."""
    with psycopg.connect(primary, autocommit=True) as connection:
        row = connection.execute("SELECT pg_current_wal_flush_lsn()").fetchone()
    assert row is not None
    deadline = time.monotonic() + 20
    with psycopg.connect(standby, autocommit=True) as connection:
        while True:
            asked = "SELECT pg_last_wal_replay_lsn() >= %s::pg_lsn"
            done = connection.execute(asked, [row[0]]).fetchone()
            if done == (True,):
                return
            assert time.monotonic() < deadline, "the standby does not catch up"
            time.sleep(0.05)
