"""Another type for a column: a new one beside it, filled in batches, then in its place.

What stands on the old column goes with it when it is dropped, so that all of it is made on the
new one first. Where that can't be said in SQL there is no recipe.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from pglast.stream import RawStream

from pytest_planguard.model.catalog import Column, Constraint, Index
from pytest_planguard.model.ports import quoted
from pytest_planguard.sql.safe.altered import Altered
from pytest_planguard.sql.safe.columns import filled
from pytest_planguard.sql.safe.constraints import not_null, taken_over, validate
from pytest_planguard.sql.safe.parts import Part

_LEFT_ALONE = frozenset("px")
"""Primary keys, which other tables and the batches stand on, and exclusion constraints."""

_NAMES_COLUMNS = re.compile(r" SET (?:NULL|DEFAULT) \(")
"""Of a foreign key: behind REFERENCES its own columns come again."""


def retyped(change: Any, table: Altered) -> Iterator[Part]:
    """The parts; nothing where something that stands on the column would be lost."""
    column = change.name
    if table.known is None or (old := table.known.column(column)) is None:
        return
    if not _can_be_replaced(old, table):
        return
    kind = str(RawStream()(change.def_.typeName))
    new = f"{column}_new"[:63]
    using = change.def_.raw_default
    value = str(RawStream()(using)) if using else f"{quoted(column)}::{kind}"
    yield Part(f"ALTER TABLE {table.name} ADD COLUMN {quoted(new)} {_typed(change.def_)}")
    if old.default is not None:
        yield Part(f"ALTER TABLE {table.name} ALTER COLUMN {quoted(new)} SET DEFAULT {old.default}")
    yield Part(comment=f"from here on the application, or a trigger, writes {column} and {new}")
    yield from filled(table, new, value)
    if old.not_null:
        yield from not_null(new, table)
    for one in _indexes(table, column):
        yield Part(_index_on(one, column, new), alone=True)
    for constraint in _constraints(table, column):
        yield from _constraint_on(constraint, table, column, new)
    yield Part(comment="in a migration of its own, when every release reads the new one:")
    yield Part(f"ALTER TABLE {table.name} DROP COLUMN {quoted(column)}")
    yield Part(f"ALTER TABLE {table.name} RENAME COLUMN {quoted(new)} TO {quoted(column)}")


def _typed(definition: Any) -> str:
    """The type with the collation it is given."""
    text = str(RawStream()(definition.typeName))
    collation = definition.collClause
    return f"{text} {RawStream()(collation)}" if collation else text


def _can_be_replaced(column: Column, table: Altered) -> bool:
    """Whether nothing stands on it that a statement could not make again."""
    known = table.known
    assert known is not None
    serial = column.default is not None and "nextval(" in column.default
    if column.identity or column.generated or serial or known.partition_columns or known.parents:
        return False
    if any(_is_left_alone(one) for one in _constraints(table, column.name)):
        return False
    pointed_at = any(
        one.references == known.qualified and column.name in one.referenced_columns
        for other in table.catalog.tables.values()
        for one in other.constraints
    )
    computed = any(
        one.generated and mentions(one.default or "", column.name) for one in known.columns
    )
    return not pointed_at and not computed


def _constraints(table: Altered, column: str) -> list[Constraint]:
    """Those that stand on it, but for NOT NULL, which is the column's own."""
    every = table.known.constraints if table.known is not None else ()
    return [one for one in every if column in one.columns and one.kind != "n"]


def _is_left_alone(constraint: Constraint) -> bool:
    text = constraint.definition
    return bool(
        constraint.kind in _LEFT_ALONE or "NOT ENFORCED" in text or _NAMES_COLUMNS.search(text)
    )


def _indexes(table: Altered, column: str) -> Iterator[Index]:
    """Those that go with it, in their keys, their conditions or beside them."""
    assert table.known is not None
    foreign = {one.name for one in table.known.constraints if one.kind == "u"}
    for index in table.catalog.indexes_of(table.known.qualified):
        if index.constraint is not None and index.constraint not in foreign:
            continue
        if mentions(index.definition.partition(" USING ")[2], column):
            yield index


def _index_on(index: Index, column: str, new: str) -> str:
    made = index.definition.replace(
        f"INDEX {quoted(index.name)} ", f"INDEX {quoted(_new(index.name))} ", 1
    )
    head, _, keys = made.partition(" USING ")
    concurrently = head.replace("INDEX ", "INDEX CONCURRENTLY ", 1)
    return f"{concurrently} USING {renamed(keys, column, new)}"


def _constraint_on(constraint: Constraint, table: Altered, column: str, new: str) -> Iterator[Part]:
    """The same on the new column, under a name of its own."""
    name = _new(constraint.name)
    if constraint.kind == "u":
        late = constraint.definition.rpartition(")")[2].strip()
        what = f"UNIQUE USING INDEX {quoted(name)} {late}".strip()
        yield taken_over(table, name, what)
        return
    keys, word, target = constraint.definition.partition(" REFERENCES ")
    # A foreign key's own columns alone: the other table's may have the same names.
    said = f"{renamed(keys, column, new)}{word}{target}".removesuffix(" NOT VALID")
    yield Part(f"ALTER TABLE {table.name} ADD CONSTRAINT {quoted(name)} {said} NOT VALID")
    if not constraint.definition.endswith(" NOT VALID"):
        yield validate(table, name)


def _new(name: str) -> str:
    return f"{name[:59]}_new"


def _words(column: str) -> re.Pattern[str]:
    """A column's name, and strings, in which it means nothing."""
    name = re.escape(quoted(column))
    return re.compile(rf"'(?:[^']|'')*'|(?<![\w\".]){name}(?![\w\"(])")


def mentions(text: str, column: str) -> bool:
    """Whether a text of the server's names a column.

    >>> mentions("btree (lower(note)) WHERE kind = 'a b'", "note"), mentions("(kind = 'a b')", "b")
    (True, False)
    """
    return any(found.group()[0] != "'" for found in _words(column).finditer(text))


def renamed(text: str, column: str, new: str) -> str:
    """The same with another column in its place.

    >>> renamed("btree (a, lower(a)) WHERE b = 'a'", "a", "a_new")
    "btree (a_new, lower(a_new)) WHERE b = 'a'"
    """
    return _words(column).sub(
        lambda found: found.group() if found.group()[0] == "'" else quoted(new), text
    )
