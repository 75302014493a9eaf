"""Statements written otherwise: the same question, so that the planner can answer it better.

The parser's tree is changed and printed again. What can't be rewritten without knowing more than
the text says gives None.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
from pglast import ast, enums, parse_sql, parser
from pglast.stream import RawStream

_ALL = enums.SubLinkType.ALL_SUBLINK
_ANY = enums.SubLinkType.ANY_SUBLINK
_Node = Any
"""pglast's classes of nodes share nothing but their being generated."""


class Statement(msgspec.Struct, frozen=True):
    """A text, and where its parameters stand."""

    text: str
    spans: tuple[tuple[int, int, int], ...]
    """(start, end, number)."""


class AntiJoin(msgspec.Struct, frozen=True):
    """A statement whose NOT IN became NOT EXISTS."""

    statement: Statement
    condition: str
    """The one that takes its place, as SQL."""
    outer: str
    """The column whose values are looked for, as the statement names it."""
    inner: str
    """The sub-select's."""
    inner_relation: str
    """The only table of the sub-select."""


class Paging(msgspec.Struct, frozen=True):
    """What a statement says of its pages."""

    order: tuple[tuple[str, bool], ...]
    """What it is ordered by, as SQL, and whether descending."""
    columns: tuple[str, ...]
    """Names of those that are plain columns, in their order."""
    relations: tuple[tuple[str, str], ...]
    """Name and alias of the tables of FROM."""
    parameter: bool
    """The offset is a parameter, or computed from one."""


def not_exists(text: str) -> AntiJoin | None:
    """The statement with the first NOT IN of its WHERE as NOT EXISTS."""
    statement = _parsed(text)
    where = getattr(statement, "whereClause", None)
    for condition, put in _conjuncts(statement, where):
        link = _negated_link(condition)
        found = _anti_join(statement, link) if link is not None else None
        if found is not None:
            new, outer, inner, relation = found
            put(new)
            return AntiJoin(_printed(statement), RawStream()(new), outer, inner, relation)
    return None


def at_offset(text: str, rows: int) -> Statement | None:
    """The statement with another offset; None where it has none."""
    statement = _with_offset(text)
    if statement is None:
        return None
    statement.limitOffset = ast.A_Const(val=ast.Integer(ival=rows))
    return _printed(statement)


def paging(text: str) -> Paging | None:
    """How a statement pages; None where it has no offset, or one of 0."""
    statement = _with_offset(text)
    if statement is None:
        return None
    order: list[tuple[str, bool]] = []
    columns: list[str] = []
    for item in statement.sortClause or ():
        node = _target(statement, item.node)
        descending = item.sortby_dir == enums.SortByDir.SORTBY_DESC
        order.append((RawStream()(node), descending))
        columns += _column_name(node)
    return Paging(
        tuple(order),
        tuple(columns),
        tuple((one.relname, _name(one)) for one in _tables(statement.fromClause)),
        any(True for _ in _parameters(statement.limitOffset)),
    )


def _with_offset(text: str) -> _Node:
    """The SELECT; None where it is none, or has no offset."""
    statement = _parsed(text)
    is_one = isinstance(statement, ast.SelectStmt) and statement.limitOffset is not None
    return statement if is_one else None


def _parsed(text: str) -> _Node:
    try:
        statements = parse_sql(text)
    except (parser.ParseError, RecursionError):
        return None
    return statements[0].stmt if len(statements) == 1 else None


def _printed(statement: _Node) -> Statement:
    text = RawStream()(statement)
    spans = tuple(
        (token.start, token.end + 1, int(text[token.start + 1 : token.end + 1]))
        for token in parser.scan(text)
        if token.name == "PARAM"
    )
    return Statement(text, spans)


_Put = Callable[[_Node], None]


def _conjuncts(owner: _Node, where: _Node) -> Iterator[tuple[_Node, _Put]]:
    """The conditions of a WHERE, and how each is replaced."""
    if _is_boolean(where, enums.BoolExprType.AND_EXPR):
        for position, one in enumerate(where.args):
            yield one, functools.partial(_set_argument, where, position)
    elif where is not None:
        yield where, functools.partial(setattr, owner, "whereClause")


def _set_argument(expression: _Node, position: int, new: _Node) -> None:
    arguments = list(expression.args)
    arguments[position] = new
    expression.args = tuple(arguments)


def _negated_link(condition: _Node) -> _Node:
    """The sub-select of ``NOT IN`` or ``<> ALL``; None for anything else."""
    if _is_boolean(condition, enums.BoolExprType.NOT_EXPR):
        inner = condition.args[0]
        return inner if _is_link(inner, _ANY, "=") else None
    return condition if _is_link(condition, _ALL, "<>") else None


def _is_boolean(node: _Node, kind: enums.BoolExprType) -> bool:
    return isinstance(node, ast.BoolExpr) and node.boolop == kind


