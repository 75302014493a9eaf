"""A user's database with its own contents: read, never copied, never written."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any

import msgspec

from pytest_planguard.conninfo import without_password
from pytest_planguard.errors import ScaleError, ServerError
from pytest_planguard.fixturedb.parts import ReadCatalog
from pytest_planguard.fixturedb.queries import named_queries
from pytest_planguard.fixturedb.whatif import CopyWithIndexes
from pytest_planguard.model.catalog import Catalog
from pytest_planguard.model.moved import FormerWorld
from pytest_planguard.model.ports import HypotheticalIndex, PostgresServer, quoted
from pytest_planguard.model.spec import DatabaseSpec
from pytest_planguard.model.statistics import ScaleSource, Statistics

if TYPE_CHECKING:
    import psycopg


_NO_TRIALS = "the database is used as it is: candidate indexes are not tried out"


class AsIs(msgspec.Struct, frozen=True):
    """Obeys ``model.ports.FixtureDatabase``; its copies refuse every index."""

    name: str
    server: PostgresServer
    statistics: Statistics
    conninfo: str
    """With the specification's settings, read-only by default."""
    checked: None = None
    """It is as large as it is."""
    source: Statistics | None = None
    """No file speaks of it: its own statistics do."""
    lacking: tuple[str, ...] = ()

    @contextmanager
    def copy_with(
        self,
        indexes: Sequence[HypotheticalIndex],
        catalog: Catalog | None = None,
        relations: AbstractSet[str] | None = None,  # noqa: ARG002 - as of the protocol
    ) -> Iterator[CopyWithIndexes]:
        """The database itself: it is not ours to copy or to index."""
        refused = {index.name: "the database is used as it is" for index in indexes}
        yield CopyWithIndexes(self.name, self.server, {}, refused, catalog)

    def copy_at(
        self,
        factor: float,  # noqa: ARG002 - as of the protocol
        relations: AbstractSet[str],  # noqa: ARG002
    ) -> AbstractContextManager[CopyWithIndexes]:
        """There is none.

        Raises:
            ScaleError: Always.
        """
        raise ScaleError(
            "the database is used as it is: it cannot be planned at other sizes",
            hint="growth is planned where planguard makes the database",
        )

    def copy_as(
        self,
        former: FormerWorld,  # noqa: ARG002 - as of the protocol
    ) -> AbstractContextManager[CopyWithIndexes]:
        """There is none.

        Raises:
            ScaleError: Always.
        """
        raise ScaleError(
            "the database is used as it is: nothing in it is made as it was",
            hint="causes are found by planning again where planguard makes the database",
        )


def use_as_it_is(spec: DatabaseSpec, server: PostgresServer, read_catalog: ReadCatalog) -> AsIs:
    """The database of the specification's URL.

    Raises:
        ServerError: It cannot be reached, or its role may read none of its tables.
    """
    import psycopg
    from psycopg.conninfo import conninfo_to_dict, make_conninfo

    name = str(conninfo_to_dict(spec.url).get("dbname") or "postgres")
    settings = {**spec.settings, "default_transaction_read_only": "on"}
    own = conninfo_to_dict(server.conninfo(name)).get("options")
    options = " ".join(f"-c {key}={_escaped(value)}" for key, value in settings.items())
    conninfo = make_conninfo(server.conninfo(name), options=f"{own} {options}" if own else options)
    try:
        with psycopg.connect(conninfo, autocommit=True) as connection:
            statistics = _statistics(connection, read_catalog)
            unreadable = _unreadable(connection, name, len(statistics.tables))
    except psycopg.OperationalError as error:
        said = without_password(str(error).strip(), conninfo)
        raise ServerError(
            f"no connection to the database {name}: {said}",
            hint="check url and settings in [tool.pytest-planguard.database]",
        ) from error
    lacking = (spec.why_as_is, *unreadable, _NO_TRIALS)
    return AsIs(name, server, statistics, conninfo, lacking=tuple(filter(None, lacking)))


def _unreadable(connection: psycopg.Connection[Any], database: str, tables: int) -> tuple[str, ...]:
    """The sentence about tables whose queries PostgreSQL refuses to explain; empty: none."""
    query = named_queries(__package__, "asis.sql")["unreadable"]
    closed = [name for (name,) in connection.execute(query)]
    if not closed:
        return ()
    role = connection.info.user
    if len(closed) == tables:
        raise ServerError(
            f"the role {role} may read none of the {tables} tables of the database {database}",
            hint=f"GRANT pg_read_all_data TO {quoted(role)}, or name another role in the URL",
        )
    count = f"{len(closed)} of {tables} tables, e.g. {closed[0]}"
    return (f"the role {role} may not read {count}: queries on them are not planned",)


def _statistics(connection: psycopg.Connection[Any], read_catalog: ReadCatalog) -> Statistics:
    """Its own statistics, at its own time."""
    from pytest_planguard.fixturedb.scale.observed import observe

    row = connection.execute(
        "SELECT to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"+00:00\"')"
    ).fetchone()
    catalog = read_catalog(connection)
    return observe(connection, catalog, clock=row[0] if row else "", source=ScaleSource.AS_IS)


def _escaped(value: str) -> str:
    """A setting's value within libpq's ``options``, which the server splits at whitespace."""
    return re.sub(r"([\\\s])", r"\\\1", str(value))
