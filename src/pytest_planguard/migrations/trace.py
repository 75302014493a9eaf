"""Runs a recorded migration on an empty twin, statement by statement, and keeps what each did."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from pytest_planguard.errors import SchemaError
from pytest_planguard.migrations.effects import Effects, Start, effects
from pytest_planguard.migrations.recorded import Recording, Sent
from pytest_planguard.migrations.session import Observed, Session
from pytest_planguard.migrations.shown import shown, words_without_values
from pytest_planguard.model.migration import Refusal
from pytest_planguard.sql.bound import has_parameters
from pytest_planguard.sql.migration_text import MigrationStatement, migration_statement

if TYPE_CHECKING:
    from pytest_planguard.migrations.snapshot import Snapshot

TIME_LIMIT = 60.0
"""Seconds for a whole migration: on empty tables a statement takes milliseconds."""

_UNDEFINED_OBJECT = "42704"
_DATA_EXCEPTION = "22"
_SAVEPOINT = "planguard_rights"
_SENT_ONLY = frozenset({
    MigrationStatement.BEGIN, MigrationStatement.END, MigrationStatement.SAVEPOINT,
    MigrationStatement.SETTING,
})  # fmt: skip


class Traced(msgspec.Struct, frozen=True):
    """One statement and what it did."""

    sent: Sent
    kind: MigrationStatement
    transaction: int
    inside: bool
    effects: Effects
    lock_timeout: str
    statement_timeout: str
    position: int
    """In the recording."""
    refusal: Refusal | None = None


class Trace(msgspec.Struct, frozen=True):
    """A migration's statements with their effects."""

    start: Start
    statements: tuple[Traced, ...]
    failure: str = ""
    notes: tuple[str, ...] = ()
    end: Snapshot | None = None


def trace(recording: Recording, conninfo: str, *, time_limit: float = TIME_LIMIT) -> Trace:
    """Runs it to its end, or to the first statement the server refuses.

    Args:
        recording: The migration.
        conninfo: Of a twin at the schema before it; what is committed stays there.
        time_limit: Seconds for all of it.

    Raises:
        ServerError: The server can't be reached, or was lost.
    """
    session = Session(conninfo, time.monotonic() + time_limit)
    try:
        tracer = _Tracer(session, conninfo, time_limit)
        return tracer.run(recording)
    finally:
        session.close()


class _Tracer:
    """The state of one run."""

    def __init__(self, session: Session, conninfo: str, time_limit: float) -> None:
        self._session = session
        self._conninfo = conninfo
        self._time_limit = time_limit
        self._traced: list[Traced] = []
        self._notes: dict[str, None] = {}
        self._transaction = 0
        self._start = session.start()
        self._committed = 0
        """Statements traced whose effects stay, whatever comes."""

    def run(self, recording: Recording) -> Trace:
        """All statements."""
        self._notes = dict.fromkeys(recording.notes)
        failure = ""
        for position, sent in enumerate(recording.sent):
            refusal = self._one(position, sent)
            if refusal is not None:
                left = len(recording.sent) - position - 1
                failure = self._failure(sent, refusal, left)
                break
        if not failure and self._session.in_transaction:
            self._notes["the migration ends inside a transaction: what is in it is rolled back"] = (
                None
            )
        failure = failure or recording.failure
        return Trace(self._start, tuple(self._traced), failure, tuple(self._notes))

    def _one(self, position: int, sent: Sent) -> Refusal | None:
        """One statement; what the server says where it refuses it."""
        kind = migration_statement(sent.text)
        if kind is MigrationStatement.SERVER:
            self._note_skipped(sent)
            return None
        if _lacks_values(kind, sent.text):
            self._notes[f"{_first_line(sent.text)}: not traced, its values are not known"] = None
            return None
        if kind in _SENT_ONLY:
            return self._sent_only(kind, sent.text)
        seen = self._rights(sent.text) if kind is MigrationStatement.RIGHTS else None
        seen = seen or self._session.observe(sent.text)
        if not seen.inside:
            self._transaction += 1
        if kind is MigrationStatement.RIGHTS and _is_of_unknown_role(seen.refusal):
            self._notes[f"{_first_line(sent.text)}: left out, its role is not known here"] = None
            return None
        seen = _without_values(seen, sent.text)
        self._traced.append(self._kept(position, sent, kind, seen))
        if not seen.inside and seen.refusal is None:
            self._committed = len(self._traced)
        return seen.refusal

    def _kept(self, position: int, sent: Sent, kind: MigrationStatement, seen: Observed) -> Traced:
        return Traced(
            sent,
            kind,
            self._transaction,
            seen.inside,
            effects(self._start, seen.before, seen.after),
            seen.before.lock_timeout,
            seen.before.statement_timeout,
            position,
            seen.refusal,
        )

    def _sent_only(self, kind: MigrationStatement, text: str) -> Refusal | None:
        if kind is MigrationStatement.BEGIN:
            self._transaction += 1
        refusal = self._session.send(text)
        if kind is MigrationStatement.END and refusal is None:
            self._committed = len(self._traced)
        return refusal and _hidden(refusal, text)

    def _rights(self, text: str) -> Observed | None:
        """Within a transaction, one about an unknown role must not end it."""
        if not self._session.in_transaction:
            return None
        self._session.send(f"SAVEPOINT {_SAVEPOINT}")
        seen = self._session.observe(text)
        if seen.refusal is not None:
            self._session.send(f"ROLLBACK TO SAVEPOINT {_SAVEPOINT}")
        self._session.send(f"RELEASE SAVEPOINT {_SAVEPOINT}")
        return seen

    def _note_skipped(self, sent: Sent) -> None:
        self._notes[f"{_first_line(sent.text)}: not run, it is about the server"] = None

    def _failure(self, sent: Sent, refusal: Refusal, left: int) -> str:
        """What failed, what stays, and what never ran."""
        ended = len(self._traced) - (1 if self._traced and self._traced[-1].refusal else 0)
        undone = ended - self._committed
        parts = [f"{_statements(self._committed)} before it would stay applied"]
        if undone:
            parts.append(f"{_statements(undone)} of its transaction would be rolled back")
        if left:
            parts.append(f"{_statements(left)} after it never ran")
        where = f"{sent.place.file}:{sent.place.line}: " if sent.place.line else ""
        return f"{where}{_first_line(sent.text)}: {self._why(refusal)}; {', '.join(parts)}"

    def _why(self, refusal: Refusal) -> str:
        if not self._session.timed_out:
            return refusal.message
        return f"it did not end within {self._time_limit:g} seconds on empty tables"


