"""Whether planguard can be told from outside: the drivers' own test suites, without it and with it.

Each driver's suite is taken from its repository at the tag of the version that is installed for it,
and run twice against a server of its own: with ``-p no:planguard``, then with every statement
captured. Test by test, both runs must come to the same end. What differs is run again in both ways,
each test by itself and as often as is told, so that a test that is uncertain by itself is told from
one we changed. The run with planguard has to have captured statements, and to have gone on
capturing to its end. With ``--by-file`` each file of tests is run in both ways before the next one:
what was seen so far is printed, and both ways meet the same load of the machine.

    python benchmarks/transparency.py [SUITE …] [--repository URL-OR-FOLDER] [--again 5]

Servers and suites run as an unprivileged user where this is run as root: PostgreSQL demands it.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import pwd
import shutil
import socket
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from pytest_planguard.capture import file
from pytest_planguard.capture.recorder import SWITCHED_OFF
from pytest_planguard.errors import CaptureError
from pytest_planguard.fixturedb.providers.binaries import choose
from pytest_planguard.model.ports import Needs

Outcomes = dict[str, str]
"""By test: passed, failed, error, skipped or xfailed."""

Run = Callable[[str, str], Outcomes]
"""Runs tests in one way."""

WAYS = {
    "without": ("-p", "no:planguard"),
    "with": ("--planguard", "--planguard-capture-only", "--planguard-capture-file={file}"),
}
CAPTURED = "capture.json.gz"
"""What the second way heard, beside the logs."""
ROOT = Path(__file__).parents[1]
LONGEST = 3_600
"""Seconds one run may take."""


@dataclasses.dataclass(frozen=True)
class Suite:
    """A driver's tests.

    Attributes:
        repository: Where they are.
        tag: Of which version.
        requirements: What that version and its tests need.
        arguments: Of pytest, besides the folder.
        left_out: What cannot run here whoever listens, and why.
        has_servers: It starts its own, for it changes who may connect.
    """

    repository: str
    tag: str
    requirements: tuple[str, ...]
    arguments: tuple[str, ...] = ()
    left_out: Mapping[str, str] = dataclasses.field(default_factory=dict)
    has_servers: bool = False


SUITES = {
    "psycopg": Suite(
        "https://github.com/psycopg/psycopg",
        "3.3.4",
        (
            "psycopg==3.3.4",
            "psycopg-binary==3.3.4",
            "psycopg-pool==3.3.1",
            "anyio>=4",
            "pproxy",
            "mypy",
        ),
        ("-o", "addopts="),
    ),
    "psycopg2": Suite(
        "https://github.com/psycopg/psycopg2",
        "2.9.12",
        ("psycopg2-binary==2.9.12",),
    ),
    "asyncpg": Suite(
        "https://github.com/MagicStack/asyncpg",
        "v0.31.0",
        ("asyncpg==0.31.0", "uvloop>=0.22.1", "distro"),
        has_servers=True,
    ),
}


class User:
    """Who runs servers and suites: nobody special."""

    def __init__(self) -> None:
        self.who: dict[str, Any] = {}
        if os.geteuid() == 0:
            known = {entry.pw_name: entry for entry in pwd.getpwall()}
            entry = known.get("postgres") or known["nobody"]
            self.who = {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}

    def own(self, folder: Path) -> None:
        """Gives a folder to this user."""
        if self.who:
            for path in (folder, *folder.rglob("*")):
                os.chown(path, self.who["user"], self.who["group"], follow_symlinks=False)

    def run(self, command: Sequence[str | Path], **more: Any) -> subprocess.CompletedProcess[str]:
        """Runs a command to its end."""
        return subprocess.run(command, text=True, check=False, **self.who, **more)


@contextmanager
def postgres(folder: Path, user: User, bindir: Path) -> Iterator[dict[str, str]]:
    """A server with what the suites ask of one; the variables they find it by.

    libpq's own ones would be part of what psycopg's suite expects of connection strings.
    """
    data = folder / "data"
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = str(probe.getsockname()[1])
    settings = {
        "listen_addresses": "127.0.0.1", "port": port, "unix_socket_directories": str(folder),
        "max_prepared_transactions": "20", "wal_level": "logical", "fsync": "off",
    }  # fmt: skip
    options = " ".join(f"-c {name}={value}" for name, value in settings.items())
    control = [bindir / "pg_ctl", "-D", data, "-w", "-s"]
    said = {"cwd": folder, "stdout": subprocess.DEVNULL, "stderr": subprocess.STDOUT}
    made = [bindir / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8"]
    for command in ([*made, "--no-sync", "--locale=C.UTF-8"],
                    [*control, "-l", folder / "log", "-o", options, "start"]):  # fmt: skip
        user.run(command, **said).check_returncode()
    try:
        names = {"PGHOST": str(folder), "PGPORT": port, "PGUSER": "postgres"}
        for database in ("psycopg2_test", "suite"):
            made = [bindir / "createdb", database]
            user.run(made, env={**os.environ, **names}, **said).check_returncode()
        dsn = f"host={folder} port={port} user=postgres dbname=suite"
        found = {"": "psycopg2_test", "_HOST": str(folder), "_PORT": port, "_USER": "postgres"}
        yield {"PSYCOPG_TEST_DSN": dsn,
               **{f"PSYCOPG2_TESTDB{name}": value for name, value in found.items()}}  # fmt: skip
    finally:
        user.run([*control, "-m", "immediate", "stop"], **said)
        shutil.rmtree(data)


def fetch(suite: Suite, repository: str, python: str, folder: Path) -> None:
    """The repository at its tag without the library, and an environment that has that installed."""
    source = folder / "suite"
    clone = ["git", "clone", "-q", "-c", "advice.detachedHead=false", "--branch", suite.tag]
    subprocess.run([*clone, repository, source], check=True)
    for name in ("asyncpg", "psycopg", "psycopg_pool", "psycopg_c", "lib", ".git"):
        shutil.rmtree(source / name, ignore_errors=True)  # the installed one is to be tested
    subprocess.run([python, "-m", "venv", folder / "venv"], check=True)
    pip = [folder / "venv/bin/python", "-m", "pip", "install", "-qq"]
    subprocess.run([*pip, ROOT, *suite.requirements], check=True)


def outcomes(suite: Suite, way: str, folder: Path, names: Mapping[str, str], user: User,
             arguments: Sequence[str]) -> Outcomes:  # fmt: skip
    """How each test ended."""
    result = folder / "result.xml"
    result.unlink(missing_ok=True)
    shutil.rmtree(folder / "cache", ignore_errors=True)
    left_out = [word for name in suite.left_out for word in ("--deselect", name)]
    command = [
        folder / "venv/bin/python", "-m", "pytest", "-q", "-o", f"cache_dir={folder}/cache",
        f"--junitxml={result}", "-o", "junit_family=xunit1",
        *(word.format(file=folder / CAPTURED) for word in WAYS[way]),
        *suite.arguments, *left_out, *arguments,
    ]  # fmt: skip
    environment = {
        **os.environ, **names, "HOME": str(folder), "PYTHONDONTWRITEBYTECODE": "1",
    }  # fmt: skip
    # Tests run programs of the environment (mypy)
    environment["PATH"] = f"{folder}/venv/bin:{environment['PATH']}"
    with (folder / f"{way}.log").open("w", encoding="utf-8") as log:
        user.run(command, cwd=folder / "suite", env=environment, stdout=log,
                 stderr=subprocess.STDOUT, timeout=LONGEST)  # fmt: skip
    if not result.exists():
        raise SystemExit((folder / f"{way}.log").read_text(encoding="utf-8")[-4_000:])
    return dict(read_outcomes(result))


def read_outcomes(result: Path) -> Iterator[tuple[str, str]]:
    """How each test ended, of a JUnit file of pytest's."""
    for case in ElementTree.parse(result).iter("testcase"):
        name = _node(case.get("file", ""), case.get("classname", ""), case.get("name", ""))
        ends = [child for child in case if child.tag in {"failure", "error", "skipped"}]
        word = {"failure": "failed"}.get(ends[0].tag, ends[0].tag) if ends else "passed"
        xfailed = word == "skipped" and ends[0].get("type") == "pytest.xfail"
        yield name, "xfailed" if xfailed else word


