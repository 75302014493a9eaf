"""Indexes really built on loaded rows: what every query costs then, and what they take."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import msgspec
from fidelity_parts.compare import Node
from fidelity_parts.plans import plans
from fidelity_parts.source import Source
from fidelity_parts.workloads import Workload

if TYPE_CHECKING:
    import psycopg

_SECONDARY = """
SELECT format('%I.%I', n.nspname, c.relname)
FROM pg_index i
JOIN pg_class c ON c.oid = i.indexrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE NOT i.indisunique AND n.nspname !~ '^pg_' AND NOT c.relispartition
"""

_SIZE = """
WITH RECURSIVE all_of AS (
    SELECT to_regclass(%(name)s)::oid AS oid
    UNION ALL SELECT h.inhrelid FROM pg_inherits h JOIN all_of ON all_of.oid = h.inhparent
)
SELECT coalesce(sum(pg_relation_size(oid)), 0)::bigint FROM all_of
"""


class Built(msgspec.Struct, frozen=True):
    """A set of indexes on loaded rows."""

    nodes: Mapping[str, Node]
    """Plans by query."""
    sizes: tuple[int, ...]
    """Bytes of each index."""
    refused: tuple[str, ...]
    """Statements the server refused, with its message."""

    @property
    def costs(self) -> dict[str, float]:
        """Total cost by query."""
        return {name: float(node["Total Cost"]) for name, node in self.nodes.items()}


def drop_secondary(source: Source, workload: Workload) -> int:
    """Drops all indexes that no constraint and no uniqueness needs: how many.

    CREATE INDEX counts rows and all-visible pages anew (index.c, ``index_update_stats``). Tables
    that changed since they were vacuumed would be others with any index than without: all are
    vacuumed.
    """
    with source.connect(workload.database) as connection:
        names = [row[0] for row in connection.execute(_SECONDARY).fetchall()]
        for name in names:
            connection.execute(f"DROP INDEX {name}")
        connection.execute("VACUUM (ANALYZE)")
    return len(names)


@contextmanager
def standing(
    connection: psycopg.Connection[Any], ddl: Sequence[str]
) -> Iterator[tuple[list[str], list[str]]]:
    """Makes indexes and drops them at the end: their names, and what was refused."""
    import psycopg

    names, refused = [], []
    try:
        for text in ddl:
            before = _indexes(connection)
            try:
                connection.execute(text)
            except psycopg.Error as error:
                refused.append(f"{text}: {error}")
                continue
            names += sorted(_indexes(connection) - before)
        yield names, refused
    finally:
        for name in names:
            connection.execute(f"DROP INDEX {name}")


def _indexes(connection: psycopg.Connection[Any]) -> set[str]:
    """All indexes but those of partitions."""
    query = (
        "SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c "
        "JOIN pg_namespace n ON n.oid = c.relnamespace "
        "WHERE c.relkind IN ('i', 'I') AND n.nspname !~ '^pg_' AND NOT c.relispartition"
    )
    return {row[0] for row in connection.execute(query).fetchall()}


def built(source: Source, workload: Workload, ddl: Sequence[str]) -> Built:
    """Makes the indexes, plans every query, and drops them."""
    with (
        source.connect(workload.database) as connection,
        standing(connection, ddl) as (
            names,
            refused,
        ),
    ):
        sizes = [connection.execute(_SIZE, {"name": name}).fetchone() for name in names]
        nodes = plans(source.conninfo(workload.database), workload.queries)
    return Built(nodes, tuple(int(row[0]) for row in sizes if row), tuple(refused))
