"""One side of a comparison in ``capture.py``: a process with planguard, or with nothing of it.

    python _capture_child.py WAY APPLICATION URL        a block of statements for each line of input
    python _capture_child.py WAY memory URL EXECUTIONS DISTINCT

``WAY`` is ``bare`` (nothing is imported beside the driver), ``opentelemetry`` or ``planguard``.
This folder is the application whose lines ask.
"""

from __future__ import annotations

import asyncio
import functools
import gc
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

STATEMENTS = 25
WARM_UP = 5
"""Of a block: another process ran meanwhile, and took the caches."""
ROWS = 100_000
PIPELINED = 100
"""Statements sent before their answers are waited for, where memory is measured."""
PREPARED = 1_000
"""Statements that stay prepared there; psycopg's 100 would be prepared anew all the time."""

Enter = Callable[[], None]
"""Begins a new test, where somebody wants to know."""
Find = Callable[[int], Any]


# The three ways


def bare() -> Enter:
    """Nothing but the driver."""
    return lambda: None


def opentelemetry() -> Enter:
    """OpenTelemetry's instrumentation of psycopg, whose spans nobody exports."""
    from opentelemetry.instrumentation.psycopg import PsycopgInstrumentor
    from opentelemetry.sdk.trace import TracerProvider

    PsycopgInstrumentor().instrument(tracer_provider=TracerProvider(), skip_dep_check=True)
    return lambda: None


class Planguard:
    """Capture as a run of pytest has it, in the middle of a test."""

    def __init__(self) -> None:
        from pytest_planguard.capture.files import Files
        from pytest_planguard.capture.listening import listen
        from pytest_planguard.capture.origin import OriginFinder
        from pytest_planguard.capture.recorder import Recorder

        self.recorder = Recorder(OriginFinder(Files(Path(__file__).parent)))
        self._tests = 0
        self.enter()
        listen(self.recorder)

    def enter(self) -> None:
        """A new test."""
        from pytest_planguard.model.statement import Phase

        self._tests += 1
        self.recorder.enter(f"tests/test_app.py::test_{self._tests}", Phase.CALL)

    def written(self) -> tuple[int, int]:
        """The executions counted, and the bytes of the capture file; as a run writes it."""
        from pytest_planguard.capture import file
        from pytest_planguard.capture.merge import alone

        taken = alone(self.recorder.take_apart())
        assert taken.rest.notes == (), taken.rest.notes
        executions = []
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "capture.json.gz"
            file.write(taken.rest, path, _counted(taken.statements(), executions))
            return sum(executions), path.stat().st_size


def _counted(statements: Iterable[Any], executions: list[int]) -> Iterator[Any]:
    """Notes how often each was sent, on its way into the file."""
    for statement in statements:
        executions.append(statement.executions)
        yield statement


# The applications


def psycopg_find(url: str) -> Find:
    """A cursor, asked again and again."""
    import psycopg

    cursor = psycopg.connect(url, autocommit=True).cursor()

    def find(number: int) -> Any:
        cursor.execute("SELECT id, name FROM item WHERE id = %s", (number,))
        return cursor.fetchone()

    return find


def psycopg2_find(url: str) -> Find:
    """Likewise."""
    import psycopg2

    connection = psycopg2.connect(url)
    connection.autocommit = True
    cursor = connection.cursor()

    def find(number: int) -> Any:
        cursor.execute("SELECT id, name FROM item WHERE id = %s", (number,))
        return cursor.fetchone()

    return find


def orm_find(url: str) -> Find:
    """SQLAlchemy's ORM over psycopg: a session for each row, as a request has."""
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

    return find


def timed(find: Find, enter: Enter | None, numbers: list[int]) -> float:
    """The seconds of the statements that find these rows; a test each where ``enter`` is given."""
    start = time.perf_counter()
    for number in numbers:
        if enter is not None:
            enter()
        find(number)
    return time.perf_counter() - start


