"""What capture costs: per statement and driver, in memory, and on disk.

Each way of running an application is a process of its own (``_capture_child.py``): with nothing of
planguard in it, with planguard capturing, and for psycopg with OpenTelemetry's instrumentation
beside it (``pip install opentelemetry-instrumentation-psycopg opentelemetry-sdk``; left out where
it is missing). They ask the same server over a Unix socket for the same rows by primary key, in
short blocks in turn and in random order, one at a time; after some rounds new processes take over,
because one process may be quicker than another by the luck of its addresses. Of each round
planguard's block is compared with the bare one's; given are the medians over all rounds, so that a
machine that gets slower slows both, and the quickest twentieth of the blocks of each way, which
other programs on the machine disturb least.

Memory is what a process with planguard has more than one without that sends the same statements
through psycopg: at the end, with all that was imported, and at most, the capture file written.

    python benchmarks/capture.py [times] [memory]
"""

from __future__ import annotations

import contextlib
import importlib.util
import random
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

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
    "psycopg-each": "psycopg, a new test for each statement",
}

SIZES = ((1_000_000, 500), (100_000, 100_000))
"""Executions and distinct statements."""

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


def line(name: str, without: Sequence[float], found: Sequence[float]) -> str:
    """A row of the table."""
    more = statistics.median(b - a for a, b in zip(without, found, strict=True))
    ratio = statistics.median(b / a for a, b in zip(without, found, strict=True))
    least, most = (sorted(times)[len(times) // 20] for times in (without, found))
    return (
        f"{name:40} {statistics.median(without):6.1f} µs {more:+6.1f} µs × {ratio:.2f}"
        f"   {least:6.1f} µs {most - least:+6.1f} µs × {most / least:.2f}"
    )


def times(url: str) -> None:
    """All drivers."""
    has_opentelemetry = _is_there("opentelemetry.instrumentation.psycopg")
    print(f"{'a SELECT by primary key':40} without, and what is added; of the quickest blocks")
    for application, name in APPLICATIONS.items():
        beside = ["opentelemetry"] * (application == "psycopg" and has_opentelemetry)
        found = compare(application, url, ["bare", "planguard", *beside])
        print(line(name, found["bare"], found["planguard"]), flush=True)
        for way in beside:
            print(line("  OpenTelemetry adds", found["bare"], found[way]), flush=True)


def _is_there(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False


# Memory


def memory(url: str) -> None:
    """Both shapes of a suite."""
    for executions, distinct in SIZES:
        sizes = map(str, (executions, distinct))
        early, late = (
            subprocess.run(
                [sys.executable, str(CHILD), way, "memory", url, *sizes],
                check=True, stdout=subprocess.PIPE, text=True,
            ).stdout.split()
            for way in ("bare", "planguard")
        )  # fmt: skip
        print(report(executions, distinct, *([int(word) for word in out] for out in (early, late))))


def report(executions: int, distinct: int, bare: list[int], planguard: list[int]) -> str:
    """What one shape takes, in MB."""
    tenth, whole = ((ours - theirs) / 1e6 for ours, theirs in zip(planguard, bare, strict=False))
    file, most = planguard[2] / 1e6, (planguard[3] - bare[1]) / 1e6
    return (
        f"{executions:9,} executions of {distinct:7,} statements: {whole:+6.1f} MB in memory"
        f" ({tenth:+.1f} after a tenth, {most:+.1f} while the file is written),"
        f" {file:.1f} MB on disk"
    )


def main() -> None:
    """Does what is asked for, or all."""
    asked = sys.argv[1:]
    with database() as url:
        for name, part in (("times", times), ("memory", memory)):
            if not asked or name in asked:
                part(url)


if __name__ == "__main__":
    main()
