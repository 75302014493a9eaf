"""Inflates a fresh copy of a database in whichever way its server allows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pytest_planguard.fixturedb.inflate.direct import Extended, inflate_directly
from pytest_planguard.fixturedb.inflate.files import RelationFile
from pytest_planguard.fixturedb.inflate.shell import inflate_by_shell
from pytest_planguard.model.ports import PostgresServer

if TYPE_CHECKING:
    import psycopg


def inflate(
    connection: psycopg.Connection[Any],
    server: PostgresServer,
    database: str,
    files: Sequence[RelationFile],
) -> list[Extended]:
    """Extends all files of a database nobody is connected to, and no index of which was read.

    Args:
        connection: As superuser, to another database of the server.
        server: Tells whether this process can write the files itself.
        database: The copy.
        files: Of the database it is a copy of: names are the same, the folder is not.

    Returns:
        What was extended, where this process did it; by the server: nothing.

    Raises:
        ScaleError: It cannot be done there.
    """
    row = connection.execute(
        "SELECT oid, current_setting('data_checksums') = 'on'"
        " FROM pg_catalog.pg_database WHERE datname = %s",
        [database],
    ).fetchone()
    if row is None or not files:
        return []
    oid, checksums = row
    copies = [file.in_database(oid) for file in files]
    if server.data_directory is not None:
        return inflate_directly(server.data_directory, copies, checksums=checksums)
    inflate_by_shell(connection, copies, checksums=checksums)
    return []
