"""The empty twin of a fixture database: the same schema, nothing inflated, for DDL to run on.

It is a copy of the small template. A migration runs there and is looked at; when it is done, a copy
of the twin can be brought to scale, so that statements are planned at the schema it leads to. An
inflated database is never copied.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from pytest_planguard.errors import ServerError
from pytest_planguard.fixturedb import cache, copies
from pytest_planguard.fixturedb.connection import connect, drop
from pytest_planguard.fixturedb.inflate.files import relation_files
from pytest_planguard.fixturedb.inflate.statistics import inject
from pytest_planguard.fixturedb.parts import FixtureServer, ReadCatalog
from pytest_planguard.fixturedb.whatif import CopyWithIndexes
from pytest_planguard.model.catalog import Catalog
from pytest_planguard.model.statistics import Statistics

if TYPE_CHECKING:
    import psycopg

Wanted = Callable[["psycopg.Connection[Any]", Catalog], Statistics]
"""The statistics a schema should have."""


class Twin:
    """An empty database at a fixture's schema."""

    def __init__(self, name: str, server: FixtureServer) -> None:
        self.name = name
        self._server = server

    @property
    def conninfo(self) -> str:
        """A libpq connection string, as superuser."""
        return self._server.conninfo(self.name)

    @property
    def url(self) -> str:
        """The same as a URL, as any driver reads it."""
        return self._server.url(self.name)


@contextmanager
def twin(server: FixtureServer, template: str) -> Iterator[Twin]:
    """An empty copy of a template, dropped at the end with whoever is connected.

    Raises:
        ServerError: It cannot be made.
    """
    import psycopg

    with connect(server) as connection:
        cache.mark_used(connection, template)
        name = copies.free_name(connection, f"planguard_trial_{server.run_token}")
    try:
        try:
            server.create_database(name, template=template)
        except psycopg.Error as error:
            raise ServerError(
                f"the twin {name} cannot be made: {error.diag.message_primary or error}",
                hint="free some room on the server, or let the role make databases",
            ) from error
        yield Twin(name, server)
    finally:
        drop(server, name)


@contextmanager
def scaled(
    server: FixtureServer,
    original: str,
    *,
    wanted: Wanted,
    settings: Mapping[str, str],
    read_catalog: ReadCatalog,
) -> Iterator[tuple[CopyWithIndexes, Statistics]]:
    """A copy of a twin at scale, dropped at the end, and the statistics it has.

    Args:
        server: Where the twin is.
        original: The twin; nobody is connected to it.
        wanted: Says how large everything is.
        settings: The planner's.
        read_catalog: Reads a connected database's catalog.

    Raises:
        ScaleError: Its files cannot be made so large.
    """
    with copies.copy_of(server, original) as copy:
        with connect(server, copy.name) as connection:
            statistics = wanted(connection, read_catalog(connection))
            catalog = read_catalog(connection)
            inject(connection, catalog, statistics, server.version)
            files = relation_files(connection, statistics)
            catalog = read_catalog(connection)
        copy.to_scale(files, settings)
        yield CopyWithIndexes(copy.name, server, {}, {}, catalog), statistics
