"""What capture costs: per statement and driver, in memory, and on disk.

Times are taken on a PostgreSQL over a Unix socket, in one process, in short blocks in turn and in
random order: without planguard, with it, and for psycopg with OpenTelemetry's instrumentation
beside it (``pip install opentelemetry-instrumentation-psycopg opentelemetry-sdk``; left out where
it is missing). A block executes a SELECT by primary key and fetches its row, again and again on
one line; the query was seen before. Given are the medians over all blocks and the quickest block,
which other programs on the machine disturb least.

Memory is the growth of a process's resident set beyond what the same loop takes that records
nothing, without a server: the recorder is told what a driver would tell it.

    python benchmarks/capture.py [times] [memory]
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from pytest_planguard.capture import file
from pytest_planguard.capture.connection import ConnectionParameters
from pytest_planguard.capture.files import Files
from pytest_planguard.capture.listening import listen
from pytest_planguard.capture.origin import OriginFinder
from pytest_planguard.capture.recorder import Recorder
from pytest_planguard.fixturedb.providers import open_server
from pytest_planguard.model.spec import DatabaseSpec
from pytest_planguard.model.statement import Phase

ROUNDS = 200
STATEMENTS = 50
WARM_UP = 1_000
ROWS = 1_000
DATABASE = "planguard_bench_capture"

Block = Callable[[], float]
"""Runs ``STATEMENTS`` statements; the seconds they took."""


def new_recorder() -> Recorder:
    """A recorder in the middle of a test; this folder is the application."""
    recorder = Recorder(OriginFinder(Files(Path(__file__).parent)))
    recorder.enter("tests/test_app.py::test_app", Phase.CALL)
    return recorder


# Times


@contextlib.contextmanager
def database() -> Iterator[str]:
    """A URL of a database with one small table."""
    import psycopg

    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        spec = DatabaseSpec(cache=Path(folder))
        with open_server(spec) as server:
            url = server.url(DATABASE)
            with server.connect() as connection:
                connection.execute(f"CREATE DATABASE {DATABASE}")
                with psycopg.connect(url) as own:
                    own.execute("CREATE TABLE item (id int PRIMARY KEY, name text)")
                    own.execute(
                        "INSERT INTO item SELECT n, 'n' || n FROM generate_series(0, %s) AS n",
                        [ROWS],
                    )
                try:
                    yield url
                finally:
                    connection.execute(f"DROP DATABASE {DATABASE} WITH (FORCE)")


def dbapi_block(connection: Any) -> Block:
    """Of psycopg and psycopg 2."""
    cursor = connection.cursor()

    def find(number: int) -> Any:
        cursor.execute("SELECT id, name FROM item WHERE id = %s", (number,))
        return cursor.fetchone()

    return timed(find)


def timed(find: Callable[[int], Any]) -> Block:
    """Times a function that finds one row."""

    def block() -> float:
        start = time.perf_counter()
        for number in range(STATEMENTS):
            find(number)
        return time.perf_counter() - start

    return block


def asyncpg_block(url: str) -> Block:
    """Of asyncpg, in a loop of its own."""
    import asyncpg

    loop = asyncio.new_event_loop()
    connection = loop.run_until_complete(asyncpg.connect(url))

    async def work() -> float:
        start = time.perf_counter()
        for number in range(STATEMENTS):
            await connection.fetchrow("SELECT id, name FROM item WHERE id = $1", number)
        return time.perf_counter() - start

    return lambda: loop.run_until_complete(work())


def orm_block(url: str) -> Block:
    """Of SQLAlchemy's ORM over psycopg: a session for each row, as a request has."""
    from sqlalchemy import Column, Integer, Text, create_engine
    from sqlalchemy.orm import Session, declarative_base

    class Item(declarative_base()):  # type: ignore[misc]
        __tablename__ = "item"
        id = Column(Integer, primary_key=True)
        name = Column(Text)

    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"))

    def find(number: int) -> Any:
        with Session(engine) as session:
            return session.get(Item, number)

    return timed(find)


def opentelemetry_block(url: str) -> Block | None:
    """OpenTelemetry's instrumentation of psycopg, which exports nothing; None without it."""
    import psycopg

    try:
        from opentelemetry.instrumentation.psycopg import PsycopgInstrumentor
        from opentelemetry.sdk.trace import TracerProvider
    except ImportError:
        return None
    instrumentor = PsycopgInstrumentor()
    instrumentor.instrument(tracer_provider=TracerProvider(), skip_dep_check=True)
    connection = psycopg.connect(url, autocommit=True)
    instrumentor.uninstrument()
    return dbapi_block(connection)


