"""Every driver behind one asynchronous face, so that one application can be written for all.

An application imports ``driver`` and awaits ``connect(url)``; queries have ``$1``. The face is
installed as a library is: the line that asks is the application's.
"""

from __future__ import annotations

from collections.abc import Callable
from textwrap import dedent, indent

import pytest

from pytest_planguard.model.capture import Capture

_PSYCOPG = """
import re
import psycopg
from psycopg.errors import UndefinedColumn, QueryCanceled, DuplicateTable
NAME = "psycopg"

def percent(query):
    if isinstance(query, bytes):
        return query
    return re.sub(r"\\$(\\d+)", "%s", query.replace("%", "%%"))
"""

_SOURCES = {
    "psycopg": f"""
{_PSYCOPG}
class Connection:
    def __init__(self, raw):
        self.raw = raw
    async def ask(self, query, *values):
        cursor = self.raw.execute(percent(query) if values else query, values or None)
        return cursor.fetchall() if cursor.description else []
    async def many(self, query, rows):
        self.raw.cursor().executemany(percent(query), rows)
    async def stream(self, query, *values):
        return list(self.raw.cursor().stream(percent(query), values))
    async def close(self):
        self.raw.close()

async def connect(url, **options):
    return Connection(psycopg.connect(url, autocommit=True, **options))
""",
    "psycopg-async": f"""
{_PSYCOPG}
class Connection:
    def __init__(self, raw):
        self.raw = raw
    async def ask(self, query, *values):
        cursor = await self.raw.execute(percent(query) if values else query, values or None)
        return await cursor.fetchall() if cursor.description else []
    async def many(self, query, rows):
        await self.raw.cursor().executemany(percent(query), rows)
    async def stream(self, query, *values):
        return [row async for row in self.raw.cursor().stream(percent(query), values)]
    async def close(self):
        await self.raw.close()

async def connect(url, **options):
    return Connection(await psycopg.AsyncConnection.connect(url, autocommit=True, **options))
""",
    "psycopg2": """
import re
import psycopg2
from psycopg2.errors import UndefinedColumn, QueryCanceled, DuplicateTable
NAME = "psycopg2"

def percent(query):
    if isinstance(query, bytes):
        return query
    return re.sub(r"\\$(\\d+)", "%s", query.replace("%", "%%"))

class Connection:
    def __init__(self, raw):
        self.raw = raw
        raw.autocommit = True
    async def ask(self, query, *values):
        cursor = self.raw.cursor()
        cursor.execute(percent(query) if values else query, values or None)
        return cursor.fetchall() if cursor.description else []
    async def many(self, query, rows):
        self.raw.cursor().executemany(percent(query), rows)
    async def stream(self, query, *values):
        self.raw.autocommit = False
        with self.raw, self.raw.cursor("stream") as cursor:
            cursor.execute(percent(query), values)
            found = list(cursor)
        self.raw.autocommit = True
        return found
    async def close(self):
        self.raw.close()

async def connect(url, **options):
    return Connection(psycopg2.connect(url, **options))
""",
    "asyncpg": """
import asyncpg
from asyncpg.exceptions import (
    DuplicateTableError as DuplicateTable,
    QueryCanceledError as QueryCanceled,
    UndefinedColumnError as UndefinedColumn,
)
NAME = "asyncpg"

class Connection:
    def __init__(self, raw):
        self.raw = raw
    async def ask(self, query, *values):
        return [tuple(row) for row in await self.raw.fetch(query, *values)]
    async def many(self, query, rows):
        await self.raw.executemany(query, rows)
    async def stream(self, query, *values):
        async with self.raw.transaction():
            return [tuple(row) async for row in self.raw.cursor(query, *values)]
    async def close(self):
        await self.raw.close()

async def connect(url, application_name=None):
    settings = {"application_name": application_name} if application_name else None
    return Connection(await asyncpg.connect(url, server_settings=settings))
""",
}
DRIVERS = tuple(_SOURCES)

WAYS = """
from collections import Counter

def ways(recorder):
    counts = Counter()
    def count(name):
        method = getattr(recorder, name)
        def counted(*given, **more):
            found = method(*given, **more)
            counts[name] += found is not None and found is not False
            return found
        setattr(recorder, name, counted)
    for name in ("record", "record_again", "record_row", "count_known"):
        count(name)
    later = recorder.count_later
    def count_later(line, text, types, rows, formats=None):
        counts["count_later"] += len(rows)
        return later(line, text, types, rows, formats)
    recorder.count_later = count_later
    return counts

def read(recorder):
    "What was put aside is counted."
    for reader in recorder.readers:
        reader()
"""
"""How often each of a recorder's ways to count has counted; installed like a library, too."""


WITHOUT_A_HASH = """
class Compared(type):
    def __eq__(kind, other):
        return kind is other
"""
"""The type of classes that are in no set: Python takes the hash of what is compared away."""


class Driven:
    """One driver, and how to run an application on it."""

    def __init__(self, name: str, capture_of: Callable[..., Capture]) -> None:
        self.name = name
        self.module = name.removesuffix("-async")
        self._capture_of = capture_of

    def run(self, body: str, *, before: str = "") -> Capture:
        """What is captured of ``async def run(url, connection)`` with the given body.

        Args:
            body: It finds ``driver``, ``connect``, ``recorder`` and ``listening``.
            before: Other functions of the application.
        """
        app = "\n".join(
            [
                "import asyncio, driver",
                "from driver import connect",
                "from __main__ import listening, recorder",
                dedent(before).strip(),
                "async def run(url, connection):",
                indent(dedent(body).strip(), "    "),
                "async def opened(url):",
                "    connection = await connect(url)",
                "    await run(url, connection)",
                "    await connection.close()",
                "def main(url):",
                "    asyncio.run(opened(url))",
            ]
        )
        return self._capture_of(app, library={"driver": _SOURCES[self.name], "ways": WAYS})


@pytest.fixture(params=DRIVERS)
def driven(request: pytest.FixtureRequest, capture_of: Callable[..., Capture]) -> Driven:
    """Each driver in turn."""
    pytest.importorskip(request.param.removesuffix("-async"))
    return Driven(request.param, capture_of)
