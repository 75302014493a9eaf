"""Half-open ranges for comparisons with a day or a month: an index on the moment serves them."""

from __future__ import annotations

import msgspec
from pglast import enums

from pytest_planguard.sql.rewriting import moment_range
from pytest_planguard.sql.tree import (
    Node,
    Statement,
    conditions,
    is_a,
    nodes,
    parsed,
    printed,
    several,
    sql_of,
)

_UNITS = frozenset({"second", "minute", "hour", "day", "week", "month", "year"})
"""Of date_trunc that are intervals, too."""


class Range(msgspec.Struct, frozen=True):
    """One condition, before and after, as SQL."""

    old: str
    new: str
    begins: str
    """The unit the value has to begin for both to mean the same; empty: any value will do."""


class Ranges(msgspec.Struct, frozen=True):
    """A statement whose comparisons with cut-down moments became half-open ranges."""

    statement: Statement
    conditions: tuple[Range, ...]


class _Cut(msgspec.Struct, frozen=True):
    """A column of moments, cut down to a unit."""

    column: str
    unit: str
    is_date: bool


def half_open(text: str) -> Ranges | None:
    """The statement with a range for ``date(at) = x``, ``at::date = x``, ``date_trunc(…, at) = x``.

    It means the same in any time zone: a day is turned into a moment as the moment was into a
    day. Of date_trunc it does where the value begins a unit. None where nothing of the kind
    stands in its WHERE.
    """
    statement = parsed(text)
    found: list[Range] = []
    for condition, put in conditions(statement):
        cut = _compared_cut(condition)
        new = _range_of(condition, cut) if cut is not None else None
        if cut is not None and new is not None:
            found.append(Range(sql_of(condition), sql_of(new), "" if cut.is_date else cut.unit))
            put(new)
    return Ranges(printed(statement), tuple(found)) if found else None


def _compared_cut(condition: Node) -> _Cut | None:
    """What a condition compares with a value; None where it is no such comparison."""
    if not is_a(condition, "A_Expr") or condition.kind != enums.A_Expr_Kind.AEXPR_OP:
        return None
    depends = any(is_a(one, "ColumnRef") or is_a(one, "SubLink") for one in nodes(condition.rexpr))
    return None if depends else _cut_down(condition.lexpr)


def _range_of(condition: Node, cut: _Cut) -> Node:
    """The range a comparison means; None for an operator that means none."""
    value = sql_of(condition.rexpr)
    start = f"CAST({value} AS date)" if cut.is_date else f"({value})"
    end = f"{start} + 1" if cut.is_date else f"{start} + interval '1 {cut.unit}'"
    new = moment_range(cut.column, condition.name[-1].sval, start, end)
    return parsed(f"SELECT {new}").targetList[0].val if new else None


def _cut_down(node: Node) -> _Cut | None:
    """The column that is cut down to a date or a unit; None where none is."""
    if is_a(node, "TypeCast") and node.typeName.names[-1].sval == "date":
        return _of_column(node.arg, "day", is_date=True)
    if not is_a(node, "FuncCall"):
        return None
    name, arguments = node.funcname[-1].sval, several(node.args)
    if name == "date" and len(arguments) == 1:
        return _of_column(arguments[0], "day", is_date=True)
    unit = getattr(getattr(arguments[0], "val", None), "sval", "") if arguments else ""
    if name == "date_trunc" and len(arguments) == 2 and unit in _UNITS:
        return _of_column(arguments[1], unit, is_date=False)
    return None


def _of_column(node: Node, unit: str, *, is_date: bool) -> _Cut | None:
    return _Cut(sql_of(node), unit, is_date) if is_a(node, "ColumnRef") else None