def _is_link(node: _Node, kind: enums.SubLinkType, operator: str) -> bool:
    if not isinstance(node, ast.SubLink) or node.subLinkType != kind:
        return False
    name = node.operName[-1].sval if node.operName else "="
    return bool(name == operator)


def _anti_join(statement: _Node, link: _Node) -> tuple[_Node, str, str, str] | None:
    """NOT EXISTS in place of a sub-select, and the two columns it compares and the table."""
    inner: Any = link.subselect
    outer_tables = _tables(_from_of(statement))
    if not _is_simple(inner) or type(link.testexpr).__name__ != "ColumnRef":
        return None
    inner_tables = _tables(inner.fromClause)
    target = inner.targetList[0].val
    names = {_name(one) for one in inner_tables}
    if len(inner_tables) != len(inner.fromClause) or names & {_name(one) for one in outer_tables}:
        return None  # a column's table can't be told by its name
    ours = _qualified(link.testexpr, outer_tables)
    theirs = _qualified(target, inner_tables)
    if ours is None or theirs is None:
        return None
    same = ast.A_Expr(
        kind=enums.A_Expr_Kind.AEXPR_OP, name=(ast.String(sval="="),), lexpr=theirs, rexpr=ours
    )
    inner.whereClause = _and(inner.whereClause, same)
    inner.targetList = (ast.ResTarget(val=ast.A_Const(val=ast.Integer(ival=1))),)
    inner.distinctClause = inner.sortClause = None
    exists = ast.SubLink(subLinkType=enums.SubLinkType.EXISTS_SUBLINK, subselect=inner)
    new = ast.BoolExpr(boolop=enums.BoolExprType.NOT_EXPR, args=(exists,))
    relation = inner_tables[0].relname if len(inner_tables) == 1 else ""
    return new, RawStream()(ours), RawStream()(theirs), relation


def _is_simple(select: Any) -> bool:
    """Whether rows of FROM and WHERE are all it gives, one column each."""
    if type(select).__name__ != "SelectStmt":
        return False
    targets: Any = select.targetList or ()
    return (
        select.op == enums.SetOperation.SETOP_NONE
        and not any((
            select.groupClause, select.havingClause, select.limitCount, select.limitOffset,
            select.withClause, select.valuesLists, select.windowClause,
        ))
        and bool(select.fromClause)
        and len(targets) == 1
        and isinstance(targets[0].val, ast.ColumnRef)
    )  # fmt: skip


def _from_of(statement: _Node) -> tuple[_Node, ...]:
    own = getattr(statement, "relation", None)
    more = getattr(statement, "fromClause", None) or getattr(statement, "usingClause", None) or ()
    return ((own,) if own is not None else ()) + tuple(more)


def _tables(items: _Node) -> list[_Node]:
    """The tables of a FROM, through joins."""
    found: list[_Node] = []
    for item in items or ():
        if isinstance(item, ast.RangeVar):
            found.append(item)
        elif isinstance(item, ast.JoinExpr):
            found += _tables((item.larg, item.rarg))
    return found


def _name(table: _Node) -> str:
    return str(table.alias.aliasname if table.alias is not None else table.relname)


def _qualified(column: _Node, tables: list[_Node]) -> _Node:
    """The column with its table's name before it; None where it may be another's."""
    fields = column.fields
    if len(fields) > 1:
        return column
    if len(tables) != 1:
        return None
    return ast.ColumnRef(fields=(ast.String(sval=_name(tables[0])), *fields))


def _and(first: _Node, second: _Node) -> _Node:
    if first is None:
        return second
    return ast.BoolExpr(boolop=enums.BoolExprType.AND_EXPR, args=(second, first))


def _target(statement: _Node, node: _Node) -> _Node:
    """What ``ORDER BY 2``, or a name the SELECT list gave, stands for."""
    targets = statement.targetList or ()
    if isinstance(node, ast.A_Const) and isinstance(node.val, ast.Integer):
        number = node.val.ival or 0
        return targets[number - 1].val if 0 < number <= len(targets) else node
    fields: Any = getattr(node, "fields", ())
    name = getattr(fields[0], "sval", None) if len(fields) == 1 else None
    return next((one.val for one in targets if name and one.name == name), node)


def _column_name(node: _Node) -> list[str]:
    """The name of a plain column; none of anything else."""
    fields: Any = getattr(node, "fields", ())
    name = getattr(fields[-1], "sval", None) if fields else None
    return [name] if name else []


def _parameters(node: _Node) -> Iterator[int]:
    if isinstance(node, ast.ParamRef):
        yield node.number or 0
    elif isinstance(node, ast.Node):
        for name in node:
            yield from _parameters(getattr(node, name))
    elif isinstance(node, tuple):
        for item in node:
            yield from _parameters(item)
