"""Constraints, added so that nobody waits while they are checked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from pglast import ast, enums
from pglast.stream import RawStream
from pglast.visitors import Visitor

from pytest_planguard.model.ports import quoted
from pytest_planguard.sql.safe.altered import Altered
from pytest_planguard.sql.safe.parts import IndexParts, Part

_NOT_NULL_NOT_VALID = 18
"""Major from which NOT NULL can be added NOT VALID (release notes of PostgreSQL 18, E.1.3.4)."""

_Kind = enums.ConstrType


def constraint_parts(constraint: Any, table: Altered) -> Iterator[Part]:
    """A table's constraint; nothing where no way carries all of it over."""
    kind = constraint.contype
    if kind in (_Kind.CONSTR_FOREIGN, _Kind.CONSTR_CHECK):
        if not constraint.skip_validation and constraint.is_enforced:
            yield from validated_later(constraint, table)
    elif kind in (_Kind.CONSTR_UNIQUE, _Kind.CONSTR_PRIMARY):
        yield from by_index(constraint, table, _names(constraint.keys))


def can_be_split(constraint: Any) -> bool:
    """Whether its index can be made first with all the constraint says of it."""
    unsaid = constraint.options, constraint.indexspace, constraint.without_overlaps
    return not constraint.indexname and not any(unsaid)


def validated_later(constraint: Any, table: Altered) -> Iterator[Part]:
    """Added NOT VALID in an instant; validated under a lock that lets reads and writes go on."""
    if not constraint.conname:
        constraint.conname = _constraint_name(constraint, table)
    constraint.skip_validation, constraint.initially_valid = True, False
    text = " ".join(str(RawStream()(constraint)).split())
    constraint.skip_validation, constraint.initially_valid = False, True
    text = text if text.upper().endswith("NOT VALID") else f"{text} NOT VALID"
    yield Part(f"ALTER TABLE {table.name} ADD {text}")
    yield validate(table, constraint.conname)


def validate(table: Altered, constraint: str) -> Part:
    """Reads the table while it is read and written."""
    return Part(f"ALTER TABLE {table.name} VALIDATE CONSTRAINT {quoted(constraint)}", alone=True)


def _constraint_name(constraint: Any, table: Altered) -> str:
    """As PostgreSQL would name it: a check by its column, where it has but one."""
    if constraint.contype == _Kind.CONSTR_CHECK:
        columns = _columns_in(constraint.raw_expr)
        return table.free(next(iter(columns)) if len(columns) == 1 else "", "check")
    return table.free("_".join(_names(constraint.fk_attrs)), "fkey")


class _Columns(Visitor):
    def __init__(self) -> None:
        self.found: set[str] = set()

    def visit_ColumnRef(self, _: Any, node: Any) -> None:  # noqa: N802 - pglast's way
        last = node.fields[-1]
        self.found.add(str(last.sval) if isinstance(last, ast.String) else "*")


def _columns_in(expression: Any) -> set[str]:
    visitor = _Columns()
    visitor(expression)
    return visitor.found


def by_index(constraint: Any, table: Altered, columns: tuple[str, ...]) -> Iterator[Part]:
    """The index first, concurrently; the constraint then takes it over."""
    if not can_be_split(constraint):
        return
    primary = constraint.contype == _Kind.CONSTR_PRIMARY
    name = constraint.conname or _index_name(table, columns, primary=primary)
    if primary:
        for column in columns:
            known = table.known.column(column) if table.known else None
            if known is not None and not known.not_null:
                yield from not_null(column, table)
    included = _names(constraint.including)
    distinct = " NULLS NOT DISTINCT" if constraint.nulls_not_distinct else ""
    more = f" INCLUDE ({_listed(included)})" * bool(included) + distinct
    plain = IndexParts(name, table.schema, table.bare, columns, unique=True)
    yield Part(
        f"CREATE UNIQUE INDEX CONCURRENTLY {quoted(name)} ON {table.name} "
        f"({_listed(columns)}){more}",
        alone=True,
        index=None if more else plain,
    )
    word = "PRIMARY KEY" if primary else "UNIQUE"
    yield taken_over(table, name, f"{word} USING INDEX {quoted(name)}{_checked(constraint)}")


def _index_name(table: Altered, columns: Sequence[str], *, primary: bool) -> str:
    return table.free("", "pkey") if primary else table.free("_".join(columns), "key")


def taken_over(table: Altered, name: str, what: str) -> Part:
    """The constraint of an index that is there."""
    return Part(f"ALTER TABLE {table.name} ADD CONSTRAINT {quoted(name)} {what}", alone=True)


def _checked(constraint: Any) -> str:
    """When it is checked."""
    deferred = " INITIALLY DEFERRED" if constraint.initdeferred else ""
    return f" DEFERRABLE{deferred}" if constraint.deferrable else ""


def not_null(column: str, table: Altered) -> Iterator[Part]:
    """A validated constraint lets SET NOT NULL believe it without reading the table."""
    name = table.free(column, "not_null")
    if table.major >= _NOT_NULL_NOT_VALID:
        yield Part(
            f"ALTER TABLE {table.name} ADD CONSTRAINT {quoted(name)} "
            f"NOT NULL {quoted(column)} NOT VALID"
        )
        yield validate(table, name)
        return
    yield Part(
        f"ALTER TABLE {table.name} ADD CONSTRAINT {quoted(name)} "
        f"CHECK ({quoted(column)} IS NOT NULL) NOT VALID"
    )
    yield validate(table, name)
    yield Part(f"ALTER TABLE {table.name} ALTER COLUMN {quoted(column)} SET NOT NULL", alone=True)
    yield Part(f"ALTER TABLE {table.name} DROP CONSTRAINT {quoted(name)}", alone=True)


def _names(keys: Any) -> tuple[str, ...]:
    return tuple(one.sval for one in keys or ())


def _listed(columns: Sequence[str]) -> str:
    return ", ".join(map(quoted, columns))