def _node(file: str, classes: str, name: str) -> str:
    """What pytest calls a test.

    >>> _node("tests/test_a.py", "tests.test_a.Case", "test_b[1]")
    'tests/test_a.py::Case::test_b[1]'
    """
    module = file.removesuffix(".py").replace("/", ".")
    inside = classes.removeprefix(module).strip(".")
    return "::".join([file, *(inside.split(".") if inside else ()), name])


def unheard(path: Path) -> str:
    """Why a run proves nothing of planguard; empty where it captured to the end.

    Args:
        path: The capture file of the run.
    """
    try:
        capture = file.read(path)
    except CaptureError as error:
        return f"nothing was captured: {error}"
    for note in capture.notes:
        if note.startswith(SWITCHED_OFF):
            return note
    return "" if capture.statements else "nothing was captured: the capture has no statements"


def compared(name: str, asked: argparse.Namespace) -> bool:
    """Prints the counts of both runs and what differs; whether nothing does."""
    suite, user = SUITES[name], User()
    with tempfile.TemporaryDirectory(prefix="planguard-transparency-") as text:
        folder = Path(asked.folder or text)
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o755)
        if not (folder / "venv").exists():
            fetch(suite, asked.repository or suite.repository, asked.python, folder)
        user.own(folder)
        bindir = choose(None, asked.major, Needs())[0].bindir
        with postgres(folder, user, bindir) as names:
            if suite.has_servers:
                names = {"PATH": f"{bindir}:{os.environ['PATH']}"}  # noqa: PLW2901 -- its own ones

            def run(way: str, tests: str) -> Outcomes:
                selected = ("-m", asked.select) if asked.select else ()
                return outcomes(suite, way, folder, names, user, (tests, *selected))

            parts = ["tests"]
            if asked.by_file:
                files = (folder / "suite/tests").rglob("test_*.py")
                parts = sorted(str(file.relative_to(folder / "suite")) for file in files)
            found = in_both_ways(run, parts, folder / CAPTURED)
            for way, ends in found.items():
                print(f"{name} {suite.tag:8} {way:8} {_counts(ends.values())}", flush=True)
            return _explained(found, run, asked.again)


