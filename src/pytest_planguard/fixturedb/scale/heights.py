"""Heights of btrees and counters of GIN indexes, as the source's planner sees them.

Best source first: pageinspect, which reads what the planner reads; then the planner itself, whose
cost of a descent tells the height to any role that may read the table; then the index's file,
which may be older than the last checkpoint.
"""

from __future__ import annotations

import json
import re
import struct
from typing import TYPE_CHECKING, Any

import msgspec

from pytest_planguard.errors import ScaleError
from pytest_planguard.fixturedb.inflate.btree import read_height
from pytest_planguard.fixturedb.queries import named_queries
from pytest_planguard.model.statistics import GinPages

if TYPE_CHECKING:
    import psycopg

DESCENT = 50
"""What a page on the way down costs, in ``cpu_operator_cost``: DEFAULT_PAGE_CPU_MULTIPLIER in
selfuncs.c. ``btcostestimate`` charges it ``height + 1`` times, and one for each of the at most
``log2(tuples)`` comparisons: fewer than 50 for any table there can be."""

_GIN = struct.Struct("<IIIIqIII4xqi")
"""``GinMetaPageData`` (ginblock.h), unchanged from PostgreSQL 9.4 to 18."""
_PAGE_HEADER = 24
_GIN_VERSIONS = (0, 1, 2)

_QUOTED = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"")
_OPERATOR = re.compile(r"[-+*/<>=~!@#%^&|`?]+")
_HARMLESS = frozenset({"=", "<>", "||", "+", "-", "*", "/", "%"})


class Trees(msgspec.Struct, frozen=True):
    """By qualified index name."""

    heights: dict[str, int]
    gin: dict[str, GinPages]


def read(connection: psycopg.Connection[Any], *, may_read_files: bool) -> Trees:
    """What can be found out; the settings of the transaction are odd afterwards."""
    locked = named_queries(__package__, "pull.sql")["locked"]
    queries = {
        name: text.replace("{locked}", locked)
        for name, text in named_queries(__package__, "heights.sql").items()
    }
    inspected = _inspected(connection, queries)
    if inspected is not None:
        return inspected
    heights = _planned(connection, queries)
    files = _files(connection, queries) if may_read_files else Trees({}, {})
    return Trees({**files.heights, **heights}, files.gin)


def height_from_cost(startup: float) -> int | None:
    """A btree's height from the startup cost of reading it in order; None: no descent in it.

    >>> height_from_cost(50.0), height_from_cost(127.0), height_from_cost(3.0)
    (0, 1, None)
    """
    height = int(startup) // DESCENT - 1
    return height if height >= 0 else None


def reads_no_table(predicate: str) -> bool:
    """Whether a predicate can be planned without a look at a table.

    The planner looks up the real ends of an index where it estimates an inequality
    (``get_actual_variable_range``): that is a scan, if a short one.

    >>> reads_no_table("(deleted_at IS NULL)"), reads_no_table("(status <> 'a>b'::text)")
    (True, True)
    >>> reads_no_table("(total >= 100)"), reads_no_table("(name ~~ 'A%'::text)")
    (False, False)
    """
    bare = _QUOTED.sub("''", predicate)
    return set(_OPERATOR.findall(bare)) <= _HARMLESS and "starts_with" not in bare


def _inspected(connection: psycopg.Connection[Any], queries: dict[str, str]) -> Trees | None:
    """What pageinspect tells; None where it is not there or not for this role."""
    import psycopg
    from psycopg import sql

    row = connection.execute(
        "SELECT n.nspname FROM pg_catalog.pg_extension e "
        "JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'pageinspect'"
    ).fetchone()
    if row is None:
        return None
    schema = sql.Identifier(row[0]).as_string(connection)
    btree, gin = (
        queries[name].replace("{inspect}", schema) for name in ("inspected", "inspected_gin")
    )
    try:
        with connection.transaction():
            heights = dict(connection.execute(btree).fetchall())
            counters = connection.execute(gin).fetchall()
    except psycopg.errors.QueryCanceled:
        raise
    except psycopg.Error:  # superusers only; or an index that is locked, or broken
        return None
    return Trees(heights, {name: GinPages(*numbers) for name, *numbers in counters})


def _planned(connection: psycopg.Connection[Any], queries: dict[str, str]) -> dict[str, int]:
    """Heights the planner tells: of those indexes only that it chose when asked for them."""
    import psycopg

    asked = {
        name: question
        for name, question, predicate in connection.execute(queries["questions"]).fetchall()
        if question is not None and reads_no_table(predicate)
    }
    try:
        with connection.transaction():
            connection.execute(queries["only_descents"])
            connection.execute(queries["asked"], {"questions": json.dumps(asked)})
            connection.execute(queries["ask"])
            row = connection.execute(queries["told"]).fetchone()
    except psycopg.errors.QueryCanceled:
        raise
    except psycopg.Error:  # no PL/pgSQL, or not for this role
        return {}
    told = json.loads(row[0]) if row else []
    found = {
        name: height_from_cost(startup)
        for name, chosen, startup in told
        if chosen is not None and name.endswith(f".{chosen}")
    }
    return {name: height for name, height in found.items() if height is not None}


def _files(connection: psycopg.Connection[Any], queries: dict[str, str]) -> Trees:
    """What the first pages say as they were last written."""
    import psycopg

    try:
        with connection.transaction():
            rows = connection.execute(queries["files"]).fetchall()
    except psycopg.errors.QueryCanceled:
        raise
    except psycopg.Error:
        return Trees({}, {})
    heights: dict[str, int] = {}
    gin: dict[str, GinPages] = {}
    for name, method, page in rows:
        if method == "gin" and (counters := gin_pages(page or b"")) is not None:
            gin[name] = counters
        if method == "btree" and (height := _height(page or b"")) is not None:
            heights[name] = height
    return Trees(heights, gin)


def _height(page: bytes) -> int | None:
    try:
        return read_height(page)
    except ScaleError:
        return None


def gin_pages(page: bytes) -> GinPages | None:
    """The counters of a GIN metapage; None where it was not written yet."""
    if len(page) < _PAGE_HEADER + _GIN.size:
        return None
    numbers = _GIN.unpack_from(page, _PAGE_HEADER)
    _, _, _, pending, _, total, entry, data, entries, version = numbers
    if version not in _GIN_VERSIONS or total == 0:
        return None
    return GinPages(pending, total, entry, data, entries)
