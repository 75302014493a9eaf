"""CON006: nothing ends a statement or a transaction that takes too long."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from pytest_planguard.model.connections import IDLE, STATEMENT, TRANSACTION, Maker
from pytest_planguard.model.finding import Candidate, RuleFacts, Severity
from pytest_planguard.model.judgement import ConnectionsContext
from pytest_planguard.model.statement import Origin

FACTS = RuleFacts(
    code="CON006",
    name="no-timeouts",
    severity=Severity.WARNING,
    condition=(
        "Connections the application makes have no statement_timeout, or no "
        "idle_in_transaction_session_timeout: neither as they connect (options, server_settings), "
        "nor by a SET, nor by an ALTER ROLE or ALTER DATABASE of the migrations. "
        "transaction_timeout (PostgreSQL 17) stands for both, asyncpg's command_timeout for the "
        "first. A wait for a lock is part of the statement."
    ),
    effect=(
        "One query with a bad plan, or one wait for a lock, holds its connection until somebody "
        "ends it by hand; a client that hangs in a transaction keeps its locks and holds VACUUM "
        "back. The pool runs empty behind them."
    ),
    remedy=(
        "Set them where the application connects, or for its role. What production's server, "
        "database or role sets is told to planguard: server-timeouts in "
        "[tool.pytest-planguard.connections]."
    ),
    source=(
        "PostgreSQL manual, 19.11.1 Statement Behavior: statement_timeout, lock_timeout, "
        "idle_in_transaction_session_timeout and transaction_timeout are 0 by default, that is off."
    ),
)

_OPTIONS = "-c statement_timeout=15s -c idle_in_transaction_session_timeout=60s"
_GIVEN = {
    Maker.SQLALCHEMY: f'connect_args={{"options": "{_OPTIONS}"}}, with asyncpg server_settings',
    Maker.PSYCOPG_POOL: f'kwargs={{"options": "{_OPTIONS}"}}',
    Maker.DJANGO: f'"OPTIONS": {{"options": "{_OPTIONS}"}}',
    Maker.ASYNCPG: 'server_settings={"statement_timeout": "15s", '
    '"idle_in_transaction_session_timeout": "60s"}',
}
_GIVEN[Maker.ASYNCPG_POOL] = _GIVEN[Maker.ASYNCPG]


class _Line(NamedTuple):
    database: str
    origin: Origin
    maker: Maker


def check_connections(context: ConnectionsContext) -> Iterator[Candidate]:
    """One candidate for each line that makes connections which lack one."""
    given: dict[_Line, set[str]] = {}
    for one in context.opened:
        line = _Line(one.database, one.origin, one.maker)
        given.setdefault(line, set(context.timeouts)).update(one.timeouts)
    for line, timeouts in sorted(given.items()):
        missing = [name for name in (STATEMENT, IDLE) if not timeouts & {name, TRANSACTION}]
        if missing:
            yield _candidate(line, missing)


def _candidate(line: _Line, missing: list[str]) -> Candidate:
    options = _GIVEN.get(line.maker, f'options="{_OPTIONS}"')
    return Candidate(
        rule=FACTS.code,
        key="",
        database=line.database,
        relation=None,
        severity=Severity.WARNING,
        message=f"connections made here have no {' and no '.join(missing)}",
        remedy=(
            f"{options}; or, where production's role or server sets them: server-timeouts in "
            "[tool.pytest-planguard.connections]"
        ),
        evidence={"missing": float(len(missing))},
        origins=(line.origin,),
    )
