"""Reading from a database the tests use: through the driver they use, in sessions of our own.

The application's process gets no module that it did not import itself, and needs no psycopg.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import Any, TypeAlias

from pytest_planguard.capture.connection import ConnectionParameters

Run: TypeAlias = Callable[[str], Sequence[Sequence[Any]]]
"""Executes one SQL text and gives its rows; none for a command."""

SECONDS = 5
"""A connection may take."""

LIMITS = "SET lock_timeout = '500ms'; SET statement_timeout = '5s'"
"""A test may hold any lock: its teardown must not wait for it."""

_DRIVERS = frozenset(("asyncpg", "psycopg", "psycopg2"))


@contextmanager
def reading(parameters: ConnectionParameters) -> Iterator[Run]:
    """One read-only transaction like the application's, that waits for nothing.

    It is rolled back, and its settings with it: behind a pooler the server's session is the
    application's next.

    Raises:
        Exception: Of the driver: the database is gone or refuses.
    """
    name = parameters.driver if parameters.driver in _DRIVERS else "dbapi"
    reader = import_module(f"{__name__}.{name}")
    with reader.opened(parameters) as run:
        run("BEGIN READ ONLY")
        run(LIMITS)
        yield run
        run("ROLLBACK")
