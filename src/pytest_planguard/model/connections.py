"""Connections: the pools an application makes, and what it leaves behind when a test is over."""

from __future__ import annotations

import enum

import msgspec

from pytest_planguard.model.statement import Origin

UNBOUNDED = -1
"""Instead of a number of connections: there is no maximum."""

STATEMENT, LOCK, IDLE, TRANSACTION = (
    "statement_timeout",
    "lock_timeout",
    "idle_in_transaction_session_timeout",
    "transaction_timeout",
)
TIMEOUTS = (STATEMENT, LOCK, IDLE, TRANSACTION)
"""PostgreSQL's settings that end what takes too long (manual, 19.11.1; the last from 17 on)."""


class Maker(enum.StrEnum):
    """Whose connections: what to write depends on it."""

    SQLALCHEMY = "sqlalchemy"
    PSYCOPG_POOL = "psycopg_pool"
    ASYNCPG_POOL = "asyncpg pool"
    DJANGO = "django"
    PSYCOPG = "psycopg"
    PSYCOPG2 = "psycopg2"
    ASYNCPG = "asyncpg"


class Per(enum.StrEnum):
    """What has a pool of its own."""

    PROCESS = "process"
    THREAD = "thread"
    """A connection for each thread that asks, and no more."""


class Pool(msgspec.Struct, frozen=True, order=True):
    """A pool of connections as the application builds it."""

    origin: Origin
    """The line that makes it; of Django's, the one with ``DATABASES``."""
    database: str
    """As statements have it (``capture.label_of``); empty where nobody knows it."""
    maker: Maker
    kind: str
    """Its class: ``QueuePool``."""
    most: int
    """Connections it may have at the same time; ``UNBOUNDED``."""
    written: str
    """The maximum as it is written: ``pool_size=5, max_overflow=10``."""
    per: Per = Per.PROCESS


class Opened(msgspec.Struct, frozen=True, order=True):
    """Connections that are made for one line of the application."""

    origin: Origin
    """The line that connects, or that makes their pool."""
    database: str
    maker: Maker
    timeouts: tuple[str, ...] = ()
    """Of ``TIMEOUTS``: those that one of them was given, sorted."""


class Hold(enum.StrEnum):
    """What is held."""

    CONNECTION = "connection"
    """Taken out of a pool and not given back."""
    TRANSACTION = "transaction"
    """Begun, neither committed nor rolled back."""
    NESTED = "nested"
    """A second connection of one pool, taken while the first is held."""


class Held(msgspec.Struct, frozen=True, order=True):
    """What the application took in a test and still has when the test and its fixtures are over."""

    hold: Hold
    origin: Origin
    """The line that took it; of a transaction, the one that begins it."""
    database: str
    maker: Maker
    test: str
    first: Origin | None = None
    """Of a nested one: where the other connection was taken."""


class Pooler(msgspec.Struct, frozen=True):
    """PgBouncer or its like between the application and the server."""

    clients: int | None = None
    """Connections it takes (``max_client_conn``); None: nobody said."""
    servers: int | None = None
    """Connections it opens itself, over all its pools; None: nobody said."""


class Deployment(msgspec.Struct, frozen=True):
    """How the application runs in production, as the configuration has it."""

    instances: int = 1
    workers: int = 1
    threads: int = 1
    max_connections: int | None = None
    """None: nobody said, and nothing is summed up."""
    reserved: int = 3
    """Connections the application cannot have: ``superuser_reserved_connections`` is 3 by
    default (manual, 19.3.1)."""
    pooler: Pooler | None = None
    timeouts: frozenset[str] = frozenset()
    """Of ``TIMEOUTS``: those production's server, database or role sets."""
