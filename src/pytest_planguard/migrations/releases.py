"""Two releases on each other's schema: which of their statements the server would refuse there.

A statement is prepared, never run, on the twin before the migration and after it. What is refused
on both sides says nothing of the migration.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec

from pytest_planguard.model.baseline import Entry
from pytest_planguard.model.catalog import Catalog, Column, Table
from pytest_planguard.model.migrating import Broken, Release
from pytest_planguard.model.query import Query
from pytest_planguard.planner.wire import Prepare, Refused, Run, Step, Wire, literal
from pytest_planguard.sql.inserts import Insert, inserts
from pytest_planguard.sql.preparable import WAYS, preparable
from pytest_planguard.sql.types import oid_of


class Said(msgspec.Struct, frozen=True):
    """A statement of a release."""

    sql: str
    """Normalised, as reports have it."""
    where: str
    """``app/orders.py list_orders``."""
    text: str = ""
    """What is prepared; empty: the normal form, its lists written out."""
    oids: tuple[int, ...] = ()
    """Of its parameters; 0: untyped."""
    search_path: str = ""
    """Empty: the database's own."""


_Answers = list[Refused | None]
"""The server's, to the Parse message of each; None: it takes it."""


def known(entry: Entry, search_path: str = "") -> Said:
    """A statement of the baseline.

    Its types are those of the parameters that were bound: where constants became parameters too,
    nobody knows which is which, and the server infers them all.
    """
    where = ", ".join(f"{at.file} {at.function}" for at in entry.origins[:1]) or entry.key
    types = entry.parameter_types if len(entry.parameter_types) == parameters(entry.sql) else ()
    return Said(entry.sql, where, oids=tuple(map(oid_of, types)), search_path=search_path)


def asked(query: Query) -> Said:
    """A statement of this branch, in the first of the ways it was sent."""
    origin = min(place.origin for place in query.places)
    variant = query.variants[0]
    return Said(
        query.sql,
        f"{origin.file} {origin.function}",
        variant.plannable or variant.text,
        tuple(int(one) if one and one.isdigit() else 0 for one in variant.parameter_types),
        variant.session.search_path or "",
    )


def parameters(normal: str) -> int:
    """How many a normal form has."""
    return max((int(one) for one in _PARAMETER.findall(normal)), default=0)


_PARAMETER = re.compile(r"\$(\d+)")


def prepared(said: Sequence[Said], own: str, other: str) -> tuple[_Answers, _Answers]:
    """The answers on the schema statements were written for, and on the other.

    What its own schema refuses is tried in other ways, and asked on the other in the first that it
    takes: without types, and with those that constants of arithmetic may have had.

    Args:
        said: The statements.
        own: A connection string of the schema they were written for.
        other: Of the other side of the migration.
    """
    said = list(said)
    here = _refused(said, own)
    for way in WAYS:
        left = [number for number, answer in enumerate(here) if answer is not None]
        tried = [_in_a_way(said[number], way) for number in left]
        for number, one, answer in zip(left, tried, _refused(tried, own), strict=True):
            if answer is None:
                said[number], here[number] = one, None
    return here, _refused(said, other)


def _in_a_way(one: Said, way: Callable[[str], str]) -> Said:
    """The statement without types of parameters, and written as a way has it."""
    return msgspec.structs.replace(one, text=way(one.text or one.sql), oids=())


def _refused(said: Sequence[Said], conninfo: str) -> _Answers:
    if not said:
        return []
    with Wire(conninfo) as wire:
        units = wire.send(_unit(one) for one in said).land()
    return [next((one for one in unit if isinstance(one, Refused)), None) for unit in units]


def _unit(one: Said) -> list[Step]:
    prepare = Prepare("", one.text or preparable(one.sql), one.oids)
    if not one.search_path:
        return [prepare]
    path = literal(one.search_path)
    return [Run(f"SELECT set_config('search_path', {path}, true)"), prepare]


def unread(release: Release, answers: Sequence[Refused | None]) -> str:
    """A sentence on statements that their own schema refuses; empty: there are none."""
    refused = [one for one in answers if one is not None]
    if not refused:
        return ""
    whose = "the baseline's" if release is Release.PREVIOUS else "this branch's"
    side = "before" if release is Release.PREVIOUS else "after"
    return (
        f"{len(refused):,} of {whose} {len(answers):,} statements cannot be prepared on the schema "
        f"{side} the migration either, and say nothing of it (the first: {refused[0].message})"
    )


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
        for insert in inserts(one.text or preparable(one.sql)):
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
