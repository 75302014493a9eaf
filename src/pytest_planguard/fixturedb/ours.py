"""The databases of ours on a running server: how large they are, and how they are removed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_planguard.errors import ScaleError, ServerError
from pytest_planguard.fixturedb import cache
from pytest_planguard.fixturedb.connection import connect
from pytest_planguard.fixturedb.inflate.btree import PAGE
from pytest_planguard.fixturedb.inflate.files import total_pages
from pytest_planguard.fixturedb.providers.server import OURS, Server

if TYPE_CHECKING:
    import psycopg


class OurDatabase(NamedTuple):
    """One database of ours."""

    name: str
    token: str
    """Of the run it belongs to; empty: a template, which is kept for the next one."""
    bytes_on_disk: int
    bytes_apparent: int
    """As large as its files say once they are at scale; a template's never are."""


def databases(server: Server) -> list[OurDatabase]:
    """What planguard made on a server; other names that begin alike are not its own.

    A server that is reached by a connection tells how large files say they are, not what they
    take: that is the difference to the sizes in the template's record.
    """
    found = []
    with connect(server) as connection:
        for name in server.databases():
            match = OURS.match(name)
            if match is None and not name.startswith(cache.PREFIX):
                continue
            told = _size(connection, name)
            inflated = _inflated(server, name)
            sizes = (max(0, told - inflated), told) if match else (told, told + inflated)
            found.append(OurDatabase(name, match[1] if match else "", *sizes))
    return found


def drop(server: Server) -> None:
    """Drops all of them.

    Raises:
        ServerError: The server refuses, or can't be reached.
    """
    import psycopg

    for one in databases(server):
        try:
            server.drop_database(one.name)
        except psycopg.Error as error:
            raise ServerError(
                f"the database {one.name} can't be dropped: {error.diag.message_primary or error}",
                hint="drop it as a role that may",
            ) from error


def _size(connection: psycopg.Connection[Any], name: str) -> int:
    """Bytes of all its files; 0 where it has gone meanwhile, or may not be looked at."""
    import psycopg

    query = "SELECT pg_database_size(oid) FROM pg_catalog.pg_database WHERE datname = %s"
    try:
        row = connection.execute(query, [name]).fetchone()
    except psycopg.DatabaseError:
        return 0
    return int(row[0] or 0) if row else 0


def _inflated(server: Server, name: str) -> int:
    """Bytes that its files have, or would have, at scale. Only catalogs are read there."""
    import psycopg

    try:
        with connect(server, name) as connection:
            return total_pages(cache.read_record(connection).files) * PAGE
    except (psycopg.Error, ScaleError, ServerError):  # it is being made, or dropped
        return 0
