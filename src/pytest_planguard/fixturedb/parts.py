"""What the build is handed: a provider's server, and what other parts of planguard do for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from pytest_planguard.model.catalog import Catalog, Index
from pytest_planguard.model.ports import PostgresServer
from pytest_planguard.model.report import SelfCheck
from pytest_planguard.model.schema import Schema
from pytest_planguard.model.spec import DatabaseSpec
from pytest_planguard.model.statistics import Statistics

if TYPE_CHECKING:
    import psycopg

Progress = Callable[[str], None]
"""Hears short texts about long steps."""

ReadCatalog = Callable[["psycopg.Connection[Any]"], Catalog]
ReadIndexes = Callable[["psycopg.Connection[Any]", Sequence[str]], dict[str, Index]]
CheckScale = Callable[["psycopg.Connection[Any]", Statistics], SelfCheck]


class Locale(msgspec.Struct, frozen=True):
    """What a database orders its texts by."""

    name: str
    provider: str
    """libc, icu or builtin."""


def locale_of(source: Statistics) -> Locale | None:
    """Production's, where it is known."""
    if not source.collation:
        return None
    return Locale(source.collation, source.collation_provider or "libc")


class FixtureServer(PostgresServer, Protocol):
    """A provider's server, as far as databases are made and dropped on it."""

    run_token: str
    """Tells this run's databases from those of others."""

    def create_database(
        self, name: str, template: str | None = None, *, locale: Locale | None = None
    ) -> None:
        """An empty database, or a copy; file by file, never through the write-ahead log.

        Raises:
            psycopg.Error: The server does not have the locale.
        """

    def url(self, database: str) -> str:
        """The database as a URL, as any driver reads it."""

    def drop_database(self, name: str) -> None:
        """Drops it if it is there, with whoever is connected."""


class SchemaResult(Protocol):
    """What became of a schema."""

    @property
    def lacking(self) -> Sequence[str]:
        """What could not be made, one sentence each."""


class Tools(msgspec.Struct, frozen=True):
    """What the fixture database's siblings and neighbours do; the pipeline hands it in."""

    read_catalog: ReadCatalog
    """Reads a connected database's catalog."""
    read_indexes: ReadIndexes
    """Reads of it only indexes of these names, with those of partitions."""
    check_scale: CheckScale
    """Raises ScaleError where a connected database is not as its statistics say."""
    build_schema: Callable[[DatabaseSpec, Any, str, Schema | None], SchemaResult]
    """Makes the schema in a database of the server."""
    schema_inputs: Callable[[DatabaseSpec, Schema | None], bytes]
    """What the schema is made from, for the digest."""


def quiet(_: str) -> None:
    """Nobody watches."""