def in_both_ways(run: Run, parts: Sequence[str], captured: Path) -> dict[str, Outcomes]:
    """How each test of the parts ended, by way; what several parts give is printed as it comes.

    Args:
        run: Runs a part one way.
        parts: Folders, files or tests.
        captured: Where the second way's capture is.

    Raises:
        SystemExit: The second way heard nothing in any part, or not to the end of one.
    """
    found: dict[str, Outcomes] = {way: {} for way in WAYS}
    reasons = []
    for part in parts:
        captured.unlink(missing_ok=True)
        ends = {way: run(way, part) for way in WAYS}
        for way, one in ends.items():
            found[way] |= one
        if not any(ends.values()):
            continue
        reasons.append(unheard(captured))
        if reasons[-1].startswith(SWITCHED_OFF):
            raise SystemExit(f"{part}: {reasons[-1]}")
        if len(parts) > 1:
            print(f"  {part}: {' | '.join(_counts(one.values()) for one in ends.values())}",
                  flush=True)  # fmt: skip
    if all(reasons):  # a file of tests alone may send no statement
        raise SystemExit(next(iter(reasons), "there are no such tests"))
    return found


def _explained(found: Mapping[str, Outcomes], run: Run, again: int) -> bool:
    """Prints what differs, and how that ends when it is run by itself; whether nothing does."""
    without, heard = found.values()
    tests = sorted(
        test for test in without.keys() | heard.keys() if without.get(test) != heard.get(test)
    )
    for test in tests:
        print(f"  {test}: {without.get(test)} → {heard.get(test)}", flush=True)
        for way in WAYS:
            ends = [run(way, test).get(test, "absent") for _ in range(again)]
            print(f"    again, {way}: {_counts(ends)}", flush=True)
    return not tests


def _counts(ends: Iterable[str]) -> str:
    return ", ".join(f"{count} {word}" for word, count in sorted(Counter(ends).items()))


def main() -> None:
    """Compares the suites that are named, or all."""
    parser = argparse.ArgumentParser(description="the drivers' own suites, without and with us")
    parser.add_argument("suites", nargs="*", metavar="SUITE", help=", ".join(SUITES))
    parser.add_argument("--repository", help="where to clone from; default: GitHub")
    parser.add_argument("--again", type=int, default=3, help="times a difference is run again")
    parser.add_argument("--select", help="pytest's -m: which of the tests")
    parser.add_argument("--by-file", action="store_true", help="each file by itself in both ways")
    parser.add_argument("--folder", help="where the logs stay; an environment there is used again")
    parser.add_argument("--python", default=sys.executable, help="runs the suites")
    parser.add_argument("--major", type=int, help="PostgreSQL's; default: the newest at hand")
    asked = parser.parse_args()
    ends = [compared(name, asked) for name in asked.suites or SUITES]
    raise SystemExit(not all(ends))


if __name__ == "__main__":
    main()
