"""What capture costs: per statement and driver, in memory, and on disk.

Each way of running an application is a process of its own (``_capture_child.py``): with nothing of
planguard in it, with planguard capturing, and for psycopg with OpenTelemetry's instrumentation
beside it (``pip install opentelemetry-instrumentation-psycopg opentelemetry-sdk``; left out where
it is missing). They ask the same server over a Unix socket for the same rows by primary key, in
short blocks in turn and in random order, one at a time; after some rounds new processes take over,
because one process may be quicker than another by the luck of its addresses. All of them, and the
server, share one processor where the system lets that be said (Linux): else the scheduler moves
client and server together and apart, a statement takes 35 µs or 130, and what planguard does while
the server works on another processor costs nothing (measured: psycopg × 1.00). Of each round
planguard's block is compared with the bare one's; given are the medians over all rounds, so that a
machine that gets slower slows both, and the quickest twentieth of the blocks of each way, which
other programs on the machine disturb least.

Memory is what a process with planguard has more than one without that sends the same statements
through psycopg: at the end, with all that was imported, and at most, the capture file written.
What it has more after a tenth tells how that grows with executions and with distinct statements.

The medians are held to the goals below; what misses one is said at the end, and is exit status 1.

    python benchmarks/capture.py [times] [memory] [APPLICATION ...]

An application is one of ``APPLICATIONS``: only the times of those named are taken.
"""

from __future__ import annotations

import contextlib
import importlib.util
import math
import os
import random
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from _capture_child import ROWS

from pytest_planguard.fixturedb.providers import open_server
from pytest_planguard.model.spec import DatabaseSpec

GENERATIONS = 6
ROUNDS = 150
DATABASE = "planguard_bench_capture"
CHILD = Path(__file__).with_name("_capture_child.py")

APPLICATIONS = {
    "psycopg": "psycopg",
    "psycopg2": "psycopg 2",
    "asyncpg": "asyncpg",
    "orm": "SQLAlchemy's ORM over psycopg",
    "async_orm": "SQLAlchemy's async ORM over psycopg",
    "async_orm_asyncpg": "SQLAlchemy's async ORM over asyncpg",
    "psycopg-each": "psycopg, a new test for each statement",
}

SIZES = ((1_000_000, 500), (100_000, 100_000))
"""Executions and distinct statements."""

MOST_TIMES = {"psycopg": 1.15, "orm": 1.10}
"""Of the time without planguard, by application."""

MOST_ADDED = dict.fromkeys(("psycopg", "psycopg2", "asyncpg"), 10.0)
"""Microseconds planguard may add to a statement, by driver."""

MOST_MEMORY = {500: 30.0, 100_000: 300.0}
"""MB planguard may take, by distinct statements; likewise while the file is written."""

MOST_ON_DISK = 20.0
"""MB the capture file may have."""

MOST_GROWTH = 0.1
"""Of what may be taken: what nine more executions of each statement may add."""

MOST_STEEP = 1.2
"""Times what a tenth of the distinct statements took that the same number may take later on."""

TABLE = """
CREATE TABLE item (id int PRIMARY KEY, name text, price numeric, kind int, created_at timestamptz)
"""


@contextlib.contextmanager
def database() -> Iterator[str]:
    """A URL of a database with one small table."""
    import psycopg

    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        with (
            open_server(DatabaseSpec(cache=Path(folder))) as server,
            server.connect() as connection,
        ):
            connection.execute(f"CREATE DATABASE {DATABASE}")
            url = server.url(DATABASE)
            with psycopg.connect(url, autocommit=True) as own:
                own.execute(TABLE)
                own.execute(
                    "INSERT INTO item SELECT n, 'n' || n, n, n %% 9, now()"
                    " FROM generate_series(0, %s) AS n",
                    [ROWS],
                )
                own.execute("VACUUM ANALYZE item")
            try:
                yield url
            finally:
                connection.execute(f"DROP DATABASE {DATABASE} WITH (FORCE)")


# Times