def async_orm_block(driver: str, url: str) -> Callable[[list[int]], float]:
    """SQLAlchemy's ORM over an async driver, in a loop of its own; a session for each row."""
    from sqlalchemy import Column, Integer, Text
    from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
    from sqlalchemy.orm import declarative_base

    class Item(declarative_base()):  # type: ignore[misc]
        __tablename__ = "item"
        id = Column(Integer, primary_key=True)
        name = Column(Text)

    engine = create_async_engine(url.replace("postgresql:", f"postgresql+{driver}:"))

    async def work(numbers: list[int]) -> float:
        start = time.perf_counter()
        for number in numbers:
            async with AsyncSession(engine) as session:
                await session.get(Item, number)
        return time.perf_counter() - start

    loop = asyncio.new_event_loop()
    return lambda numbers: loop.run_until_complete(work(numbers))


def asyncpg_block(url: str) -> Callable[[list[int]], float]:
    """asyncpg, in a loop of its own."""
    import asyncpg

    loop = asyncio.new_event_loop()
    connection = loop.run_until_complete(asyncpg.connect(url))

    async def work(numbers: list[int]) -> float:
        start = time.perf_counter()
        for number in numbers:
            await connection.fetchrow("SELECT id, name FROM item WHERE id = $1", number)
        return time.perf_counter() - start

    return lambda numbers: loop.run_until_complete(work(numbers))


FINDERS = {"psycopg": psycopg_find, "psycopg2": psycopg2_find, "orm": orm_find}
BLOCKS = {
    "asyncpg": asyncpg_block,
    "async_orm": functools.partial(async_orm_block, "psycopg"),
    "async_orm_asyncpg": functools.partial(async_orm_block, "asyncpg"),
}


def block_of(application: str, url: str, enter: Enter) -> Callable[[list[int]], float]:
    """Runs statements for some rows; the seconds they took."""
    if application in BLOCKS:
        return BLOCKS[application](url)
    name, _, each = application.partition("-")
    find = FINDERS[name](url)
    return lambda numbers: timed(find, enter if each else None, numbers)


def times(application: str, url: str, enter: Enter) -> None:
    """Answers each line of input with the microseconds of a statement, until there is none."""
    block = block_of(application, url, enter)
    chance = random.Random(1)

    def numbers(count: int) -> list[int]:
        return [chance.randrange(ROWS) for _ in range(count)]

    block(numbers(1_000))
    print("ready", flush=True)
    for _ in sys.stdin:
        block(numbers(WARM_UP))
        print(block(numbers(STATEMENTS)) / STATEMENTS * 1e6, flush=True)


# Memory


def resident(fact: str = "VmRSS") -> int:
    """Bytes of this process in memory (Linux): now, or ``VmHWM``, the most there were."""
    gc.collect()
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(fact):
            return int(line.split()[1]) * 1024
    raise LookupError(fact)


def memory(url: str, executions: int, distinct: int, way: Any) -> None:
    """Prints the bytes before, after a tenth and after all, then of the capture file and the most.

    Statements go in pipelines and are prepared, so that a million takes a minute; each is
    heard by itself all the same.
    """
    import psycopg

    enter = way.enter if isinstance(way, Planguard) else way
    chance = random.Random(1)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.prepared_max = PREPARED
        cursor = connection.cursor()
        for start in range(0, executions, PIPELINED):
            if start % 10_000 == 0:
                enter()
            if start in {0, executions // 10}:
                print(resident())
            with connection.pipeline():
                for number in range(start, start + PIPELINED):
                    cursor.execute(
                        "SELECT id, name, price, created_at FROM item WHERE id = %s AND name = %s "
                        f"AND kind = {number % distinct} ORDER BY created_at DESC LIMIT 20",
                        (chance.randrange(ROWS), f"name {chance.randrange(10**9)}"),
                    )
    print(resident())
    if isinstance(way, Planguard):
        counted, size = way.written()
        assert counted == executions, counted
        print(size)
        print(resident("VmHWM"))


def main() -> None:
    """Does what it is told."""
    way, application, url, *sizes = sys.argv[1:]
    made: Any = {"bare": bare, "opentelemetry": opentelemetry, "planguard": Planguard}[way]()
    loaded = any(name.startswith("pytest_planguard") for name in sys.modules)
    assert loaded == (way == "planguard"), way
    if application == "memory":
        executions, distinct = map(int, sizes)
        memory(url, executions, distinct, made)
        return
    times(application, url, made.enter if isinstance(made, Planguard) else made)
    if isinstance(made, Planguard):
        counted, _ = made.written()
        assert counted, "nothing was captured"


if __name__ == "__main__":
    main()
