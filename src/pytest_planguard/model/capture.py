"""A capture: everything one run (or one shard of it) saw, complete in itself."""

from __future__ import annotations

import re

import msgspec

from pytest_planguard.model.connections import Held, Opened, Pool
from pytest_planguard.model.schema import Schema
from pytest_planguard.model.silence import Remark
from pytest_planguard.model.statement import Place, Statement

SCHEMA_VERSION = 1

_SERVER = re.compile(r"@[^@]*:\d+$")


def label_of(name: str, server: str) -> str:
    """What a database is called in a capture.

    >>> label_of("shop", "localhost:5433"), label_of("shop", "")
    ('shop@localhost:5433', 'shop')
    """
    return f"{name}@{server}" if server else name


def name_in(label: str) -> str:
    """The database's name of what it is called in a capture: hosts are of no interest to a reader.

    >>> name_in("shop@localhost:5433"), name_in("me@home"), name_in("shop@/run/postgresql:5432")
    ('shop', 'me@home', 'shop')
    """
    return _SERVER.sub("", label)


class Ddl(msgspec.Struct, frozen=True):
    """A statement that changed a schema: who, when (by order) and the text."""

    text: str
    database: str
    place: Place


class Database(msgspec.Struct, frozen=True):
    """What was learnt about a database while it lived."""

    name: str
    """As statements have it: see ``label_of``."""
    url: str = ""
    """libpq URL without password, for messages."""
    aliases: tuple[str, ...] = ()
    """Names the application's own settings have for it (Django's ``DATABASES``)."""
    types: dict[int, str] = {}
    """Names of the parameter types that are not built in, by OID, schema-qualified."""
    schema: Schema | None = None
    """The last one seen with tables in it; None where none was asked for or could be read."""
    why_no_schema: str = ""
    """One sentence, where a schema was wanted and none could be read."""


class Suppression(msgspec.Struct, frozen=True):
    """What a test's marker said about rules: codes, and why."""

    test: str
    codes: tuple[str, ...]
    reason: str


class Budget(msgspec.Struct, frozen=True):
    """What a test's marker demands of the queries it runs (PLN008)."""

    test: str
    max_cost: float | None = None
    max_rows: float | None = None
    access: dict[str, str] = {}


class DjangoModel(msgspec.Struct, frozen=True):
    """The model a table belongs to."""

    app: str
    name: str
    """As migrations know it: lower case."""
    fields: dict[str, str]
    """By column."""


class Capture(msgspec.Struct, frozen=True):
    """What a run of a suite sent, and what is needed to plan it later."""

    statements: tuple[Statement, ...]
    databases: dict[str, Database] = {}
    ddl: tuple[Ddl, ...] = ()
    schema: int = SCHEMA_VERSION
    project: str = ""
    """The project's name, as its configuration gives it; empty where it has none."""
    commit: str = ""
    """Git commit of the project; empty where there is none."""
    folder: str = ""
    """Pytest's root from the top of its repository, ``services/shop``; empty: it is the top, or
    nobody knows."""
    captured_at: str = ""
    """When the run began, ISO 8601 in UTC: timestamps among the values are relative to it."""
    collected: tuple[str, ...] = ()
    """Node ids collected, before deselection."""
    finished: tuple[str, ...] = ()
    """Node ids whose teardown is over, whatever became of them."""
    cut_short: tuple[str, ...] = ()
    """Of these, the ones that failed or were skipped: they might have sent more."""
    partial: bool = False
    """A selection of tests was run on purpose (``-k``, node ids, some paths)."""
    interrupted: str = ""
    """One sentence, where the run did not reach its end (``-x``, Ctrl-C, a crash)."""
    drivers: tuple[str, ...] = ()
    """Drivers that were listened to."""
    notes: tuple[str, ...] = ()
    """What capture could not do, one sentence each."""
    suppressions: tuple[Suppression, ...] = ()
    budgets: tuple[Budget, ...] = ()
    remarks: tuple[Remark, ...] = ()
    """Comments on the lines that asked."""
    models: dict[str, DjangoModel] = {}
    """Django's, by schema-qualified table: what advice is written for."""
    pools: tuple[Pool, ...] = ()
    """The application's own."""
    opened: tuple[Opened, ...] = ()
    held: tuple[Held, ...] = ()
    """What tests left behind that passed."""

    @property
    def complete(self) -> bool:
        """Whether every test of the suite ran to its end."""
        return not self.partial and not self.interrupted
