"""Reading through psycopg 2."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Any

from pytest_planguard.capture.connection import ConnectionParameters
from pytest_planguard.plugin.readers import SECONDS, Run
from pytest_planguard.plugin.readers._libpq import own_values


@contextmanager
def opened(parameters: ConnectionParameters) -> Iterator[Run]:
    """A session in autocommit, whose values are what they are where nobody registered types."""
    import psycopg2
    from psycopg2 import extensions

    with closing(psycopg2.connect("", **own_values(parameters, SECONDS))) as connection:
        connection.autocommit = True
        for kind in (extensions.INTEGER, extensions.LONGINTEGER, extensions.UNICODE):
            extensions.register_type(kind, connection)

        def run(text: str) -> Sequence[Sequence[Any]]:
            with connection.cursor(cursor_factory=extensions.cursor) as cursor:
                cursor.execute(text)
                return cursor.fetchall() if cursor.description is not None else []

        yield run
