"""Whether a program that migrates waits for itself: seen from outside, while it runs."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING, Self

from pytest_planguard.fixturedb.queries import named_queries
from pytest_planguard.sql.refusals import text_without_values

if TYPE_CHECKING:
    from pytest_planguard.fixturedb.twin import Twin

_PAUSE = 0.25
"""Seconds between two looks."""


class Waits:
    """Looks at the twin until the end.

    Args:
        twin: Where the program runs.
    """

    def __init__(self, twin: Twin) -> None:
        self._conninfo = twin.conninfo
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self.said = ""
        """The last wait that was seen and had not ended by then, as a sentence."""

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        import psycopg

        query = named_queries(__package__, "waits.sql")["waits"].encode()
        with (
            contextlib.suppress(psycopg.Error),
            psycopg.connect(self._conninfo, autocommit=True) as connection,
        ):
            while not self._over.wait(_PAUSE):
                row = connection.execute(query).fetchone()
                self.said = sentence(*row) if row is not None else ""


def sentence(waiting: str, holding: str) -> str:
    """Who waits for whom, by their statements without values.

    Args:
        waiting: As ``pg_stat_activity`` has it.
        holding: Likewise.
    """
    return (
        f"{_shortened(waiting)} waits for a lock that another connection of the migration holds, "
        f"which last sent {_shortened(holding)}"
    )


def _shortened(text: str) -> str:
    line = text_without_values(text)
    return line if len(line) <= 80 else f"{line[:79]}…"
