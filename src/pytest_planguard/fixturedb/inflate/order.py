"""Gives the indexes of each table the order they have at the source.

The planner tries a table's indexes by ascending OID (RelationGetIndexList of relcache.c), and of
two paths of equal cost it keeps the one it met first or last: which index a query uses may hang on
which is older. A schema file rarely makes indexes in the order production got them. Their OIDs are
exchanged in the catalogs, which is allowed to a superuser and safe where nobody else is connected
and nothing has been read yet: in the template, which is empty. Definitions, files and constraints
stay as they are; only the number each is known by in its catalog is another.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pytest_planguard.fixturedb.queries import named_queries
from pytest_planguard.model.catalog import Catalog
from pytest_planguard.model.statistics import Statistics

if TYPE_CHECKING:
    import psycopg

_ELSEWHERE = 4_000_000_000
"""OIDs are moved here first: two of a unique catalog may never be the same. A new cluster would
have to make four thousand million objects to meet them."""

_THIS = "SELECT d.oid FROM pg_database d WHERE d.datname = current_database()"
_KNOWN_BY = (
    ("pg_class", "oid", ""),
    ("pg_attribute", "attrelid", ""),
    ("pg_index", "indexrelid", ""),
    ("pg_constraint", "conindid", ""),
    ("pg_trigger", "tgconstrindid", ""),
    ("pg_inherits", "inhrelid", ""),
    ("pg_inherits", "inhparent", ""),
    ("pg_statistic", "starelid", ""),
    ("pg_depend", "objid", "t.classid = 'pg_class'::regclass"),
    ("pg_depend", "refobjid", "t.refclassid = 'pg_class'::regclass"),
    ("pg_description", "objoid", "t.classoid = 'pg_class'::regclass"),
    ("pg_seclabel", "objoid", "t.classoid = 'pg_class'::regclass"),
    ("pg_init_privs", "objoid", "t.classoid = 'pg_class'::regclass"),
    ("pg_shdepend", "objid", f"t.classid = 'pg_class'::regclass AND t.dbid = ({_THIS})"),
)
"""Where the catalogs of PostgreSQL 13 to 18 name an index by its OID (chapter System Catalogs, and
``pg_get_catalog_foreign_keys()``), with what tells an index there from other objects."""


def order_indexes(
    connection: psycopg.Connection[Any], catalog: Catalog, statistics: Statistics
) -> int:
    """Exchanges OIDs where the order is not the source's; returns how many indexes got another.

    Indexes the source does not have come last, in the order they have.

    Args:
        connection: As superuser, to a template without rows that nobody else is connected to.
        catalog: Of that database.
        statistics: With ``order`` where it is known.
    """
    query = named_queries(__package__, "order.sql")
    oids = dict(connection.execute(query["index_oids"]).fetchall())
    moves = {
        oids[name]: to
        for ordered in _wanted_orders(catalog, statistics, oids)
        for name, to in zip(ordered, sorted(oids[name] for name in ordered), strict=True)
        if oids[name] != to
    }
    if moves:
        with connection.transaction():
            exchange(connection, moves, _KNOWN_BY)
            connection.execute(query["forget"], {"indexes": list(moves.values())})
    return len(moves)


def exchange(
    connection: psycopg.Connection[Any],
    moves: Mapping[int, int],
    known_by: Sequence[tuple[str, str, str]],
) -> None:
    """Gives objects the OIDs of each other, wherever catalogs name them.

    Args:
        connection: In a transaction, as superuser.
        moves: New OIDs by old ones, the same set on both sides.
        known_by: Catalog, column and what tells the object's kind there.
    """
    query = named_queries(__package__, "order.sql")["renumber"]
    away = {oid: _ELSEWHERE + number for number, oid in enumerate(moves)}
    _renumber(connection, query, away, known_by)
    _renumber(connection, query, {away[old]: new for old, new in moves.items()}, known_by)


def _wanted_orders(
    catalog: Catalog, statistics: Statistics, oids: Mapping[str, int]
) -> list[Sequence[str]]:
    """Names of each table's indexes, as they should follow one another; pure."""
    by_table: dict[str, list[str]] = defaultdict(list)
    for name, index in catalog.indexes.items():
        if index.table in statistics.tables and name in oids:
            by_table[index.table].append(name)
    orders: list[Sequence[str]] = []
    for table, names in by_table.items():
        known = {
            f"{table.partition('.')[0]}.{name}": facts.order
            for name, facts in statistics.tables[table].indexes.items()
            if facts.order
        }
        names.sort(key=lambda name: (known.get(name, _ELSEWHERE), oids[name]))
        orders.append(names)
    return orders


def _renumber(
    connection: psycopg.Connection[Any],
    query: str,
    numbers: Mapping[int, int],
    known_by: Sequence[tuple[str, str, str]],
) -> None:
    """Writes another OID for each, wherever catalogs name it."""
    from psycopg import sql

    pairs = json.dumps([{"old": old, "new": new} for old, new in numbers.items()])
    for catalog, column, condition in known_by:
        update = sql.SQL(query).format(
            catalog=sql.Identifier("pg_catalog", catalog),
            column=sql.Identifier(column),
            condition=sql.SQL(condition or "true"),
        )
        connection.execute(update, {"pairs": pairs})
