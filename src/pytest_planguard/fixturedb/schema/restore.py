"""A cloned schema made again: in order, in batches, with retries for what came too early."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pytest_planguard.fixturedb.schema import standins
from pytest_planguard.model.ports import Needs
from pytest_planguard.model.schema import Schema, SchemaObject

if TYPE_CHECKING:
    import psycopg

BATCH = 200
"""Objects sent together; where one fails, its batch is sent again one by one."""

_LATE = ("constraint", "index")
"""Before the first of them all else is tried again: an index that came late would lose ties."""

_LOST = (None, "57P01", "57P02", "57P03")
"""No answer; administrator's shutdown, crash, cannot connect now."""

_SESSION = (
    "SET check_function_bodies = off; SET client_min_messages = error;"
    " SET search_path = pg_catalog; SET default_table_access_method = heap"
)


def needs(schema: Schema) -> Needs:
    """Extensions and collations the server must have."""
    return Needs(
        extensions=frozenset(
            extension_of(item) for item in schema.objects if item.kind == "extension"
        ),
        icu=any(
            (item.kind == "collation" and "provider = icu" in item.ddl) or '-x-icu"' in item.ddl
            for item in schema.objects
        ),
    )


def extension_of(item: SchemaObject) -> str:
    """The bare name of an extension's object."""
    return item.name.strip('"')


def restore(
    connection: psycopg.Connection[Any], schema: Schema, *, ours: bool = False
) -> tuple[str, ...]:
    """Makes all objects in an empty database; returns what is lacking, in sentences.

    Args:
        connection: In autocommit mode.
        schema: As cloned, in order.
        ours: The server is of our own making: roles may be made there.
    """
    lacking = list(schema.lacking)
    connection.execute(_SESSION)
    items = _without_missing_extensions(connection, schema.objects, lacking)
    split = next((n for n, item in enumerate(items) if item.kind in _LATE), len(items))
    left = _made(connection, items[:split], [], lacking, ours=ours)
    left = _made(connection, items[split:], left, lacking, ours=ours)
    lacking += sentences(_why(connection, left))
    connection.execute("RESET ALL")
    return tuple(dict.fromkeys(one for one in lacking if one))


def _made(
    connection: psycopg.Connection[Any],
    items: Sequence[SchemaObject],
    left: Sequence[SchemaObject],
    lacking: list[str],
    *,
    ours: bool,
) -> list[SchemaObject]:
    """Makes objects, and again those that came too early, until nothing more succeeds."""
    failed = [*left, *_first_pass(connection, items)]
    while failed:
        still = _again(connection, failed, lacking, ours=ours)
        if len(still) == len(failed):
            break
        failed = still
    return failed


def _without_missing_extensions(
    connection: psycopg.Connection[Any], objects: Sequence[SchemaObject], lacking: list[str]
) -> list[SchemaObject]:
    """Objects to make; functions stand in for extensions the server lacks, where they can."""
    wanted = [item for item in objects if item.kind == "extension"]
    if not wanted:
        return list(objects)
    available = standins.available_extensions(connection)
    missing = [item for item in wanted if extension_of(item) not in available]
    schemas = [item for item in objects if item.kind == "schema"] if missing else []
    _first_pass(connection, schemas)
    for item in missing:
        schema = item.ddl.rpartition(" SCHEMA ")[2].strip('"').replace('""', '"')
        lacking.append(standins.stand_in(connection, extension_of(item), schema))
    done = {*missing, *schemas}
    return [item for item in objects if item not in done]


def _first_pass(
    connection: psycopg.Connection[Any], items: Sequence[SchemaObject]
) -> list[SchemaObject]:
    """Makes what it can in whole batches; returns what is left to be done one by one."""
    import psycopg

    left: list[SchemaObject] = []
    for start in range(0, len(items), BATCH):
        batch = items[start : start + BATCH]
        try:
            # One simple query is one transaction: all of the batch or nothing.
            connection.execute(";\n".join(item.ddl for item in batch).encode())
        except psycopg.Error as error:
            if error.sqlstate in _LOST:
                raise
            left += _one_by_one(connection, batch)
    return left


def _one_by_one(
    connection: psycopg.Connection[Any], items: Sequence[SchemaObject]
) -> list[SchemaObject]:
    import psycopg

    failed = []
    for item in items:
        try:
            connection.execute(item.ddl.encode())
        except psycopg.Error as error:
            if error.sqlstate in _LOST:
                raise
            failed.append(item)
    return failed


def _again(
    connection: psycopg.Connection[Any],
    items: Sequence[SchemaObject],
    lacking: list[str],
    *,
    ours: bool,
) -> list[SchemaObject]:
    """A further pass, in which stand-ins count."""
    import psycopg

    failed = []
    for item in items:
        try:
            connection.execute(item.ddl.encode())
        except psycopg.Error as error:
            if error.sqlstate in _LOST:
                raise
            sentence = standins.instead(connection, item.ddl, error, ours=ours)
            if sentence is None:
                failed.append(item)
            else:
                lacking.append(sentence)
    return failed


def _why(
    connection: psycopg.Connection[Any], items: Sequence[SchemaObject]
) -> list[tuple[SchemaObject, str]]:
    """The server's message for each that cannot be made."""
    import psycopg

    reasons = []
    for item in items:
        try:
            connection.execute(item.ddl.encode())
        except psycopg.Error as error:
            if error.sqlstate in _LOST:
                raise
            reasons.append((item, error.diag.message_primary or str(error)))
    return reasons


def sentences(left_out: Sequence[tuple[SchemaObject, str]]) -> list[str]:
    """One for each object that is left out by itself; what only needs it is counted there."""
    names = [item.name for item, _ in left_out]
    following: Counter[str] = Counter()
    alone: list[tuple[SchemaObject, str]] = []
    for item, reason in left_out:
        cause = next((name for name in names if f'"{name}"' in reason and name != item.name), None)
        if cause is None:
            alone.append((item, reason))
        else:
            following[cause] += 1
    return [
        f"{item.kind} {item.name} is left out: {reason}"
        + (f" (and {following[item.name]} more that need it)" if following[item.name] else "")
        for item, reason in alone
    ]
