"""Rows a schema's own statements left behind: the fixture is at scale only while it is empty."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import psycopg

_TABLES = """
SELECT format('%I.%I', n.nspname, c.relname), c.relkind
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'm') AND c.relpersistence <> 't'
    AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
    AND (c.relkind <> 'p')
    AND pg_catalog.pg_relation_size(c.oid) > 0
    AND NOT EXISTS (
        SELECT FROM pg_catalog.pg_depend d
        WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = c.oid
            AND d.deptype = 'e'
    )
ORDER BY c.oid
"""


def empty_tables(connection: psycopg.Connection[Any]) -> None:
    """Removes all rows, of tables with their children, of views that are kept as tables too."""
    found = connection.execute(_TABLES).fetchall()
    tables = [name for name, kind in found if kind == "r"]
    if tables:
        connection.execute(f"TRUNCATE {', '.join(tables)} RESTART IDENTITY CASCADE".encode())
    for name, kind in found:
        if kind == "m":
            connection.execute(f"REFRESH MATERIALIZED VIEW {name} WITH NO DATA".encode())
