"""Reading through psycopg 3."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from pytest_planguard.capture.connection import ConnectionParameters
from pytest_planguard.plugin.readers import SECONDS, Run
from pytest_planguard.plugin.readers._libpq import own_values


@contextmanager
def opened(parameters: ConnectionParameters) -> Iterator[Run]:
    """A session in autocommit."""
    import psycopg

    with psycopg.connect(
        "",
        autocommit=True,
        prepare_threshold=None,
        **own_values(parameters, SECONDS),  # type: ignore[arg-type]  # libpq's, by name
    ) as connection:

        def run(text: str) -> Sequence[Sequence[Any]]:
            cursor = connection.execute(text.encode())
            return cursor.fetchall() if cursor.description is not None else []

        yield run
