"""Keeps a server as long as somebody uses it, then stops it, also when all users were killed.

Run as a script of its own, with ``python -I -S``: it goes into the background, starts the server
as its child and waits for an exclusive lock on the file that every user holds a shared lock on.
It gets it when the last user has let go or is gone. Only the standard library's quick modules are
used: the process lives as long as a test run and should be small.

The script returns when the server's process is there, with status 0; with ``BUSY`` where processes
of another one still use the folder.

Arguments: the cluster's folder, the log, uid and gid for the server (-1: as we are), and the
server's command line.
"""

from __future__ import annotations

import fcntl
import os
import signal
import sys
import time

STOP_SECONDS = 10.0
"""Before a fast shutdown becomes an immediate one, and that a kill."""

BUSY_SECONDS = 10.0
"""The backends of a postmaster that was killed end themselves within milliseconds."""

BUSY = 3

SOCKETS = "planguard-"
"""What the names of sockets' folders begin with."""


def main(arguments: list[str]) -> int:
    """Starts, waits, stops."""
    folder, log, uid, gid, *command = arguments
    told, tell = os.pipe()  # closed when the server's program is running
    if os.fork():
        os.close(tell)
        return BUSY if os.read(told, 1) else 0
    os.close(told)
    os.setsid()
    os.chdir("/")
    nothing = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(nothing, standard)
    if not _start(folder, command, log, int(uid), int(gid)):
        os.write(tell, b"!")
        return BUSY
    os.close(tell)
    users = os.open(os.path.join(folder, "users.lock"), os.O_RDWR)
    fcntl.flock(users, fcntl.LOCK_EX)
    if not os.path.exists(os.path.join(folder, "keep")):
        stop(folder)
    return 0


def _start(folder: str, command: list[str], log: str, uid: int, gid: int) -> bool:
    """Starts the server, which inherits a locked file: the lock is held while it lives."""
    lock = os.open(os.path.join(folder, "server.lock"), os.O_RDWR | os.O_CREAT, 0o600)
    if not _acquired(lock):
        return False
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the system reaps the server
    if os.fork():
        os.close(lock)
        return True
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.set_inheritable(lock, True)
    out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(out, 1)
    os.dup2(out, 2)
    try:
        if uid >= 0:
            os.setgroups([])
            os.setgid(gid)
            os.setuid(uid)
        os.execv(command[0], command)
    except OSError as error:
        os.write(2, f"FATAL:  {command[0]} can't be run: {error.strerror}\n".encode())
    finally:
        os._exit(127)


def _acquired(lock: int) -> bool:
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.005)
        else:
            return True


def stop(folder: str, made: str = "") -> bool:
    """Stops the server of a cluster's folder and waits until it is gone; False: it stays.

    To be called by whoever holds ``users.lock`` alone.

    Args:
        folder: The cluster's; the folder of the server's socket is removed too.
        made: A socket's folder that was made for a server that may not have come so far.
    """
    sockets = socket_folder(folder)
    signals = [signal.SIGINT, signal.SIGQUIT, signal.SIGKILL]  # fast, immediate, at once
    begin = due = time.monotonic()
    while is_running(folder):
        now = time.monotonic()
        if now > begin + STOP_SECONDS * 3:
            return False
        pid = postmaster(folder)  # 0 while it is about to start, or to be gone
        if pid and signals and now >= due:
            sockets = sockets or socket_folder(folder)
            due = now + STOP_SECONDS
            try:
                os.kill(pid, signals.pop(0))
            except ProcessLookupError:
                continue
        time.sleep(0.002)
    _remove(sockets)
    _remove(made)
    return True


def is_running(folder: str) -> bool:
    """Whether any process of the folder's server lives.

    A pid file proves nothing: it outlives a crash, and its number may be another process's by now.
    All processes of the server hold the lock that it was started with.
    """
    try:
        lock = os.open(os.path.join(folder, "server.lock"), os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    else:
        return False
    finally:
        os.close(lock)


def postmaster(folder: str) -> int:
    """The pid to send signals to; 0 where it is not known, or is another process's."""
    data = os.path.join(folder, "cluster", "data")
    try:
        pid = int(lines(data)[0])
    except (IndexError, ValueError):
        return 0
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return pid if os.fsencode(data) in file.read().split(b"\0") else 0
    except OSError:
        if os.path.exists("/proc/self/cmdline"):
            return 0
    try:
        os.kill(pid, 0)  # where the system has no /proc, the lock has to be proof enough
    except OSError:
        return 0
    return pid


def socket_folder(folder: str) -> str:
    """Where the folder's server has, or had, its socket; empty where that is not known."""
    known = lines(os.path.join(folder, "cluster", "data"))
    return known[4] if len(known) > 4 else ""


def lines(data: str) -> list[str]:
    """The lines of ``postmaster.pid``: pid, data directory, …, 4: socket, …, 7: status."""
    try:
        with open(os.path.join(data, "postmaster.pid"), errors="replace") as file:
            return file.read().splitlines()
    except OSError:
        return []


def _remove(sockets: str) -> None:
    """Removes a socket's folder of ours, also after a server that could not clean up."""
    if not os.path.basename(sockets).startswith(SOCKETS):
        return
    try:
        for name in os.listdir(sockets):
            if name.startswith(".s.PGSQL."):
                os.unlink(os.path.join(sockets, name))
        os.rmdir(sockets)
    except OSError:
        pass  # gone already, or somebody put a file there


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
