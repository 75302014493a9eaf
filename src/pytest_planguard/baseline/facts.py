"""Columns and constraints that moved between two worlds, and the DDL that puts them back."""

from __future__ import annotations

import re
from collections.abc import Iterator
from collections.abc import Set as AbstractSet

import msgspec

from pytest_planguard.model.baseline import World
from pytest_planguard.model.moved import Moved, Part, Undo
from pytest_planguard.model.ports import quoted

_COLUMN = re.compile(
    r"column (?P<name>\S+) (?P<type>.+?)(?P<not_null> not null)?(?: collate (?P<collation>\S+))?"
    r"(?P<rest> identity| (?:default|generated) .*)?",
    re.DOTALL,
)
_CONSTRAINT = re.compile(r"constraint (?P<name>\S+) (?P<definition>.*)", re.DOTALL)
_OF_INDEXES = ("PRIMARY KEY", "UNIQUE", "EXCLUDE")
"""Constraints whose index says as much."""


class _Column(msgspec.Struct, frozen=True):
    name: str
    type: str
    """With its collation."""
    not_null: bool
    rest: str
    fact: str
    """As the world has it, without the word ``column``."""


def facts_moved(tables: AbstractSet[str], old: World, now: World) -> Iterator[Moved]:
    """Columns and constraints of the tables that went, came or changed.

    A table that is there on one side only is another query's matter, and what partitions have is
    their table's.
    """
    for table in sorted(tables & old.tables.keys() & now.tables.keys()):
        was, is_now = old.tables[table], now.tables[table]
        if not any(fact.startswith("partition of ") for fact in was):
            yield from _columns(table, was, is_now)
            yield from _constraints(table, was, is_now)
        yield from _others(table, was, is_now)
    parts = [name for name in sorted(tables) if (name in old.tables) != (name in now.tables)]
    for name in parts:
        word = "is gone since the baseline" if name in old.tables else "is new"
        yield Moved(Part.SCHEMA, (f"partition {name} {word}",))


def _columns(table: str, was: tuple[str, ...], is_now: tuple[str, ...]) -> Iterator[Moved]:
    before, after = _named(was), _named(is_now)
    for name in before | after:
        one, other = before.get(name), after.get(name)
        if one == other:
            continue
        if other is None and one is not None:
            add = f"ALTER TABLE {_table(table)} ADD COLUMN {quoted(name)} {one.type}"
            sentence = f"column {table}.{name} is gone since the baseline"
            yield Moved(Part.SCHEMA, (sentence,), Undo((add,), (table,)))
        elif one is None and other is not None:
            yield Moved(Part.SCHEMA, (f"new column: {table}.{other.fact}",))
        elif one is not None and other is not None:
            sentence = f"column {table}.{name} changed: {_told(one)} → {_told(other)}"
            statements = tuple(_altered(table, one, other))
            undo = Undo(statements, (table,)) if statements else None
            yield Moved(Part.SCHEMA, (sentence,), undo)


def _named(facts: tuple[str, ...]) -> dict[str, _Column]:
    """Columns by name, in the table's order."""
    found = {}
    for fact in facts:
        if match := _COLUMN.fullmatch(fact):
            collation = match["collation"]
            kind = match["type"] + (f" COLLATE {quoted(collation)}" if collation else "")
            found[match["name"]] = _Column(
                match["name"],
                kind,
                bool(match["not_null"]),
                match["rest"] or "",
                fact.removeprefix("column "),
            )
    return found


def _told(column: _Column) -> str:
    return column.fact.partition(" ")[2]


def _altered(table: str, one: _Column, other: _Column) -> Iterator[str]:
    """What makes the column of today, in a table without rows, the one it was."""
    alter = f"ALTER TABLE {_table(table)} ALTER COLUMN {quoted(one.name)}"
    if one.type != other.type:
        if other.rest.startswith(" default"):
            yield f"{alter} DROP DEFAULT"
        yield f"{alter} TYPE {one.type} USING NULL"
    if one.not_null != other.not_null:
        yield f"{alter} {'SET' if one.not_null else 'DROP'} NOT NULL"


def _constraints(table: str, was: tuple[str, ...], is_now: tuple[str, ...]) -> Iterator[Moved]:
    before, after = _defined(was), _defined(is_now)
    alter = f"ALTER TABLE {_table(table)}"
    for name in before | after:
        one, other = before.get(name), after.get(name)
        if one == other:
            continue
        drop = (f"{alter} DROP CONSTRAINT {quoted(name)}",) if other is not None else ()
        add = (f"{alter} ADD CONSTRAINT {quoted(name)} {one}",) if one is not None else ()
        yield Moved(
            Part.SCHEMA, (_constraint(table, name, one, other),), Undo(drop + add, (table,))
        )


def _defined(facts: tuple[str, ...]) -> dict[str, str]:
    """Definitions by name; a column's NOT NULL is told with the column."""
    found = {}
    for fact in facts:
        match = _CONSTRAINT.fullmatch(fact)
        if match and not match["definition"].startswith((*_OF_INDEXES, "NOT NULL")):
            found[match["name"]] = match["definition"]
    return found


def _constraint(table: str, name: str, one: str | None, other: str | None) -> str:
    if other is None:
        return f"constraint {name} of {table} is gone since the baseline: {one}"
    if one is None:
        return f"new constraint: {name} of {table}: {other}"
    return f"constraint {name} of {table} changed: {one} → {other}"


def _others(table: str, was: tuple[str, ...], is_now: tuple[str, ...]) -> Iterator[Moved]:
    """Partitioning, which no statement changes."""
    for fact in was:
        if fact.startswith("partition") and fact not in is_now:
            yield Moved(Part.SCHEMA, (f"{table} lost: {fact}",))
    for fact in is_now:
        if fact.startswith("partition") and fact not in was:
            yield Moved(Part.SCHEMA, (f"{table} got: {fact}",))


def _table(name: str) -> str:
    schema, _, table = name.partition(".")
    return f"{quoted(schema)}.{quoted(table)}"
