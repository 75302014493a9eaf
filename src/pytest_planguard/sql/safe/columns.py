"""A new column without what reads or writes every row; that comes after, without the lock."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pglast import ast, enums
from pglast.stream import RawStream

from pytest_planguard.model.ports import quoted
from pytest_planguard.sql.safe.altered import Altered
from pytest_planguard.sql.safe.constraints import by_index, can_be_split, not_null, validated_later
from pytest_planguard.sql.safe.parts import BATCH, Batches, Part

_Kind = enums.ConstrType

_INDEXED = frozenset({_Kind.CONSTR_UNIQUE, _Kind.CONSTR_PRIMARY})
_CHECKED = frozenset({_Kind.CONSTR_FOREIGN, _Kind.CONSTR_CHECK})
_INSTANT = frozenset({_Kind.CONSTR_NULL, _Kind.CONSTR_NOTNULL})
_CARRIED = _INDEXED | _CHECKED | _INSTANT | {_Kind.CONSTR_DEFAULT}
"""All that a recipe carries over: there is none for a column that has anything else."""


def added_column(change: Any, table: Altered) -> Iterator[Part]:
    """The parts; nothing where a part of the column would be lost, or none of it waits."""
    column = change.def_
    constraints = column.constraints or ()
    if change.missing_ok or not constraints or not all(map(_is_carried, constraints)):
        return
    kinds = {one.contype for one in constraints}
    if not kinds - _INSTANT:
        return
    yield _bare(column, table)
    for one in constraints:
        if one.contype == _Kind.CONSTR_DEFAULT:
            yield from _default(column.colname, one, table)
    # A primary key takes the column as NOT NULL, and could not be made of NULLs.
    if kinds & {_Kind.CONSTR_NOTNULL, _Kind.CONSTR_PRIMARY}:
        yield from not_null(column.colname, table)
    for one in constraints:
        yield from _constraint(column.colname, one, table)


def _is_carried(constraint: Any) -> bool:
    kind = constraint.contype
    if kind in _CHECKED:
        return not constraint.skip_validation and bool(constraint.is_enforced)
    return kind in _CARRIED and (kind not in _INDEXED or can_be_split(constraint))


def _bare(column: Any, table: Altered) -> Part:
    """With its type, collation and storage alone."""
    every = column.constraints
    column.constraints = None
    text = str(RawStream()(column))
    column.constraints = every
    return Part(f"ALTER TABLE {table.name} ADD COLUMN {text}")


def _default(column: str, constraint: Any, table: Altered) -> Iterator[Part]:
    value = str(RawStream()(constraint.raw_expr))
    yield Part(f"ALTER TABLE {table.name} ALTER COLUMN {quoted(column)} SET DEFAULT {value}")
    yield from filled(table, column, value)


def _constraint(column: str, constraint: Any, table: Altered) -> Iterator[Part]:
    """What a column's constraint is as the table's."""
    if constraint.contype in _INDEXED:
        yield from by_index(constraint, table, (column,))
    elif constraint.contype == _Kind.CONSTR_CHECK:
        yield from validated_later(constraint, table)
    elif constraint.contype == _Kind.CONSTR_FOREIGN:
        constraint.fk_attrs = (ast.String(column),)
        yield from validated_later(constraint, table)
        constraint.fk_attrs = None


def filled(table: Altered, column: str, value: str) -> Iterator[Part]:
    """The rows that are there, a range of the key at a time."""
    keys: tuple[str, ...] = ()
    if table.known is not None:
        keys = next((one.columns for one in table.known.constraints if one.kind == "p"), ())
    text = f"UPDATE {table.name} SET {quoted(column)} = {value}"  # noqa: S608 - words for a person
    if len(keys) != 1:
        yield Part(comment=f"in batches, each committed: {text} WHERE {quoted(column)} IS NULL")
        return
    key = quoted(keys[0])
    condition = f"{key} > :last AND {key} <= :next AND {quoted(column)} IS NULL"
    yield Part(
        comment=f"{BATCH:,} rows at a time",
        batches=Batches(f"{text} WHERE {condition}", table.name, key),
    )
