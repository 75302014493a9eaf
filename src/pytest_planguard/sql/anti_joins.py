"""NOT EXISTS for NOT IN: the planner makes an anti join of the one and a list of the other."""

from __future__ import annotations

import msgspec
from pglast import ast, enums

from pytest_planguard.sql.tree import (
    Node,
    Statement,
    called,
    conditions,
    is_a,
    is_boolean,
    parsed,
    printed,
    several,
    sources,
    sql_of,
    tables,
)

_ALL = enums.SubLinkType.ALL_SUBLINK
_ANY = enums.SubLinkType.ANY_SUBLINK


class AntiJoin(msgspec.Struct, frozen=True):
    """A statement whose NOT IN became NOT EXISTS."""

    statement: Statement
    condition: str
    """The one that takes its place, as SQL."""
    columns: tuple[tuple[str, str], ...]
    """What is compared, as SQL and with its table's name: the sub-select's column, and the one
    that is looked for. A table's name is empty where it can't be told."""


def not_exists(text: str) -> AntiJoin | None:
    """The statement with the first NOT IN of its WHERE as NOT EXISTS; None where that can't be."""
    statement = parsed(text)
    for condition, put in conditions(statement):
        link = _negated_link(condition)
        names = _compared(statement, link) if link is not None else None
        if names is not None:
            ours, theirs = names
            known = [*tables(link.subselect.fromClause), *tables(sources(statement))]
            columns = tuple((sql_of(one), _table_of(one, known)) for one in (theirs, ours))
            new = _exists(link.subselect, ours, theirs)
            put(new)
            return AntiJoin(printed(statement), sql_of(new), columns)
    return None


def _table_of(column: Node, known: list[Node]) -> str:
    """The table a qualified column belongs to, by its own name."""
    qualifier = column.fields[-2].sval
    return next((str(one.relname) for one in known if called(one) == qualifier), "")


def _negated_link(condition: Node) -> Node:
    """The sub-select of ``NOT IN`` or ``<> ALL``; None for anything else."""
    if is_boolean(condition, enums.BoolExprType.NOT_EXPR):
        inner = condition.args[0]
        return inner if _is_link(inner, _ANY, "=") else None
    return condition if _is_link(condition, _ALL, "<>") else None


def _is_link(node: Node, kind: enums.SubLinkType, operator: str) -> bool:
    if not is_a(node, "SubLink") or node.subLinkType != kind:
        return False
    return str(node.operName[-1].sval if node.operName else "=") == operator


def _compared(statement: Node, link: Node) -> tuple[Node, Node] | None:
    """The two columns that are compared, each with its table before it.

    None where the sub-select is more than rows of FROM and WHERE, or a column's table can't be
    told by its name.
    """
    inner = link.subselect
    if not _is_simple(inner) or not is_a(link.testexpr, "ColumnRef"):
        return None
    outer_tables, inner_tables = tables(sources(statement)), tables(inner.fromClause)
    shared = {called(one) for one in inner_tables} & {called(one) for one in outer_tables}
    if shared or len(inner_tables) != len(inner.fromClause):
        return None
    ours = _qualified(link.testexpr, outer_tables)
    theirs = _qualified(inner.targetList[0].val, inner_tables)
    return None if ours is None or theirs is None else (ours, theirs)


def _exists(select: Node, ours: Node, theirs: Node) -> Node:
    """NOT EXISTS over the sub-select, which is changed for it."""
    same = ast.A_Expr(
        kind=enums.A_Expr_Kind.AEXPR_OP, name=(ast.String(sval="="),), lexpr=theirs, rexpr=ours
    )
    select.whereClause = _and(same, select.whereClause)
    select.targetList = (ast.ResTarget(val=ast.A_Const(val=ast.Integer(ival=1))),)
    select.distinctClause = select.sortClause = None
    exists = ast.SubLink(subLinkType=enums.SubLinkType.EXISTS_SUBLINK, subselect=select)
    return ast.BoolExpr(boolop=enums.BoolExprType.NOT_EXPR, args=(exists,))


def _is_simple(select: Node) -> bool:
    """Whether rows of FROM and WHERE are all it gives, one column each."""
    if not is_a(select, "SelectStmt") or select.op != enums.SetOperation.SETOP_NONE:
        return False
    targets = several(select.targetList)
    more = (
        select.groupClause, select.havingClause, select.limitCount, select.limitOffset,
        select.withClause, select.valuesLists, select.windowClause,
    )  # fmt: skip
    is_column = len(targets) == 1 and is_a(targets[0].val, "ColumnRef")
    return is_column and bool(select.fromClause) and not any(more)


def _qualified(column: Node, of: list[Node]) -> Node:
    """The column with its table's name before it; None where it may be another's."""
    if len(column.fields) > 1:
        return column
    if len(of) != 1:
        return None
    return ast.ColumnRef(fields=(ast.String(sval=called(of[0])), *column.fields))


def _and(first: Node, second: Node) -> Node:
    if second is None:
        return first
    return ast.BoolExpr(boolop=enums.BoolExprType.AND_EXPR, args=(first, second))
