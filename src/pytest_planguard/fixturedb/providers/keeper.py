"""Owns a container as long as somebody uses it, then removes it, also when all users were killed.

Run as a script of its own, as ``watchdog`` is: it goes into the background, starts the container
and waits for an exclusive lock on the file that every user holds a shared lock on. So no process
that runs tests imports testcontainers, opens a socket to the engine, or has its session's reaper
wait for it. A keeper that was killed leaves a container whose label tells the next keeper of the
same folder that it is nobody's.

Argument: the folder. Standard input: a JSON object with ``image``, ``command``, ``environment``
and ``seconds``; an empty one: whatever is left of the folder's containers is removed, and that is
all. Standard output: a JSON object with ``problem`` (one of the constants below, or empty when it
is done or the server takes connections) and ``said`` (in others' words).
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

LIBRARY = "library"
"""testcontainers can't be imported."""
ENGINE = "engine"
"""No engine answers."""
IMAGE = "image"
"""The image is not here and can't be pulled."""
REFUSED = "refused"
"""The engine does not start the container."""
ENDED = "ended"
"""The container started and ended by itself."""
UNREACHABLE = "unreachable"
"""The container runs, but its server can't be reached."""
FAULT = "fault"
"""Something nobody thought of."""
BUSY = "busy"
"""Another keeper uses the folder."""

STATE = "state.json"
"""How to connect, while the server takes connections; nobody else may read it."""

LABEL = "pytest-planguard"
"""Label of every container; its value tells whose it is."""

IDENTITY = "identity"
"""What tells the containers of a folder from all others on the engine."""

PID = "keeper.pid"
"""The keeper's number; there as long as a container may be."""

BUSY_SECONDS = 10.0
_PORT = 5432
_LOCAL = {"localhost", "127.0.0.1", "::1"}
_LAST_LINES = 40


class ProblemError(Exception):
    """Why there is no container: one of the constants, and what was said."""


def main(folder: Path) -> int:
    """Reads what is wanted, starts, tells, waits, removes."""
    request = json.loads(sys.stdin.read())
    told, tell = os.pipe()
    if os.fork():
        os.close(tell)
        with os.fdopen(told) as channel:
            sys.stdout.write(channel.read() or json.dumps({"problem": ENDED, "said": ""}))
        return 0
    os.close(told)
    _into_background(folder)
    _Keeper(folder, request, tell).run()
    return 0