def replay(sent: Sequence[Sent], conninfo: str, *, time_limit: float = TIME_LIMIT) -> None:
    """Brings a twin to where the migration is after these statements; rows are left out.

    Raises:
        SchemaError: The server refuses one without the rows, or does not end in time.
        ServerError: The server can't be reached, or was lost.
    """
    session = Session(conninfo, time.monotonic() + time_limit)
    left_out = (MigrationStatement.SERVER, MigrationStatement.DATA, MigrationStatement.RIGHTS)
    try:
        for one in sent:
            kind = migration_statement(one.text)
            if kind not in left_out and not _lacks_values(kind, one.text):
                _replayed(session, one.text, time_limit)
        if session.in_transaction:
            _replayed(session, "COMMIT", time_limit)
    finally:
        session.close()


def _replayed(session: Session, text: str, time_limit: float) -> None:
    refusal = session.send(text)
    if refusal is None:
        return
    why = f"no end within {time_limit:g} seconds" if session.timed_out else refusal.message
    raise SchemaError(
        f"the schema after {_first_line(text)} cannot be made again without the rows: {why}",
        hint="let the statement work on empty tables",
    )


def _is_of_unknown_role(refusal: Refusal | None) -> bool:
    return refusal is not None and refusal.sqlstate == _UNDEFINED_OBJECT


def _lacks_values(kind: MigrationStatement, text: str) -> bool:
    """Whether it was sent with values that nobody wrote down; a function's body has parameters."""
    return kind in (MigrationStatement.DATA, MigrationStatement.QUERY) and has_parameters(text)


def _without_values(seen: Observed, text: str) -> Observed:
    if seen.refusal is None:
        return seen
    return msgspec.structs.replace(seen, refusal=_hidden(seen.refusal, text))


def _hidden(refusal: Refusal, text: str) -> Refusal:
    """Without the values that errors about data and settings quote (SQLSTATE class 22)."""
    if refusal.sqlstate[:2] != _DATA_EXCEPTION:
        return refusal
    message = words_without_values(refusal.message, text)
    return msgspec.structs.replace(refusal, message=message)


def _statements(count: int) -> str:
    return "1 statement" if count == 1 else f"{count:,} statements"


def _first_line(text: str) -> str:
    line = " ".join(shown(text).split())
    return line if len(line) <= 100 else f"{line[:99]}…"
