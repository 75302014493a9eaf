"""A live database's schema, read from its catalogs: nothing is locked but by the deparsers.

Those take ACCESS SHARE for a moment, so that the connection's lock timeout is how long a test can
be waited for. Every query is a transaction of its own, so that no lock outlives it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from pytest_planguard.fixturedb.queries import named_queries
from pytest_planguard.model.schema import Schema, SchemaObject

Run = Callable[[str], Sequence[Sequence[Any]]]
"""Executes one SQL text and returns its rows; none for a command."""

STEPS: tuple[tuple[str, ...], ...] = (
    ("schemas",),
    ("extensions",),
    ("collations",),
    # One after the other as they were made: each may need any other.
    ("enums", "domains", "composites", "ranges", "functions", "aggregates", "operators", "casts",
     "sequences", "tables"),
    ("parents",),
    ("defaults",),
    ("owned",),
    ("targets",),
    ("checks",),
    ("indexes",),
    ("attached_indexes",),
    ("statistics",),
    ("foreign_keys",),
    ("views",),
    ("functions of views",),
    ("indexes of views",),
    ("statistics of views",),
    ("rules",),
    ("triggers",),
    ("security",),
    ("policies",),
)  # fmt: skip
"""What is made after what; the queries of one step are merged by OID."""

_FILES = ("clone_types.sql", "clone_tables.sql", "clone_indexes.sql")
_OURS = "n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'planguard')"
_MEMBER = "SELECT FROM pg_depend d WHERE d.deptype = 'e'"
_OF_VIEWS = " of views"
_PRINTING = (
    "SET search_path = pg_catalog; SET TimeZone = 'UTC'; SET DateStyle = 'ISO';"
    " SET IntervalStyle = 'postgres'; SET bytea_output = 'hex'; SET extra_float_digits = 3"
)
"""What constants are printed by: the same everywhere, and in forms that can be read again."""

_ON_VIEWS = """EXISTS (
        SELECT FROM pg_depend d
        LEFT JOIN pg_type vt ON d.refclassid = 'pg_type'::regclass AND vt.oid = d.refobjid
        LEFT JOIN pg_type ve ON ve.oid = vt.typelem
        JOIN pg_class v ON v.relkind IN ('v', 'm') AND v.oid = CASE
            WHEN d.refclassid = 'pg_class'::regclass THEN d.refobjid
            ELSE coalesce(nullif(vt.typrelid, 0), ve.typrelid) END
        WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid
    )"""
_DATABASE = (
    "SELECT current_setting('server_version_num')::int, d.datcollate::text,"
    " pg_catalog.pg_encoding_to_char(d.encoding)::text,"
    " coalesce((SELECT s.setting FROM pg_catalog.pg_settings s WHERE s.name = 'search_path'"
    " AND s.source IN ('database', 'user', 'database user')), '')"
    " FROM pg_catalog.pg_database d WHERE d.datname = current_database()"
)


def read_schema(run: Run) -> Schema:
    """The schema a session sees.

    Args:
        run: Sends a text to a session in autocommit mode, whose settings are ours to change; 13
            to 18.

    Raises:
        Exception: Of its driver: the database is gone, refuses, or a lock could not be had in time.
    """
    ((version, collation, encoding, search_path),) = run(_DATABASE)
    run(_PRINTING)
    queries = queries_for(version)
    objects = [item for step in STEPS for item in _merged(run(queries[name]) for name in step)]
    lacking = tuple(
        f"{kind} {name} is left out: {why}" for _, kind, name, why in run(queries["lacking"])
    )
    return Schema(
        objects=tuple(objects),
        server_version=version,
        collation=collation,
        encoding=encoding,
        search_path=search_path,
        lacking=lacking,
    )


def queries_for(version: int) -> dict[str, str]:
    """All queries by name, for a ``server_version_num``; pure."""
    queries: dict[str, str] = {}
    for file in _FILES:
        queries |= named_queries(__package__, file)
    for name in ("indexes", "statistics"):
        queries[name + _OF_VIEWS] = queries[name].replace("{kinds}", "'m'")
    words = {
        "{ours}": _OURS,
        "{member}": _MEMBER,
        "{on_views}": _ON_VIEWS,
        "{kinds}": "'r', 'p'",
        "{locale}": _locale(version),
        "{multirange}": _multirange(version),
    }
    return {name: _filled(text, words) for name, text in queries.items()}


def _filled(text: str, words: Mapping[str, str]) -> str:
    for word, meaning in words.items():
        text = text.replace(word, meaning)
    return text


def _locale(version: int) -> str:
    """Where the locale of an ICU collation is kept."""
    if version >= 170000:
        return "c.colllocale"
    return "c.colliculocale" if version >= 150000 else "c.collcollate"


def _multirange(version: int) -> str:
    """The range's multirange type, which has a name of its own since 14."""
    if version < 140000:
        return "''"
    name = "SELECT format('%I.%I', mn.nspname, m.typname)"
    tables = "pg_type m JOIN pg_namespace mn ON mn.oid = m.typnamespace"
    return f"', multirange_type_name = ' || ({name} FROM {tables} WHERE m.oid = r.rngmultitypid)"


def _merged(answers: Iterable[Sequence[Sequence[Any]]]) -> list[SchemaObject]:
    """The objects of a step in the order of their OIDs; equal OIDs keep the query's order.

    An object that was dropped meanwhile has no statement and is left out.
    """
    rows = sorted((row for answer in answers for row in answer), key=lambda row: int(row[0]))
    return [SchemaObject(kind, name, ddl) for _, kind, name, ddl in rows if ddl]
