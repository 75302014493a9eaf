"""Extended statistics of a database that really has rows, read as its superuser."""

from __future__ import annotations

import json
from collections import defaultdict
from typing import TYPE_CHECKING, Any

import msgspec

from pytest_planguard.fixturedb.queries import named_queries
from pytest_planguard.fixturedb.scale.observed_columns import column_statistics
from pytest_planguard.model.statistics import (
    ColumnStatistics,
    ExtendedNumbers,
    ExtendedStatistics,
)

if TYPE_CHECKING:
    import psycopg

_EXPRESSIONS_SINCE = 140000
_INHERITED_SINCE = 150000
WITH_CHILDREN = "(t.relkind = 'p')"
"""Before 15 an object has one row: a partitioned table's is of its partitions, and that of any
other table of its own rows, whether others inherit from it or not (``build_ext_stats`` in
analyze.c of 13 and 14)."""


def observe_extended(
    connection: psycopg.Connection[Any], server_version: int
) -> dict[str, dict[str, ExtendedStatistics]]:
    """What ``ANALYZE`` found for each statistics object, by table and by object.

    Args:
        connection: As superuser.
        server_version: ``server_version_num``.
    """
    from psycopg import sql

    queries = named_queries(__package__, "observed.sql")
    texts = "pg_get_statisticsobjdef_expressions(s.oid)"
    own = "d.stxdinherit" if server_version >= _INHERITED_SINCE else WITH_CHILDREN
    query = sql.SQL(queries["objects"]).format(
        expressions=sql.SQL(texts if server_version >= _EXPRESSIONS_SINCE else "NULL::text[]"),
        inherited=sql.SQL(own),
    )
    rows = connection.execute(query).fetchall()
    expressions = _expressions(connection, queries["expressions"], server_version)
    found: dict[str, dict[str, ExtendedStatistics]] = defaultdict(dict)
    for name, table, definition, columns, keys, exprs, inherited, *data in rows:
        names = {str(number): column for number, column in zip(keys, columns, strict=True)}
        names |= {str(-1 - n): text for n, text in enumerate(exprs)}
        key = (name, inherited if server_version >= _INHERITED_SINCE else None)
        numbers = _numbers(names, data, expressions.get(key, {}))
        there = found[table].get(name) or ExtendedStatistics(definition, (*columns, *exprs))
        side = {"inherited" if inherited else "own": numbers}
        found[table][name] = msgspec.structs.replace(there, **side)
    return found


def _expressions(
    connection: psycopg.Connection[Any], query: str, server_version: int
) -> dict[tuple[str, bool | None], dict[str, ColumnStatistics]]:
    """Statistics of expressions by object and side; None: the only one."""
    from psycopg import sql

    if server_version < _EXPRESSIONS_SINCE:
        return {}
    side = sql.SQL("x.inherited" if server_version >= _INHERITED_SINCE else "NULL::bool")
    found: dict[tuple[str, bool | None], dict[str, ColumnStatistics]] = defaultdict(dict)
    for name, inherited, text, *facts in connection.execute(
        sql.SQL(query).format(inherited=side)
    ).fetchall():
        if facts[0] is not None:  # of an expression ANALYZE could not tell anything about
            found[name, inherited][text] = column_statistics(facts)
    return found


def _numbers(
    names: dict[str, str], data: list[Any], expressions: dict[str, ColumnStatistics]
) -> ExtendedNumbers:
    """One row of ``pg_statistic_ext_data``, with names for numbers."""
    ndistinct, dependencies, values, freqs, base_freqs = data
    return ExtendedNumbers(
        ndistinct={
            _named(key, names): float(n) for key, n in json.loads(ndistinct or "{}").items()
        },
        dependencies={
            _named(key, names): degree for key, degree in json.loads(dependencies or "{}").items()
        },
        values=tuple(tuple(item) for item in values or ()),
        freqs=tuple(freqs),
        base_freqs=tuple(base_freqs),
        expressions=expressions,
    )


def _named(key: str, names: dict[str, str]) -> str:
    """``1, -1 => 2`` as ``a, lower(b) => b``."""
    sides = (", ".join(names[n] for n in side.split(", ")) for side in key.split(" => "))
    return " => ".join(sides)
