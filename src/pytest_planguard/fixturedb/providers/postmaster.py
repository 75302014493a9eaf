"""Starts and finds the server of a cluster. All of it under ``start.lock``, as a user of it."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from pathlib import Path

from pytest_planguard.errors import ServerError
from pytest_planguard.fixturedb.providers import watchdog
from pytest_planguard.fixturedb.providers.binaries import Installation
from pytest_planguard.fixturedb.providers.cluster import environment, make_cluster, telling_line
from pytest_planguard.fixturedb.providers.owner import reachable
from pytest_planguard.fixturedb.providers.places import Places, make_folder

START_SECONDS = 60.0
"""A server starts in a tenth of a second, and recovers from a crash in a few."""

_SETTINGS = {
    "listen_addresses": "",
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "autovacuum": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "8MB",
    "min_wal_size": "2MB",
    "wal_recycle": "off",
    "checkpoint_completion_target": "0",
    "max_connections": "200",
    "max_prepared_transactions": "20",
    "shared_buffers": "32MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "unix_socket_permissions": "0700",
}
"""Nothing here is kept that could not be made again, so nothing waits for a disk; autovacuum would
find inflated tables. None of these is seen by the planner."""


def ensure_running(places: Places, installation: Installation) -> tuple[str, ...]:
    """Starts the server where it does not run; what is to be said about that.

    A cluster that does not start is made anew, once: all in it can be made again.

    Raises:
        ServerError: It does not start.
    """
    if _answers(places):
        return ()
    bindir = reachable(installation.bindir, installation.version, places.root.parent, places.owner)
    there = (places.data / "PG_VERSION").exists()
    if there and _launch(places, bindir):
        return ()
    said = _set_aside(places) if there else ""
    try:
        make_cluster(places, bindir, installation.major)
        _launch_or_raise(places, bindir)
    except BaseException:
        _put_back(places)
        raise
    shutil.rmtree(_aside(places), ignore_errors=True)
    return (said,) if said else ()


def _launch_or_raise(places: Places, bindir: Path) -> None:
    if not _launch(places, bindir):
        raise ServerError(
            f"the embedded server does not start: {_last_words(places)}", hint=f"see {places.log}"
        )


def socket_in_use(places: Places) -> str:
    """The socket's folder as the running server knows it: TMPDIR may differ between runs."""
    return watchdog.socket_folder(str(places.root)) or str(places.socket)


def _answers(places: Places) -> bool:
    """Whether a server runs that can be reached; one that can't be any more is stopped."""
    if not (watchdog.is_running(str(places.root)) and _comes_up(places)):
        return False
    if (Path(socket_in_use(places)) / ".s.PGSQL.5432").exists():
        return True
    if watchdog.stop(str(places.root)):  # somebody has cleaned up /tmp
        return False
    raise ServerError(
        f"a server uses {places.data}, but its socket in {socket_in_use(places)} is not here",
        hint="is another container using this folder? set PLANGUARD_CACHE_DIR to one of its own",
    )


def _launch(places: Places, bindir: Path) -> bool:
    """Starts watchdog and server; whether the server came up."""
    # the files below are a dead server's: their numbers may be another process's by now, and
    # PostgreSQL would believe that one to be a server
    (places.data / "postmaster.pid").unlink(missing_ok=True)
    make_folder(places.socket, 0o700, places.owner)
    for file in places.socket.glob(".s.PGSQL.*"):
        file.unlink(missing_ok=True)
    places.log.write_bytes(b"")
    settings = {**_SETTINGS, "unix_socket_directories": str(places.socket)}
    command = [str(bindir / "postgres"), "-D", str(places.data)]
    for name, value in settings.items():
        command += ["-c", f"{name}={value}"]
    _watch(places, command)
    return _comes_up(places)


def _watch(places: Places, command: list[str]) -> None:
    """Starts the watchdog, and with it the server."""
    uid, gid = (places.owner.uid, places.owner.gid) if places.owner else (-1, -1)
    script = [sys.executable, "-I", "-S", watchdog.__file__, str(places.root), str(places.log)]
    process = subprocess.Popen(
        [*script, str(uid), str(gid), *command],
        env=environment(), stdin=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    try:
        status = process.wait()
    except BaseException:  # only once the server is there it can be stopped
        process.wait(START_SECONDS)
        raise
    if status == watchdog.BUSY:
        raise ServerError(
            f"processes of a server that is gone still use {places.data}",
            hint="end them (ps -ef | grep postgres) and try again",
        )
    if status:
        raise ServerError(f"the server's watchdog ended with status {status}")


def _comes_up(places: Places) -> bool:
    """Waits until the server says that it takes connections; False where it ends instead.

    What a killed one said does not count, while its last backends are still about to end.

    Raises:
        ServerError: Neither happens.
    """
    deadline = time.monotonic() + START_SECONDS
    while watchdog.is_running(str(places.root)):
        lines = watchdog.lines(str(places.data))
        ready = len(lines) > 7 and lines[7].strip() == "ready"
        if ready and watchdog.postmaster(str(places.root)):
            return True
        if time.monotonic() > deadline:
            raise ServerError(
                f"the embedded server takes no connections: {_last_words(places)}",
                hint=f"see {places.log}",
            )
        time.sleep(0.005)
    return False


def _aside(places: Places) -> Path:
    return places.cluster / "damaged"


def _set_aside(places: Places) -> str:
    """Puts a cluster away that does not start; the sentence about it. The log is kept."""
    shutil.rmtree(_aside(places), ignore_errors=True)
    places.data.rename(_aside(places))
    log = places.root / "damaged.log"
    places.log.replace(log)
    said = telling_line(log.read_text(encoding="utf-8", errors="replace"))
    why = said.partition("FATAL:")[2] or said.partition("PANIC:")[2] or said or "it ended at once"
    return (
        "the embedded server did not start on the files it had, which were made anew: "
        + why.strip()
    )


def _put_back(places: Places) -> None:
    """It was not the files' fault, as new ones do no better."""
    if _aside(places).exists() and watchdog.stop(str(places.root)):
        shutil.rmtree(places.data, ignore_errors=True)
        _aside(places).rename(places.data)


def _last_words(places: Places) -> str:
    try:
        return telling_line(places.log.read_text(encoding="utf-8", errors="replace"))
    except OSError:
        return ""