def _into_background(folder: Path) -> None:
    os.setsid()
    os.chdir("/")
    nothing = os.open(os.devnull, os.O_RDWR)
    log = os.open(folder / "keeper.log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    for standard, target in ((0, nothing), (1, log), (2, log)):
        os.dup2(target, standard)
    signal.signal(signal.SIGTERM, _leave)


def _leave(*_: object) -> NoReturn:
    raise SystemExit(0)


class _Keeper:
    """Args: the folder, what is wanted, and the file to tell what came of it."""

    def __init__(self, folder: Path, request: Mapping[str, Any], tell: int) -> None:
        self._request = request
        self._tell = tell
        self._folder = folder
        self._identity = (folder / IDENTITY).read_text()
        self._client: Any = None

    def run(self) -> None:
        """Until nobody uses the container any more."""
        try:
            self._hold_folder()
            self._connect()
            if not self._request:
                return
            state = self._start()
            self._write(state)
            self._say("", "")
            users = os.open(self._folder / "users.lock", os.O_RDWR)
            fcntl.flock(users, fcntl.LOCK_EX)
        except ProblemError as error:
            self._say(*error.args)
        except Exception as error:
            self._say(FAULT, f"{type(error).__name__}: {_one_line(error)}")
            raise
        finally:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)  # it is being done
            self._remove()
            (self._folder / PID).unlink(missing_ok=True)
            self._say("", "")

    def _say(self, problem: str, said: str) -> None:
        """Tells what came of it, once; what went wrong is told when nothing is left of it."""
        if problem:
            with suppress(Exception):  # the engine may be what is wrong
                self._remove()
        tell, self._tell = self._tell, -1
        if tell < 0:
            return
        with suppress(OSError):  # nobody listens any more: the lock on users will be free
            os.write(tell, json.dumps({"problem": problem, "said": said}).encode())
        os.close(tell)

    def _hold_folder(self) -> None:
        """The lock that tells others that this process lives, and its number."""
        lock = os.open(self._folder / "server.lock", os.O_RDWR | os.O_CREAT, 0o600)
        deadline = time.monotonic() + BUSY_SECONDS
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise ProblemError(BUSY, "") from None
                time.sleep(0.01)
            else:
                break
        (self._folder / PID).write_text(str(os.getpid()))

    def _connect(self) -> None:
        """To the engine, on which what a keeper that was killed has left is removed."""
        try:
            import docker.errors
            import psycopg  # noqa: F401 - to be missed before a container is started
            from testcontainers.core.docker_client import DockerClient
        except ImportError as error:
            raise ProblemError(LIBRARY, _one_line(error)) from error
        try:
            self._client = DockerClient().client
            self._remove()
        except (docker.errors.DockerException, OSError) as error:
            self._client = None
            raise ProblemError(ENGINE, _one_line(error)) from error

    def _start(self) -> dict[str, Any]:
        """The container, until its server takes connections: how to connect."""
        import docker.errors
        from testcontainers.core.container import DockerContainer

        request = self._request
        container = DockerContainer(request["image"])
        self._have_image(container.image)
        container.with_command(request["command"]).with_kwargs(labels={LABEL: self._identity})
        container.with_envs(**request["environment"])
        ports: dict[str, Any] = container.ports  # the engine's client takes addresses too
        ports[f"{_PORT}/tcp"] = ("127.0.0.1", None) if _is_here(container) else None
        try:
            container.start()
        except docker.errors.APIError as error:
            raise ProblemError(REFUSED, _one_line(error.explanation or error)) from error
        return self._reached(container)

    def _have_image(self, image: str) -> None:
        import docker.errors

        try:
            self._client.images.get(image)
        except docker.errors.ImageNotFound:
            try:
                self._client.images.pull(image)
            except (docker.errors.DockerException, OSError) as error:
                explained = getattr(error, "explanation", None) or error
                raise ProblemError(IMAGE, _one_line(explained)) from error

    def _reached(self, container: Any) -> dict[str, Any]:
        """Waits until the server takes connections."""
        import psycopg

        deadline = time.monotonic() + self._request["seconds"]
        started = container.get_wrapped_container()
        said = "it had no time to start"
        while time.monotonic() < deadline:
            started.reload()
            if started.status not in {"created", "running"}:
                raise ProblemError(ENDED, started.logs(tail=_LAST_LINES).decode(errors="replace"))
            try:
                where = self._where(container, started.attrs)
                with psycopg.connect(**where, dbname="postgres", connect_timeout=5) as connection:
                    version = connection.info.server_version
            except (psycopg.OperationalError, ConnectionError) as error:
                said = _one_line(error)
                time.sleep(0.05)
            else:
                name, image = started.short_id, container.image
                return {"connection": where, "version": version, "container": name, "image": image}
        raise ProblemError(UNREACHABLE, said)

    def _where(self, container: Any, facts: Mapping[str, Any]) -> dict[str, Any]:
        """Parameters of libpq; a name would have to be looked up."""
        environment = self._request["environment"]
        published = facts["NetworkSettings"]["Ports"].get(f"{_PORT}/tcp") or []
        mapped = container.get_docker_client().get_connection_mode().use_mapped_port
        if mapped and not published:
            raise ConnectionError("no port of the container is published")
        return {
            "host": "127.0.0.1" if _is_here(container) else container.get_container_host_ip(),
            "port": published[0]["HostPort"] if mapped else str(_PORT),
            "user": environment["POSTGRES_USER"],
            "password": environment["POSTGRES_PASSWORD"],
            "sslmode": "disable",
        }

    def _write(self, state: dict[str, Any]) -> None:
        draft = self._folder / f"{STATE}.draft"
        draft.touch(mode=0o600)
        draft.write_text(json.dumps(state))
        draft.replace(self._folder / STATE)

    def _remove(self) -> None:
        """Removes all containers of the folder, whichever keeper started them."""
        (self._folder / STATE).unlink(missing_ok=True)
        if self._client is None:
            return
        import docker.errors

        for one in self._client.containers.list(
            all=True, filters={"label": f"{LABEL}={self._identity}"}, ignore_removed=True
        ):
            try:
                one.remove(force=True, v=True)
            except docker.errors.NotFound:
                pass
            except docker.errors.APIError as error:
                if error.status_code != 409:  # its removal is on its way
                    raise


def stop(folder: Path, seconds: float = 60.0) -> bool:
    """Ends the keeper of a folder and waits until its container is gone; False: it stays."""
    deadline = time.monotonic() + seconds
    asked = 0
    while is_running(folder):
        if time.monotonic() > deadline:
            return False
        pid = _pid(folder)
        if pid and pid != asked:
            asked = pid
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
        time.sleep(0.005)
    return True


def is_running(folder: Path) -> bool:
    """Whether a keeper of the folder lives: it holds a lock as long as it does."""
    try:
        lock = os.open(folder / "server.lock", os.O_RDWR)
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


def _pid(folder: Path) -> int:
    """The keeper's, as it wrote it; 0 where it has not come so far, or is another process's."""
    pid = 0
    try:
        pid = int((folder / PID).read_text())
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except ValueError:
        return 0
    except OSError:  # where the system has no /proc, the lock has to be proof enough
        return 0 if Path("/proc/self/cmdline").exists() else pid
    else:
        return pid if os.fsencode(folder) in words else 0


def _is_here(container: Any) -> bool:
    """Whether the engine is this machine's: then only this machine is to reach the container."""
    client = container.get_docker_client()
    return client.host() in _LOCAL and client.get_connection_mode().use_mapped_port


def _one_line(error: object) -> str:
    return " ".join(str(error).split())


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
