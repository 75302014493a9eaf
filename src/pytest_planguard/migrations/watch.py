"""Sees the first lock of a statement that runs outside of a transaction.

Such a statement commits before anybody can ask for its locks. So another connection holds every
table in SHARE UPDATE EXCLUSIVE, the weakest mode that conflicts with itself: whatever stops an
application conflicts with it too. The statement waits at its first table, where its mode is read,
and goes on when the tables are let go.
"""

from __future__ import annotations

import contextlib
import threading
import time
from typing import TYPE_CHECKING, Any, Self

from pytest_planguard.migrations.snapshot import QUERIES, mode_named
from pytest_planguard.model.migration import LockMode

if TYPE_CHECKING:
    import psycopg

_PAUSE = 0.001
"""Seconds between two looks."""

LONGEST_HOLD = 2.0
"""Seconds after which the tables are let go although nothing waits: it takes no such lock."""


class Watcher:
    """Of one statement of a backend that is about to send it.

    Args:
        conninfo: The twin's.
        pid: The backend's.
    """

    def __init__(self, conninfo: str, pid: int) -> None:
        self._conninfo = conninfo
        self._pid = pid
        self._over = threading.Event()
        self.seen: tuple[int, LockMode] | None = None
        """The table and the mode it was first waited for; None: it waited for none."""

    def __enter__(self) -> Self:
        import psycopg

        self._holder = psycopg.connect(self._conninfo)
        self._looker = psycopg.connect(self._conninfo, autocommit=True)
        tables = [row[0] for row in self._holder.execute(QUERIES["tables"].encode())]
        if tables:
            text = f"LOCK TABLE {', '.join(tables)} IN SHARE UPDATE EXCLUSIVE MODE"
            self._holder.execute(text.encode())
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        self._holder.close()
        self._looker.close()

    def _look(self) -> None:
        import psycopg

        ends = time.monotonic() + LONGEST_HOLD
        with contextlib.suppress(psycopg.Error):
            while not self._over.is_set() and time.monotonic() < ends:
                self.seen = waiting(self._looker, self._pid)
                if self.seen is not None:
                    break
                time.sleep(_PAUSE)
        with contextlib.suppress(psycopg.Error):
            self._holder.rollback()


def waiting(connection: psycopg.Connection[Any], pid: int) -> tuple[int, LockMode] | None:
    """The table a backend waits for, and in which mode."""
    for relation, mode, kind, _ in connection.execute(QUERIES["waiting"].encode(), [pid]):
        known = mode_named(mode)
        if kind == "relation" and known is not None:
            return int(relation), known
    return None


def blockers(connection: psycopg.Connection[Any], pid: int) -> tuple[int, ...]:
    """Backends that a backend waits for."""
    rows = connection.execute(QUERIES["waiting"].encode(), [pid]).fetchall()
    return tuple(dict.fromkeys(one for row in rows for one in row[3]))