def compare(name: str, make: Callable[[], Block], beside: Block | None = None) -> None:
    """Prints what planguard adds; ``make`` opens a connection, with planguard already there."""
    recorder = new_recorder()
    listening = listen(recorder)
    heard, block = recorder.listening, make()
    ways: dict[str, Callable[[], float]] = {"without": block, "with": block}
    if beside is not None:
        ways["beside"] = beside
    for _ in range(WARM_UP // STATEMENTS):
        block()
    times: dict[str, list[float]] = {way: [] for way in ways}
    for _ in range(ROUNDS):
        for way in random.sample(list(ways), len(ways)):
            recorder.listening = heard and way == "with"
            times[way].append(ways[way]() / STATEMENTS * 1e6)
    listening.stop()
    assert recorder.failure is None, recorder.failure
    assert recorder.take().statements
    for way, found in times.items():
        if way != "without":
            print(_line(name if way == "with" else "  OpenTelemetry", times["without"], found))


def _line(name: str, without: list[float], found: list[float]) -> str:
    facts = []
    for kind, part in (("median", 0.5), ("quickest", 0.05)):
        bare, heard = (sorted(times)[int(len(times) * part)] for times in (without, found))
        facts.append(f"{kind} {bare:6.1f} {heard - bare:+6.1f} µs × {heard / bare:.2f}")
    return f"{name:16} {'   '.join(facts)}"


def times() -> None:
    """All drivers."""
    import psycopg
    import psycopg2

    def autocommit(url: str) -> Any:
        connection = psycopg2.connect(url)
        connection.autocommit = True
        return connection

    with database() as url:
        compare(
            "psycopg",
            lambda: dbapi_block(psycopg.connect(url, autocommit=True)),
            opentelemetry_block(url),
        )
        compare("psycopg2", lambda: dbapi_block(autocommit(url)))
        compare("asyncpg", lambda: asyncpg_block(url))
        compare("SQLAlchemy ORM", lambda: orm_block(url))


# Memory


def resident() -> int:
    """Bytes of this process in memory (Linux)."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def work(executions: int, distinct: int, *, recorded: bool) -> tuple[int, int]:
    """The growth of memory, and the bytes of the capture file."""
    recorder = new_recorder()
    session = recorder.session("psycopg", ConnectionParameters({"dbname": "app"}))
    texts = [
        f"SELECT id, name, price, created_at FROM table_{n % 140} WHERE id = $1 AND name = $2 "
        f"AND kind = {n} ORDER BY created_at DESC LIMIT 20".encode()
        for n in range(distinct)
    ]
    chance = random.Random(1)
    before = resident()
    for number in range(executions):
        values = [b"%d" % chance.randrange(10**9), b"name %d" % chance.randrange(10**9)]
        if number % 10_000 == 0:
            recorder.enter(f"tests/test_app.py::test_{number}", Phase.CALL)
        if recorded:
            recorder.record(texts[number % distinct], (23, 25), values, [0, 0], session)
    grown = resident() - before
    size = len(file.encode(recorder.take())) if recorded else 0
    return grown, size


def memory() -> None:
    """Both shapes of a suite, each in processes of its own."""
    for executions, distinct in ((1_000_000, 500), (100_000, 100_000)):
        grown, size = (
            [int(word) for word in _child(executions, distinct, recorded).split()]
            for recorded in (0, 1)
        )
        print(
            f"{executions:9,} executions of {distinct:7,} statements: "
            f"{(size[0] - grown[0]) / 1e6:6.1f} MB in memory, {size[1] / 1e6:5.1f} MB on disk"
        )


def _child(*arguments: int) -> str:
    command = [sys.executable, __file__, "work", *map(str, arguments)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def main() -> None:
    """Runs what is asked for, or all."""
    match sys.argv[1:]:
        case ["work", executions, distinct, recorded]:
            print(*work(int(executions), int(distinct), recorded=recorded == "1"))
        case asked:
            for name, part in (("times", times), ("memory", memory)):
                if not asked or name in asked:
                    part()


if __name__ == "__main__":
    main()
