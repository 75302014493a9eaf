"""Tells whether a miss comes from the ends of indexes, which an empty one cannot have.

For a condition near the first or the last bound of a histogram, and for merge joins, the planner
looks up the present least and greatest value in a btree (``get_actual_variable_range`` in
selfuncs.c) and takes it instead of the bound. The pull reads no table and no index, so it does
not know these values. Here they are read from the real database and put in the bounds' place: a
query that then plans identically was missed for this reason and no other.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from psycopg import sql

from pytest_planguard.fixturedb.scale import statistics_file
from pytest_planguard.model.statistics import ColumnStatistics

if TYPE_CHECKING:
    import psycopg

CAUSE = "the planner looks up the ends of an index there; an empty one has none"

_INDEXED = """
SELECT DISTINCT n.nspname, c.relname, a.attname
FROM pg_index i
JOIN pg_class c ON c.oid = i.indrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_class x ON x.oid = i.indexrelid
JOIN pg_am m ON m.oid = x.relam AND m.amname = 'btree'
JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
WHERE i.indpred IS NULL AND c.relkind IN ('r', 'm') AND n.nspname !~ '^pg_'
"""


def put_real_ends(file: Path, connection: psycopg.Connection[Any]) -> None:
    """Rewrites a statistics file with the least and greatest value of every indexed column.

    Args:
        file: With all values.
        connection: To the database with rows.
    """
    statistics = statistics_file.read(file)
    tables = dict(statistics.tables)
    connection.execute("SET TimeZone = 'UTC'")
    for schema, name, column in connection.execute(_INDEXED).fetchall():
        table = tables[f"{schema}.{name}"]
        facts = table.columns.get(column)
        if facts is None or not facts.histogram_bounds:
            continue
        query = sql.SQL("SELECT min({0})::text, max({0})::text FROM ONLY {1}").format(
            sql.Identifier(column), sql.Identifier(schema, name)
        )
        least, greatest = connection.execute(query).fetchone() or ("", "")
        columns = {**table.columns, column: _with_ends(facts, least, greatest)}
        tables[f"{schema}.{name}"] = msgspec.structs.replace(table, columns=columns)
    statistics_file.write(msgspec.structs.replace(statistics, tables=tables), file)


def _with_ends(facts: ColumnStatistics, least: str, greatest: str) -> ColumnStatistics:
    bounds = (least, *facts.histogram_bounds[1:-1], greatest)
    return msgspec.structs.replace(facts, histogram_bounds=bounds)