class Child:
    """A process that answers each ``block()`` with the microseconds of a statement."""

    def __init__(self, *arguments: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(CHILD), *arguments],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        self._read()

    def block(self) -> float:
        """Lets it send some statements."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return float(self._read())

    def end(self) -> None:
        """Lets it go; it must have worked."""
        self._process.communicate()
        if self._process.returncode:
            raise SystemExit(f"a process of the benchmark ended with {self._process.returncode}")

    def _read(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            self.end()
        return line


def compare(application: str, url: str, ways: Sequence[str]) -> dict[str, list[float]]:
    """Microseconds of a statement in each round, by way."""
    found: dict[str, list[float]] = {way: [] for way in ways}
    for _ in range(GENERATIONS):
        shuffled = random.sample(ways, len(ways))
        children = {way: Child(way, application, url) for way in shuffled}
        for _ in range(ROUNDS):
            for way in random.sample(ways, len(ways)):
                found[way].append(children[way].block())
        for child in children.values():
            child.end()
    return found


def medians(without: Sequence[float], found: Sequence[float]) -> tuple[float, float]:
    """The microseconds that are added to a statement, and how many times its time that makes."""
    rounds = list(zip(without, found, strict=True))
    return statistics.median(b - a for a, b in rounds), statistics.median(b / a for a, b in rounds)


def slow(application: str, without: Sequence[float], found: Sequence[float]) -> Iterator[str]:
    """A sentence for each goal of one application that its times miss."""
    more, ratio = medians(without, found)
    if ratio > MOST_TIMES.get(application, math.inf):
        yield f"{application}: × {ratio:.2f} of the time without, wanted {MOST_TIMES[application]}"
    if more > MOST_ADDED.get(application, math.inf):
        yield f"{application}: {more:+.1f} µs a statement, wanted {MOST_ADDED[application]:g}"


def line(name: str, without: Sequence[float], found: Sequence[float]) -> str:
    """A row of the table."""
    more, ratio = medians(without, found)
    least, most = (sorted(times)[len(times) // 20] for times in (without, found))
    return (
        f"{name:40} {statistics.median(without):6.1f} µs {more:+6.1f} µs × {ratio:.2f}"
        f"   {least:6.1f} µs {most - least:+6.1f} µs × {most / least:.2f}"
    )


def times(url: str, applications: Sequence[str]) -> list[str]:
    """Applications by name; the goals they miss."""
    missed: list[str] = []
    has_opentelemetry = _is_there("opentelemetry.instrumentation.psycopg")
    print(f"{'a SELECT by primary key':40} without, and what is added; of the quickest blocks")
    for application in applications:
        beside = ["opentelemetry"] * (application == "psycopg" and has_opentelemetry)
        found = compare(application, url, ["bare", "planguard", *beside])
        print(line(APPLICATIONS[application], found["bare"], found["planguard"]), flush=True)
        missed += slow(application, found["bare"], found["planguard"])
        for way in beside:
            print(line("  OpenTelemetry adds", found["bare"], found[way]), flush=True)
    return missed


def _is_there(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False


# Memory


class Taken(NamedTuple):
    """What planguard takes of one shape of a suite, in MB."""

    start: float
    """In memory before the first statement."""
    early: float
    """In memory after a tenth."""
    late: float
    """At the end."""
    most: float
    """While the file is written."""
    file: float

    @classmethod
    def of(cls, bare: Sequence[int], planguard: Sequence[int]) -> Taken:
        """Of what both processes said, in bytes."""
        *sizes, file, most = planguard
        more = [size - without for size, without in zip(sizes, bare, strict=True)]
        return cls(*(size / 1e6 for size in (*more, most - bare[-1], file)))

    @property
    def steepness(self) -> float:
        """What a later tenth took on average, as a multiple of what the first one took."""
        return (self.late - self.early) / 9 / (self.early - self.start)


def memory(url: str) -> list[str]:
    """Both shapes of a suite; the goals they miss."""
    missed: list[str] = []
    for executions, distinct in SIZES:
        sizes = [str(executions), str(distinct)]
        both = [
            subprocess.Popen(
                [sys.executable, str(CHILD), way, "memory", url, *sizes],
                stdout=subprocess.PIPE, text=True,
            )
            for way in ("bare", "planguard")
        ]  # fmt: skip
        bare, planguard = (process.communicate()[0].split() for process in both)
        if any(process.returncode for process in both):
            raise SystemExit("a process of the benchmark failed")
        taken = Taken.of(list(map(int, bare)), list(map(int, planguard)))
        print(report(executions, distinct, taken), flush=True)
        missed += large(distinct, taken)
        missed += steep(executions, distinct, taken)
    return missed


def report(executions: int, distinct: int, taken: Taken) -> str:
    """What one shape takes, in MB."""
    return (
        f"{executions:9,} executions of {distinct:7,} statements: {taken.late:+6.1f} MB in memory"
        f" ({taken.start:+.1f} before, {taken.early:+.1f} after a tenth,"
        f" {taken.most:+.1f} while the file is written), {taken.file:.1f} MB on disk"
    )


def large(distinct: int, taken: Taken) -> Iterator[str]:
    """A sentence for each goal that what a shape takes misses."""
    goal = MOST_MEMORY[distinct]
    memory = max(taken.late, taken.most)
    if memory > goal:
        yield f"{distinct:,} distinct statements: {memory:+.1f} MB in memory, wanted {goal:g}"
    if taken.file > MOST_ON_DISK:
        yield (
            f"{distinct:,} distinct statements: {taken.file:.1f} MB on disk,"
            f" wanted {MOST_ON_DISK:g}"
        )


def steep(executions: int, distinct: int, taken: Taken) -> Iterator[str]:
    """A sentence where a shape grows with executions, or with more than distinct statements."""
    grown, may = taken.late - taken.early, MOST_GROWTH * MOST_MEMORY[distinct]
    if executions > distinct and grown > may:
        yield (
            f"{executions:,} executions: {grown:+.1f} MB in memory after the first tenth,"
            f" wanted {may:g}"
        )
    if executions == distinct and taken.steepness > MOST_STEEP:
        yield (
            f"{distinct:,} distinct statements: × {taken.steepness:.2f} of the first tenth's"
            f" memory for each later one, wanted {MOST_STEEP:g}"
        )


@contextlib.contextmanager
def one_processor() -> Iterator[None]:
    """All that is started meanwhile runs on one processor, where that can be said."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(allowed)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, allowed)


def main() -> int:
    """Does what is asked for, or all; 1 where a goal is missed."""
    asked = sys.argv[1:]
    named = [name for name in asked if name in APPLICATIONS]
    if unknown := set(asked) - {"times", "memory", *named}:
        raise SystemExit(f"neither part nor application: {', '.join(sorted(unknown))}")
    missed: list[str] = []
    applications = named or list(APPLICATIONS)
    if named or not asked or "times" in asked:
        with one_processor(), database() as url:
            missed += times(url, applications)
    if not asked or "memory" in asked:
        with database() as url:
            missed += memory(url)
    for sentence in missed:
        print(f"missed: {sentence}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
