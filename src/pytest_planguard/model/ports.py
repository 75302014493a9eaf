"""What the siblings hand each other, as protocols: the pipeline wires them, tests fake them."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

import msgspec

from pytest_planguard.model.catalog import Catalog
from pytest_planguard.model.moved import FormerWorld
from pytest_planguard.model.plan import Planned, Unexplained
from pytest_planguard.model.query import Query
from pytest_planguard.model.report import SelfCheck
from pytest_planguard.model.statistics import Statistics


class PostgresServer(Protocol):
    """A running server of a provider, ours to make databases on."""

    provider: str
    version: int
    """``server_version_num``."""
    data_directory: Path | None
    """Where this process can read and write the server's files; None where it can't."""
    file_owner: tuple[int, int] | None
    """(uid, gid) new files must get; None: this process is the owner already."""
    lacking: tuple[str, ...]
    """What the schema needs and the server has not, and what befell it, one sentence each."""

    def conninfo(self, database: str) -> str:
        """A libpq connection string for a database on this server, as superuser."""


class Needs(msgspec.Struct, frozen=True):
    """What a schema asks of the server it is made on."""

    extensions: frozenset[str] = frozenset()
    icu: bool = False
    """It has collations of the ICU provider."""


class HypotheticalIndex(msgspec.Struct, frozen=True):
    """An index that does not exist yet."""

    name: str
    table: str
    """Schema-qualified, unquoted."""
    method: str
    columns: tuple[str, ...]
    """Key columns or expressions, as they stand in DDL (quoted, with opclass and order)."""
    include: tuple[str, ...] = ()
    predicate: str = ""
    tuples: float = 0.0
    """Rows it would have; 0: as many as its table."""

    @property
    def ddl(self) -> str:
        """The statement that makes it, without CONCURRENTLY."""
        schema, _, table = self.table.partition(".")
        text = f"CREATE INDEX {quoted(self.name)} ON {quoted(schema)}.{quoted(table)}"
        text += f" USING {self.method}" if self.method != "btree" else ""
        text += f" ({', '.join(self.columns)})"
        text += f" INCLUDE ({', '.join(self.include)})" if self.include else ""
        text += f" WHERE {self.predicate}" if self.predicate else ""
        return text


def quoted(identifier: str) -> str:
    """The identifier as SQL needs it, quoted only where it must be.

    >>> quoted("orders"), quoted("Order Lines"), quoted('a"b')
    ('orders', '"Order Lines"', '"a""b"')
    """
    plain = identifier.replace("_", "a").replace("$", "a")
    simple = plain.isascii() and plain.isalnum() and plain.islower() and not plain[0].isdigit()
    if simple and identifier[0] != "$" and identifier not in _RESERVED:
        return identifier
    return '"' + identifier.replace('"', '""') + '"'


# PostgreSQL 18, appendix C: reserved, and reserved except as function or type names.
_RESERVED_WORDS = """
all analyse analyze and any array as asc asymmetric authorization binary both case cast check
collate collation column concurrently constraint create cross current_catalog current_date
current_role current_schema current_time current_timestamp current_user default deferrable desc
distinct do else end except false fetch for foreign freeze from full grant group having ilike in
initially inner intersect into is isnull join lateral leading left like limit localtime
localtimestamp natural not notnull null offset on only or order outer overlaps placing primary
references returning right select session_user similar some symmetric system_user table
tablesample then to trailing true union unique user using variadic verbose when where window
with
"""
_RESERVED = frozenset(_RESERVED_WORDS.split())


class WhatIfTrial(Protocol):
    """A copy of the fixture, at scale, that has some more indexes."""

    sizes: dict[str, int]
    """Bytes at scale, by index name."""
    refused: dict[str, str]
    """Indexes the server would not make, with its message."""

    def plan(
        self, requests: Sequence[tuple[Query, Planned, frozenset[str]]]
    ) -> list[Planned | Unexplained]:
        """Plans each query again with the very samples of its plans.

        Only the new indexes named in a request's set are visible to it (all old ones are).
        The plans come in the order of the ``Planned`` given, not sorted by cost; they are bare:
        nodes and cost, and the indexes of each relation, without access class and shape.
        """


class WhatIf(Protocol):
    """Makes trials."""

    def trial(
        self, indexes: Sequence[HypotheticalIndex], plans: Sequence[Planned] | None = None
    ) -> AbstractContextManager[WhatIfTrial]:
        """A copy with all these indexes, dropped at the end.

        Args:
            indexes: Candidates.
            plans: Of all queries that may be planned there: only what they read comes to scale.
                None: everything does.
        """


class FixtureDatabase(Protocol):
    """A database at scale, to plan in."""

    @property
    def name(self) -> str:
        """The database's."""

    @property
    def server(self) -> PostgresServer:
        """Where it is."""

    @property
    def statistics(self) -> Statistics:
        """What it has been given: sizes, and where each comes from."""

    @property
    def checked(self) -> SelfCheck | None:
        """What the self-check found in order; None: it is used with its own contents."""

    @property
    def source(self) -> Statistics | None:
        """Production's statistics as they were pulled; None: none are configured."""

    @property
    def lacking(self) -> tuple[str, ...]:
        """What of the schema could not be made, or by which stand-in, one sentence each."""

    @property
    def conninfo(self) -> str:
        """A libpq connection string; the database is read-only by default."""

    def copy_with(
        self,
        indexes: Sequence[HypotheticalIndex],
        catalog: Catalog | None = None,
        relations: AbstractSet[str] | None = None,
    ) -> AbstractContextManager[FixtureCopy]:
        """A copy with more indexes, dropped at the end.

        Args:
            indexes: Candidates.
            catalog: This database's, where it was read already; None: the copy's is read.
            relations: Tables to bring to scale, with partitions and heirs; None: all.
        """

    def copy_at(
        self, factor: float, relations: AbstractSet[str]
    ) -> AbstractContextManager[FixtureCopy]:
        """A copy in which these tables have ``factor`` times the rows, dropped at the end.

        Raises:
            ScaleError: There can be none.
        """

    def copy_as(self, former: FormerWorld) -> AbstractContextManager[FixtureCopy]:
        """A copy that is, in part, as the database once was, dropped at the end.

        Raises:
            ScaleError: There can be none.
        """


class FixtureCopy(Protocol):
    """A copy of a fixture database with more indexes, or at another scale."""

    sizes: dict[str, int]
    """Bytes at scale, by index name."""
    refused: dict[str, str]
    """By index name, or by the statement: the server's message."""
    catalog: Catalog | None
    """Of the copy, where it was read already."""

    @property
    def conninfo(self) -> str:
        """A libpq connection string."""
