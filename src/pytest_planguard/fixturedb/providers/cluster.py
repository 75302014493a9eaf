"""Makes the cluster of an embedded server, small: every database begins as a copy of what is here.

Measured with 18.6: an empty database takes 7.3 MB as initdb makes it and 5.6 MB after ``_slim``,
and the write-ahead log 1 MB instead of 5.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from importlib.resources import files
from pathlib import Path
from typing import Any

from pytest_planguard.errors import ServerError
from pytest_planguard.fixturedb.providers.owner import Owner
from pytest_planguard.fixturedb.providers.places import Places

_SECONDS = 120.0
"""initdb takes half a second; a loaded machine may need many."""

_SINGLE = (
    "-c", "fsync=off", "-c", "wal_level=minimal", "-c", "max_wal_senders=0",
    "-c", "autovacuum=off", "-c", "shared_buffers=16MB",
)  # fmt: skip


def make_cluster(places: Places, bindir: Path, major: int) -> None:
    """Makes the data directory, under another name first: half of one is never used.

    To be called by whoever holds ``start.lock``.

    Raises:
        ServerError: initdb, or a step after it, failed; with what it said.
    """
    new = places.cluster / "new"
    shutil.rmtree(new, ignore_errors=True)  # of a run that was killed
    command = [
        str(bindir / "initdb"), "-D", str(new), "-U", "postgres", "-A", "trust",
        "-E", "UTF8", "--locale", _locale(), "--no-sync", "--wal-segsize=1",
    ]  # fmt: skip
    if major >= 14:
        command.append("--no-instructions")
    if major >= 18:
        command.append("--no-data-checksums")  # the btree pages we write carry none
    try:
        _run(command, places)
        _slim(places, bindir, new)
        new.rename(places.data)
    except BaseException:  # an interruption leaves nothing either
        shutil.rmtree(new, ignore_errors=True)
        raise


def _slim(places: Places, bindir: Path, data: Path) -> None:
    """Takes away what no plan and no application reads.

    The descriptions of built-in functions; free space maps and visibility maps, which PostgreSQL
    makes again where it needs them; log segments that were made for later.
    """
    script = files(__package__).joinpath("slim.sql").read_text(encoding="utf-8")
    server = [str(bindir / "postgres"), "--single", "-O", "-D", str(data), *_SINGLE]
    for database in ("template1", "template0", "postgres"):
        _run([*server, database], places, script)
    for pattern in ("*_fsm", "*_vm", "pg_internal.init"):
        for file in data.glob(f"base/*/{pattern}"):
            file.unlink()
    if (bindir / "pg_resetwal").exists():  # some packages leave it out
        _run([str(bindir / "pg_resetwal"), "-D", str(data)], places)


def _run(command: list[str], places: Places, script: str = "") -> None:
    """Runs a program of the installation as the server's user; interrupted, all of it ends."""
    process = subprocess.Popen(
        command, cwd=places.cluster, env=environment(), start_new_session=True, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        **_as(places.owner),
    )  # fmt: skip
    name = Path(command[0]).name
    tried = f"tried as {places.owner.name if places.owner else 'this user'} in {places.cluster}"
    try:
        said, _ = process.communicate(script, timeout=_SECONDS)
    except BaseException as error:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        if isinstance(error, subprocess.TimeoutExpired):
            message = f"{name} did not end within {_SECONDS:.0f} seconds"
            raise ServerError(message, hint=tried) from error
        raise
    if process.returncode:
        why = telling_line(said) or f"status {process.returncode}"
        nameless = "effective user ID" in why  # as in a container that runs as any number
        hint = (
            "give the user a line in /etc/passwd, or run as one that has it" if nameless else tried
        )
        raise ServerError(f"{name} failed: {why}", hint=hint)


def _as(owner: Owner | None) -> dict[str, Any]:
    return {"user": owner.uid, "group": owner.gid, "extra_groups": []} if owner else {}


def _locale() -> str:
    """UTF-8 by code point: the same order on every machine."""
    import locale

    before = locale.setlocale(locale.LC_CTYPE)
    try:
        locale.setlocale(locale.LC_CTYPE, "C.UTF-8")
    except locale.Error:
        return "C"
    else:
        return "C.UTF-8"
    finally:
        locale.setlocale(locale.LC_CTYPE, before)


def environment() -> dict[str, str]:
    """Without the variables that would tell PostgreSQL's programs something else."""
    known = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    return {**known, "LC_ALL": "C"}  # messages are searched for English words


def telling_line(text: str) -> str:
    """The last line that says what went wrong; the last one where none does."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    telling = [line for line in lines if "FATAL" in line or "PANIC" in line or "error:" in line]
    return (telling or lines or [""])[-1]
