"""A user's database with its own contents: read, never copied, never written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import msgspec

from pytest_planguard.errors import ServerError
from pytest_planguard.fixturedb.parts import ReadCatalog
from pytest_planguard.fixturedb.scale.observed import observe
from pytest_planguard.fixturedb.whatif import CopyWithIndexes
from pytest_planguard.model.ports import HypotheticalIndex, PostgresServer
from pytest_planguard.model.spec import DatabaseSpec
from pytest_planguard.model.statistics import ScaleSource, Statistics

if TYPE_CHECKING:
    import psycopg


class AsIs(msgspec.Struct, frozen=True):
    """Obeys ``model.ports.FixtureDatabase``; its copies refuse every index."""

    name: str
    server: PostgresServer
    statistics: Statistics
    conninfo: str
    """With the specification's settings, read-only by default."""
    source: Statistics | None = None
    """No file speaks of it: its own statistics do."""
    lacking: tuple[str, ...] = (
        "the database is used as it is: candidate indexes are not tried out",
    )

    @contextmanager
    def copy_with(self, indexes: Sequence[HypotheticalIndex]) -> Iterator[CopyWithIndexes]:
        """The database itself: it is not ours to copy or to index."""
        refused = {index.name: "the database is used as it is" for index in indexes}
        yield CopyWithIndexes(self.name, self.server, {}, refused)


def use_as_it_is(spec: DatabaseSpec, server: PostgresServer, read_catalog: ReadCatalog) -> AsIs:
    """The database of the specification's URL.

    Raises:
        ServerError: It cannot be reached.
    """
    import psycopg
    from psycopg.conninfo import conninfo_to_dict, make_conninfo

    name = str(conninfo_to_dict(spec.url).get("dbname") or "postgres")
    settings = {**spec.settings, "default_transaction_read_only": "on"}
    options = " ".join(f"-c {key}={_escaped(value)}" for key, value in settings.items())
    conninfo = make_conninfo(server.conninfo(name), options=options)
    try:
        with psycopg.connect(conninfo, autocommit=True) as connection:
            statistics = _statistics(connection, read_catalog)
    except psycopg.OperationalError as error:
        raise ServerError(
            f"no connection to the database {name}: {str(error).strip()}",
            hint="check url and settings in [tool.pytest-planguard.database]",
        ) from error
    return AsIs(name, server, statistics, conninfo)


def _statistics(connection: psycopg.Connection[Any], read_catalog: ReadCatalog) -> Statistics:
    """Its own statistics, at its own time."""
    row = connection.execute(
        "SELECT to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"+00:00\"')"
    ).fetchone()
    catalog = read_catalog(connection)
    return observe(connection, catalog, clock=row[0] if row else "", source=ScaleSource.AS_IS)


def _escaped(value: str) -> str:
    """A setting's value within libpq's ``options``."""
    return str(value).replace("\\", "\\\\").replace(" ", "\\ ")
