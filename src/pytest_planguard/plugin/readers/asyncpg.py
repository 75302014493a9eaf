"""Reading through asyncpg: in a loop and a thread of our own, whatever loop waits for us here."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from contextvars import copy_context
from typing import Any

from pytest_planguard.capture.connection import APPLICATION_NAME, ConnectionParameters
from pytest_planguard.capture.texts import first_word
from pytest_planguard.plugin.readers import SECONDS, Run

_NAMES = {"host": "host", "port": "port", "user": "user", "password": "password",
          "dbname": "database"}  # fmt: skip


@contextmanager
def opened(parameters: ConnectionParameters) -> Iterator[Run]:
    """A session that prepares nothing for later."""
    import asyncpg

    values = {_NAMES[name]: value for name, value in parameters.values.items() if name in _NAMES}
    with ThreadPoolExecutor(1) as thread, closing(asyncio.SelectorEventLoop()) as loop:

        def wait(work: Coroutine[Any, Any, Any]) -> Any:
            # Whose doing it is, the recorder reads off the context.
            return thread.submit(copy_context().run, loop.run_until_complete, work).result()

        connection = wait(
            asyncpg.connect(
                **values,
                **parameters.more,
                timeout=SECONDS,
                statement_cache_size=0,
                server_settings={"application_name": APPLICATION_NAME},
            )
        )

        def run(text: str) -> Sequence[Sequence[Any]]:
            if first_word(text.encode()) == b"set":
                wait(connection.execute(text))  # several at once, without rows
                return []
            rows: Sequence[Sequence[Any]] = wait(connection.fetch(text))
            return rows

        try:
            yield run
        finally:
            wait(connection.close(timeout=SECONDS))
