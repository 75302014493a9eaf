"""Gives indexes new file numbers, so that what the server has in its buffers of them is forgotten.

An index that was just built has its first page in the buffers, and a btree's height is read from
there, whatever its file says by then. Buffers are known by file number: under another number the
file is read afresh.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pytest_planguard.model.ports import PostgresServer

if TYPE_CHECKING:
    import psycopg

_SHIFT = 500_000_000
"""Added to a file number. Numbers are given out from 16,384 upwards, so that none is met again
before half a thousand million relations were made."""

_RENUMBER = """
WITH RECURSIVE made AS (
    SELECT c.oid FROM pg_class c
     WHERE c.relname = ANY (%(names)s::name[]) AND c.relkind IN ('i', 'I')
    UNION ALL
    SELECT h.inhrelid FROM pg_inherits h JOIN made ON made.oid = h.inhparent
), old AS (
    SELECT c.oid, pg_relation_filepath(c.oid) AS path
      FROM pg_class c JOIN made USING (oid) WHERE c.relkind = 'i'
)
UPDATE pg_class c SET relfilenode = c.relfilenode::bigint + %(shift)s
  FROM old WHERE old.oid = c.oid
RETURNING old.path, c.relfilenode::text
"""


def renumber(connection: psycopg.Connection[Any], names: Sequence[str]) -> list[tuple[str, str]]:
    """Writes new file numbers into the catalog; nobody may use the indexes before ``rename``.

    Args:
        connection: As superuser, to the database of the indexes.
        names: Of the indexes, without schema; their partitions' indexes are meant, too.

    Returns:
        Old and new path of each file, below the data directory.
    """
    rows = connection.execute(_RENUMBER, {"names": list(names), "shift": _SHIFT}).fetchall()
    return [(path, f"{path.rpartition('/')[0]}/{number}") for path, number in rows]


def rename(
    connection: psycopg.Connection[Any],
    server: PostgresServer,
    paths: Sequence[tuple[str, str]],
) -> None:
    """Gives the files the names the catalog has by now; what the server had of them is written.

    Args:
        connection: As superuser, to another database of the server.
        server: Tells whether this process can reach the files itself.
        paths: As ``renumber`` gave them.
    """
    from psycopg import sql

    connection.execute("CHECKPOINT")
    if server.data_directory is not None:
        for old, new in paths:
            (server.data_directory / old).rename(server.data_directory / new)
    elif paths:
        moves = "\n".join(f"mv {shlex.quote(old)} {shlex.quote(new)}" for old, new in paths)
        connection.execute(
            sql.SQL("COPY (SELECT unnest(string_to_array({}, {}))) TO PROGRAM {}").format(
                sql.Literal(moves), sql.Literal("\n"), sql.Literal("sh -e")
            )
        )
