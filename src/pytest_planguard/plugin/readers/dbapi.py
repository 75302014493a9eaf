"""Reading through a driver that only SQLAlchemy knows how to open."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Any

from pytest_planguard.capture.connection import ConnectionParameters
from pytest_planguard.plugin.readers import Run


@contextmanager
def opened(parameters: ConnectionParameters) -> Iterator[Run]:
    """A session that is in a transaction from its first text on, as a DB-API driver begins it."""
    with closing(parameters.more["connect"]()) as connection:

        def run(text: str) -> Sequence[Sequence[Any]]:
            with closing(connection.cursor()) as cursor:
                cursor.execute(text)
                return cursor.fetchall() if cursor.description is not None else []

        yield run
