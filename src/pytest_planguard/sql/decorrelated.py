"""Sub-selects that are run for each row, as ones that are run once.

PostgreSQL turns EXISTS and IN into joins; a sub-select that gives a value it runs again for every
row of the table around it (its manual, 9.24 and the planner's README: "pull up" is of sub-links of
these two kinds only).
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from pglast import enums

from pytest_planguard.sql.tree import (
    Node,
    Statement,
    called,
    conditions,
    is_a,
    is_boolean,
    nodes,
    parsed,
    printed,
    several,
    sources,
    sql_of,
    tables,
)

_EXPRESSION = enums.SubLinkType.EXPR_SUBLINK
_NULL_OF_NOTHING = frozenset({"max", "min", "avg", "sum"})
"""Aggregates that are NULL where there are no rows, so that nothing equals them."""
_FLIPPED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}
_ANY_AT_ALL = frozenset({(">", 0), (">=", 1), ("<>", 0)})
_NONE = frozenset({("=", 0), ("<", 1), ("<=", 0)})


class Decorrelated(msgspec.Struct, frozen=True):
    """A statement with one condition written otherwise."""

    statement: Statement
    place: int
    """Of the condition among those that AND joins in WHERE."""
    old: str
    new: str


def decorrelated(text: str, place: int | None = None, like: str = "") -> Decorrelated | None:
    """The statement with its first sub-select that gives a value as one that is joined.

    ``(SELECT count(*) …) > 0`` is EXISTS, ``= 0`` is NOT EXISTS; ``x = (SELECT max(s.x) FROM s
    WHERE s.k = t.k)`` is ``(t.k, x) IN (SELECT s.k, max(s.x) FROM s GROUP BY s.k)``. The same rows
    are selected.

    Args:
        text: One statement.
        place: Only this condition is looked at; None: all are.
        like: What a constant of it stood for, where the text is a normal form that holds none:
            EXISTS or NOT EXISTS.
    """
    statement = parsed(text)
    for number, (condition, put) in enumerate(conditions(statement)):
        if place is not None and number != place:
            continue
        new = _counted(condition, like) or _grouped(condition, statement)
        if new:
            old = sql_of(condition)
            put(parsed(f"SELECT {new}").targetList[0].val)
            return Decorrelated(printed(statement), number, old, new)
    return None


def _sides(condition: Node) -> tuple[Node, str, Node] | None:
    """The sub-select, the operator and the other side of a comparison with a value."""
    if not is_a(condition, "A_Expr") or condition.kind != enums.A_Expr_Kind.AEXPR_OP:
        return None
    operator = str(condition.name[-1].sval)
    if _gives_a_value(condition.lexpr):
        return condition.lexpr.subselect, operator, condition.rexpr
    if _gives_a_value(condition.rexpr):
        flipped = _FLIPPED.get(operator, operator)
        return condition.rexpr.subselect, flipped, condition.lexpr
    return None


def _gives_a_value(node: Node) -> bool:
    return is_a(node, "SubLink") and node.subLinkType == _EXPRESSION and _is_simple(node.subselect)


def _is_simple(select: Node) -> bool:
    """One aggregate over rows of tables and WHERE, and nothing besides."""
    more = (
        select.groupClause, select.havingClause, select.limitCount, select.limitOffset,
        select.withClause, select.valuesLists, select.windowClause, select.distinctClause,
    )  # fmt: skip
    targets = several(select.targetList)
    return (
        select.op == enums.SetOperation.SETOP_NONE
        and not any(more)
        and bool(select.fromClause)
        and len(tables(select.fromClause)) == len(select.fromClause)
        and len(targets) == 1
        and is_a(targets[0].val, "FuncCall")
        and targets[0].val.over is None
    )


def _counted(condition: Node, like: str) -> str:
    """EXISTS for a count that is compared with none; empty where it is no such."""
    sides = _sides(condition)
    if sides is None:
        return ""
    select, operator, value = sides
    counts = select.targetList[0].val
    if counts.funcname[-1].sval != "count" or not counts.agg_star or counts.agg_filter is not None:
        return ""
    word = like or _word(operator, value)
    where = f" WHERE {sql_of(select.whereClause)}" if select.whereClause is not None else ""
    read = ", ".join(sql_of(one) for one in select.fromClause)
    return f"{word} (SELECT 1 FROM {read}{where})" if word else ""  # noqa: S608 - printed trees


def _word(operator: str, value: Node) -> str:
    number = getattr(getattr(value, "val", None), "ival", None)
    if (operator, number) in _ANY_AT_ALL:
        return "EXISTS"
    return "NOT EXISTS" if (operator, number) in _NONE else ""


def _grouped(condition: Node, statement: Node) -> str:
    """IN over groups for an aggregate of the rows that belong to the row; empty: no such."""
    sides = _sides(condition)
    if sides is None:
        return ""
    select, operator, value = sides
    aggregate = select.targetList[0].val
    outer, inner = _names(sources(statement)), _names(select.fromClause)
    if (
        operator != "="
        or aggregate.funcname[-1].sval not in _NULL_OF_NOTHING
        or outer & inner
        or not _are_of((aggregate,), inner)
        or not _are_of((value,), outer)
    ):
        return ""
    pairs, rest = _split(select.whereClause, inner, outer)
    if not pairs or not _are_of(rest, inner):
        return ""
    ours = ", ".join([*(sql_of(one) for _, one in pairs), sql_of(value)])
    keys = ", ".join(sql_of(one) for one, _ in pairs)
    read = ", ".join(sql_of(one) for one in select.fromClause)
    texts = list(map(_within_and, rest)) if len(rest) > 1 else [sql_of(one) for one in rest]
    where = f" WHERE {' AND '.join(texts)}" if texts else ""
    groups = f"SELECT {keys}, {sql_of(aggregate)} FROM {read}{where} GROUP BY {keys}"  # noqa: S608 - printed trees
    return f"({ours}) IN ({groups})"


def _within_and(condition: Node) -> str:
    text = sql_of(condition)
    return f"({text})" if is_boolean(condition, enums.BoolExprType.OR_EXPR) else text


def _names(items: Node) -> set[str]:
    return {called(one) for one in tables(items)}


def _are_of(parts: Sequence[Node], names: set[str]) -> bool:
    """Whether all columns say that they are of these tables."""
    columns = [one for part in parts for one in nodes(part) if is_a(one, "ColumnRef")]
    return all(_qualifier(one) in names for one in columns)


def _qualifier(column: Node) -> str:
    return str(getattr(column.fields[-2], "sval", "")) if len(column.fields) > 1 else ""


def _split(
    where: Node, inner: set[str], outer: set[str]
) -> tuple[list[tuple[Node, Node]], list[Node]]:
    """Equalities of an inner with an outer column, in this order, and the other conditions."""
    parts = where.args if is_boolean(where, enums.BoolExprType.AND_EXPR) else _alone(where)
    pairs: list[tuple[Node, Node]] = []
    rest: list[Node] = []
    for part in parts:
        pair = _pair(part, inner, outer)
        if pair is not None:
            pairs.append(pair)
        else:
            rest.append(part)
    return pairs, rest


def _alone(node: Node) -> tuple[Node, ...]:
    """The node by itself, if there is one."""
    return () if node is None else (node,)


def _pair(condition: Node, inner: set[str], outer: set[str]) -> tuple[Node, Node] | None:
    if not is_a(condition, "A_Expr") or str(condition.name[-1].sval) != "=":
        return None
    both = (condition.lexpr, condition.rexpr)
    if not all(is_a(one, "ColumnRef") for one in both):
        return None
    for ours, theirs in (both, both[::-1]):
        if _qualifier(ours) in inner and _qualifier(theirs) in outer:
            return ours, theirs
    return None
