"""The one connection a migration is traced on: sends a statement, asks before and after it."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import msgspec

from pytest_planguard.errors import ServerError
from pytest_planguard.migrations.effects import Start
from pytest_planguard.migrations.snapshot import INSIDE, OUTSIDE, QUERIES, Snapshot, read
from pytest_planguard.migrations.watch import Watcher
from pytest_planguard.model.migration import LockMode, Refusal

if TYPE_CHECKING:
    import psycopg

NO_TRANSACTION = frozenset({"25001", "2D000"})
"""``active_sql_transaction``, and ``invalid_transaction_termination`` of a block that commits."""

_ALONE = "SET max_parallel_maintenance_workers = 0; SET max_parallel_workers_per_gather = 0"
"""What another process scans is in no counter of ours."""


_AGAIN = 0.05
"""Seconds until what runs behind the deadline is cancelled again."""


class Observed(msgspec.Struct, frozen=True):
    """What the server said around one statement."""

    before: Snapshot
    after: Snapshot
    inside: bool
    """In a transaction the migration opened."""
    refusal: Refusal | None = None


class Session:
    """A connection to the twin.

    Args:
        conninfo: The twin's, as superuser.
        deadline: ``time.monotonic()`` at which whatever runs is cancelled.
    """

    def __init__(self, conninfo: str, deadline: float) -> None:
        import psycopg

        self._conninfo = conninfo
        self._deadline = deadline
        try:
            self._connection = psycopg.connect(
                conninfo, autocommit=True, prepare_threshold=None, application_name="migration"
            )
        except psycopg.OperationalError as error:
            raise ServerError(
                f"no connection to the twin: {str(error).strip()}", hint="start the run again"
            ) from error
        self._connection.add_notice_handler(lambda _: None)
        self._connection.execute(_ALONE)
        self._watched: psycopg.Connection[Any] | None = None
        self._last: Snapshot | None = None
        """After the statement before, in the transaction that is open."""
        self._base: Snapshot | None = None
        """After the transaction before, with its counters reported: the next one begins there."""
        self._newest: Snapshot | None = None
        """What was last seen at all."""
        self.timed_out = False
        self._closed = threading.Event()
        self._guard = threading.Thread(target=self._cancel_at_the_deadline, daemon=True)
        self._guard.start()

    def close(self) -> None:
        """Ends it; an open transaction is rolled back."""
        self._closed.set()
        self._guard.join()
        self._connection.close()

    @property
    def in_transaction(self) -> bool:
        """Whether the migration has opened one that is not over, failed or not."""
        from psycopg.pq import TransactionStatus

        return self._connection.info.transaction_status != TransactionStatus.IDLE

    def start(self) -> Start:
        """The twin as it is before the migration.

        Raises:
            ServerError: It does not say.
        """
        import psycopg

        try:
            names = {
                (table, number): name
                for table, number, name in self._connection.execute(QUERIES["columns"].encode())
            }
            return Start(self._asked(INSIDE), names)
        except psycopg.Error as error:
            said = self._refusal(error).message
            raise ServerError(
                f"the twin cannot be looked at: {said}", hint="start the run again"
            ) from error

    def send(self, text: str) -> Refusal | None:
        """Sends a statement that is only sent: BEGIN, COMMIT, SET."""
        self._last = self._base = None
        return self._refused(text)

    def observe(self, text: str) -> Observed:
        """Sends a statement, and tells what the server said around it.

        One that is by itself gets a transaction, unless it refuses one. What the server refuses of
        our own questions (the deadline cancels whatever runs) counts as its refusal.
        """
        import psycopg

        inside = self.in_transaction
        try:
            return self._within(text, inside=True) if inside else self._by_itself(text)
        except psycopg.Error as error:
            refusal = self._refusal(error)
            if not inside:
                with suppress(psycopg.Error):
                    self._connection.execute("ROLLBACK")
            seen = self._newest
            assert seen is not None  # the start, at least
            self._last = self._base = None
            return Observed(seen, seen, inside, refusal)

    def _by_itself(self, text: str) -> Observed:
        self._connection.execute("BEGIN")
        self._last, self._base = self._base, None
        seen = self._within(text, inside=False)
        if seen.refusal is None:
            ended = self._committed()  # deferred constraints
            return seen if ended is None else msgspec.structs.replace(seen, refusal=ended)
        self._connection.execute("ROLLBACK")
        if seen.refusal.sqlstate in NO_TRANSACTION:
            return self._alone(text)
        return seen

    def _within(self, text: str, *, inside: bool) -> Observed:
        before = self._last or self._asked(INSIDE)
        refusal = self._refused(text)
        if refusal is not None:
            self._last = None
            return Observed(before, before, inside, refusal)
        after = self._last = self._asked(INSIDE)
        return Observed(before, after, inside)

    def _committed(self) -> Refusal | None:
        """Ends the transaction and reports its counters, so that the next one's begin at nothing.

        Within a transaction the server shows counters since they were last reported (pgstat.c,
        pgstat_report_stat), which it does when it likes; from PostgreSQL 15 on it can be told to.
        """
        last, self._last = self._last, None
        if self._connection.info.server_version < 150000:
            return self._refused("COMMIT")
        refusal = self._refused("COMMIT; SELECT pg_catalog.pg_stat_force_next_flush()", one=False)
        self._base = at_rest(last) if last is not None and refusal is None else None
        return refusal

    def _alone(self, text: str) -> Observed:
        """Outside of a transaction: counters are those reported, the lock is the watcher's."""
        before = self._reported()
        with Watcher(self._conninfo, self._connection.info.backend_pid) as watcher:
            refusal = self._refused(text)
        after = self._reported()
        if watcher.seen is not None:
            after = with_lock(before, after, *watcher.seen)
        return Observed(before, after, inside=False, refusal=refusal)

    def _reported(self) -> Snapshot:
        """With all counters of this backend reported (PostgreSQL 15 and newer)."""
        if self._connection.info.server_version >= 150000:
            self._connection.execute("SELECT pg_catalog.pg_stat_force_next_flush()")
        self._connection.execute("SELECT pg_catalog.pg_stat_clear_snapshot()")
        return self._asked(OUTSIDE)

    def _asked(self, query: str) -> Snapshot:
        row = self._connection.execute(query.encode()).fetchone()
        assert row is not None
        self._newest = read(row[0])
        return self._newest

    def _refused(self, text: str, *, one: bool = True) -> Refusal | None:
        """Sends a text; what the server says where it refuses it.

        Args:
            text: One statement, unless ``one`` says otherwise.
            one: By the extended protocol, which takes no more than one.
        """
        import psycopg

        try:
            self._connection.execute(text.encode(), binary=one)
        except psycopg.Error as error:
            return self._refusal(error)
        return None

    def _refusal(self, error: psycopg.Error) -> Refusal:
        """The server's words.

        Raises:
            ServerError: It was lost.
        """
        if self._connection.closed and not self.timed_out:
            raise ServerError(
                f"the server was lost: {str(error).strip()}", hint="start the run again"
            ) from error
        return Refusal(error.diag.message_primary or str(error).strip(), error.sqlstate or "")

    def _cancel_at_the_deadline(self) -> None:
        """Cancels what runs then, a block that loops for ever too, and whatever is sent later."""
        import psycopg

        left = self._deadline - time.monotonic()
        while not self._closed.wait(max(0.0, left)):
            left = _AGAIN
            self.timed_out = True
            with suppress(psycopg.Error):  # it may have ended meanwhile
                self._connection.cancel()


def at_rest(after: Snapshot) -> Snapshot:
    """A moment after the transaction it was seen in: no lock is held, all counters are reported."""
    relations = {
        oid: msgspec.structs.replace(one, scans=0, written=0)
        for oid, one in after.relations.items()
    }
    return msgspec.structs.replace(after, relations=relations, locks={})


def with_lock(before: Snapshot, after: Snapshot, oid: int, mode: LockMode) -> Snapshot:
    """The later moment with the lock the watcher saw, on every table the statement worked on.

    A statement that goes through several tables takes the same lock on each.
    """
    touched = {oid}
    for new in after.relations.values():
        old = before.relations.get(new.oid)
        if old is not None and (old.file != new.file or old.scans != new.scans):
            touched.add(new.table if new.is_index else new.oid)
    locks = {one: frozenset({mode}) for one in touched if one in before.relations}
    return msgspec.structs.replace(after, locks=locks)
