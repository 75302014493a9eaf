"""Two releases on each other's schema: which of their statements the server would refuse there.

A statement is prepared, never run, on the twin before the migration and after it. What is refused
on both sides says nothing of the migration.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from pytest_planguard.model.catalog import Catalog, Column, Table
from pytest_planguard.model.migrating import Broken, Release
from pytest_planguard.planner.wire import Prepare, Refused, Wire
from pytest_planguard.sql.inserts import Insert, inserts


class Said(msgspec.Struct, frozen=True):
    """A statement of a release."""

    sql: str
    where: str
    """``app/orders.py list_orders``."""


def refused(said: Sequence[Said], conninfo: str, settings: dict[str, str]) -> list[Refused | None]:
    """The server's answer to the Parse message of each; None: it takes it."""
    with Wire(conninfo, settings) as wire:
        flight = wire.send([Prepare("", one.sql, ())] for one in said)
        answers = [unit[0] for unit in flight.land()]
    return [one if isinstance(one, Refused) else None for one in answers]


def broken(
    release: Release,
    said: Sequence[Said],
    own: Sequence[Refused | None],
    other: Sequence[Refused | None],
    schemas: tuple[Catalog, Catalog],
) -> list[Broken]:
    """Statements that their own schema takes and the other does not; pure.

    Args:
        release: Whose they are.
        said: The statements.
        own: The answers on the schema they were written for.
        other: Those on the other side of the migration.
        schemas: Their own, and the other.
    """
    lacking = _lacking(*schemas)
    found = []
    for one, here, there in zip(said, own, other, strict=True):
        if here is None and there is not None:
            relation, what = _cause(there.message, lacking)
            found.append(Broken(release, one.sql, one.where, what, relation))
    return found


def _lacking(own: Catalog, other: Catalog) -> dict[str, tuple[str, str]]:
    """Columns and tables that one schema has alone: by name, the table and a sentence.

    A name that two tables lack tells neither.
    """
    found: dict[str, tuple[str, str]] = {}
    twice: set[str] = set()
    for name, table in own.tables.items():
        now = other.tables.get(name)
        gone = (
            [table.name]
            if now is None
            else [one.name for one in table.columns if now.column(one.name) is None]
        )
        for word in gone:
            what = "table" if now is None else "column"
            twice |= {word} & found.keys()
            found[word] = (name, f"there is no {what} {word}")
    return {word: cause for word, cause in found.items() if word not in twice}


_NAMES = re.compile(r"\w+")


def _cause(message: str, lacking: Mapping[str, tuple[str, str]]) -> tuple[str | None, str]:
    """The table a refusal is about, and why; the server's own words where that is not known."""
    words = _NAMES.findall(message)
    return next((lacking[word] for word in reversed(words) if word in lacking), (None, message))


def inserts_that_fail(said: Iterable[Said], before: Catalog, after: Catalog) -> list[Broken]:
    """INSERTs of the running release that leave out a column which may not be NULL any more."""
    found: list[Broken] = []
    for one in said:
        for insert in inserts(one.sql):
            table = _table(insert, after)
            old = _table(insert, before)
            if table is None or old is None:
                continue
            for column in _missed(insert, old, table):
                message = f"INSERT leaves out {column}, which may not be NULL and has no default"
                found.append(Broken(Release.PREVIOUS, one.sql, one.where, message, table.qualified))
    return found


def _missed(insert: Insert, before: Table, after: Table) -> list[str]:
    """Columns it gives no value to, and got none before without harm."""
    given = _given(insert, before)
    return [
        column.name
        for column in after.columns
        if _is_wanted(column) and column.name not in given and not _was_wanted(column, before)
    ]


def _given(insert: Insert, before: Table) -> frozenset[str]:
    """Without a list, values go to the first columns there are."""
    if insert.columns is not None:
        return frozenset(insert.columns)
    names = [column.name for column in before.columns]
    return frozenset(names if insert.values is None else names[: insert.values])


def _is_wanted(column: Column) -> bool:
    filled = column.default is not None or column.identity or column.generated
    return column.not_null and not filled


def _was_wanted(column: Column, before: Table) -> bool:
    old = next((one for one in before.columns if one.number == column.number), None)
    return old is not None and _is_wanted(old)


def _table(insert: Insert, catalog: Catalog) -> Table | None:
    if insert.schema:
        return catalog.tables.get(f"{insert.schema}.{insert.relation}")
    if (public := catalog.tables.get(f"public.{insert.relation}")) is not None:
        return public
    found = [one for one in catalog.tables.values() if one.name == insert.relation]
    return found[0] if len(found) == 1 else None
