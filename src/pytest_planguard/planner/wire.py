"""Sends statements through libpq's pipeline: one statement a message, many messages a flight.

The extended protocol is a wall: a text that holds two statements is refused by the server, never
half run. The other wall is a read-only transaction around each query that is rolled back.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Self

import msgspec

from pytest_planguard.errors import ServerError
from pytest_planguard.sql.refusals import without_values

if TYPE_CHECKING:
    from psycopg.pq.abc import PGconn, PGresult

STATEMENT_TIMEOUT_MS = 10_000
"""Planning a query of 50 joins takes about a second; a stable function may never return."""


class Prepare(msgspec.Struct, frozen=True):
    """A Parse message: a named statement with the OIDs of its parameter types (0: inferred)."""

    name: str
    text: str
    oids: tuple[int, ...]


class Run(msgspec.Struct, frozen=True):
    """A statement without parameters; its rows are the answer."""

    text: str


class Refused(msgspec.Struct, frozen=True):
    """The server's error, where a step failed."""

    message: str
    sqlstate: str


Step = Prepare | Run
Rows = list[tuple[str | None, ...]]
Answer = Rows | Refused | None
"""None: not run, since an earlier step of the same unit failed."""


class Wire:
    """A connection of ours, in pipeline mode.

    Args:
        conninfo: A libpq connection string.
        settings: Session settings to start with.

    Raises:
        ServerError: The server can't be reached, now or later.
    """

    def __init__(self, conninfo: str, settings: dict[str, str] | None = None) -> None:
        from psycopg import pq

        self._pq = pq
        self._pgconn: PGconn = pq.PGconn.connect(conninfo.encode())
        if self._pgconn.status != pq.ConnStatus.OK:
            raise ServerError(f"the fixture database can't be reached: {self._error()}")
        for name, value in {
            "statement_timeout": str(STATEMENT_TIMEOUT_MS),
            "application_name": "pytest-planguard",
            **(settings or {}),
        }.items():
            self.execute(f"SELECT set_config({literal(name)}, {literal(value)}, false)")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._pgconn.finish()

    def execute(self, text: str) -> Rows:
        """Runs one statement now.

        Raises:
            ServerError: The server refused it.
        """
        with self._connected():
            result = self._pgconn.exec_params(text.encode(), None)
        answer = self._read(result)
        if isinstance(answer, Refused):
            raise ServerError(answer.message)
        return answer

    def send(self, units: Iterable[Sequence[Step]]) -> Flight:
        """Sends units of steps; each unit is a transaction of its own, rolled back.

        A step that fails ends its unit and leaves the others alone.
        """
        with self._connected():
            if self._pgconn.pipeline_status == self._pq.PipelineStatus.OFF:
                self._pgconn.enter_pipeline_mode()
            return Flight(self, [self._send(unit) for unit in units])

    def _send(self, unit: Sequence[Step]) -> int:
        """Sends one unit: how many answers will come."""
        self._query("BEGIN READ ONLY")
        for step in unit:
            match step:
                case Prepare(name, text, oids):
                    self._pgconn.send_prepare(name.encode(), text.encode(), oids)
                case Run(text):
                    self._query(text)
        self._pgconn.pipeline_sync()
        self._query("ROLLBACK")
        self._pgconn.pipeline_sync()
        return len(unit)

    @contextmanager
    def _connected(self) -> Iterator[None]:
        """Turns the loss of the connection, which calls of libpq refuse to go on with."""
        import psycopg

        try:
            yield
        except psycopg.OperationalError as error:
            raise self._lost() from error

    def _lost(self) -> ServerError:
        return ServerError(
            f"the server was lost while it was planning: {self._error()}",
            hint="see the server's log; run again",
        )

    def idle(self) -> None:
        """Leaves pipeline mode; every flight must have landed."""
        with self._connected():
            if self._pgconn.pipeline_status != self._pq.PipelineStatus.OFF:
                self._pgconn.exit_pipeline_mode()

    def _query(self, text: str) -> None:
        self._pgconn.send_query_params(text.encode(), None)

    def receive(self, steps: int) -> list[Answer]:
        """Reads the answers of one unit.

        Raises:
            ServerError: The server was lost.
        """
        answers: list[Answer] = []
        self._next()  # BEGIN
        answers.extend(self._next() for _ in range(steps))
        self._sync()
        self._next()  # ROLLBACK
        self._sync()
        return answers

    def _next(self) -> Answer:
        result = self._pgconn.get_result()
        if result is None:
            raise self._lost()
        if result.status == self._pq.ExecStatus.PIPELINE_ABORTED:
            self._pgconn.get_result()
            return None
        answer = self._read(result)
        self._pgconn.get_result()  # the end of this step's results
        return answer

    def _sync(self) -> None:
        result = self._pgconn.get_result()
        if result is None or result.status != self._pq.ExecStatus.PIPELINE_SYNC:
            raise self._lost()

    def _read(self, result: PGresult) -> Rows | Refused:
        status = self._pq.ExecStatus
        if result.status in {status.TUPLES_OK, status.COMMAND_OK}:
            return [
                tuple(_text(result.get_value(row, column)) for column in range(result.nfields))
                for row in range(result.ntuples)
            ]
        sqlstate = result.error_field(self._pq.DiagnosticField.SQLSTATE)
        if sqlstate is None or self._pgconn.status != self._pq.ConnStatus.OK:
            raise self._lost()
        if sqlstate[:3] == b"57P":  # admin_shutdown, crash_shutdown: operator intervention
            raise ServerError("the server was stopped while it was planning", hint="run again")
        primary = result.error_field(self._pq.DiagnosticField.MESSAGE_PRIMARY) or b""
        code = sqlstate.decode()
        return Refused(without_values(primary.decode(errors="replace"), code), code)

    def _error(self) -> str:
        """The first line of libpq's message; those below it guess."""
        first = self._pgconn.get_error_message().strip().partition("\n")[0]
        return " ".join(first.split()) or "the connection was closed"


class Flight:
    """Units that were sent and not yet read; they land in order."""

    def __init__(self, wire: Wire, steps: list[int]) -> None:
        self._wire = wire
        self._steps = steps

    def land(self) -> list[list[Answer]]:
        """Each unit's answers, one a step."""
        return [self._wire.receive(steps) for steps in self._steps]


def literal(value: str | None) -> str:
    r"""A value as an SQL literal that no setting changes the meaning of.

    >>> literal("it's"), literal("a\\b"), literal(None)
    ("'it''s'", " E'a\\\\b'", 'NULL')
    """
    if value is None:
        return "NULL"
    text = value.replace("'", "''")
    return f" E'{text.replace(chr(92), chr(92) * 2)}'" if "\\" in text else f"'{text}'"


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode(errors="replace")
