"""One search for each side of an OR: what a plan can't do for sides that need different indexes.

PostgreSQL joins the bitmaps of sides that are plain conditions of one table. A side with a
sub-select has no bitmap, nor have sides of several tables: all are read from end to end and joined
for the few rows of any. The keys of each side's rows, united, are found side by side.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from pglast import ast, enums

from pytest_planguard.model.ports import quoted
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
)


class United(msgspec.Struct, frozen=True):
    """A statement whose OR became a list of keys."""

    statement: Statement
    old: str
    new: str
    """The condition that takes its place, as SQL."""


def united(text: str, table: str, key: str) -> United | None:
    """The statement with the first OR of its WHERE as ``key IN (SELECT … UNION SELECT …)``.

    It selects the same rows: the key is unique and never NULL, and a side that is unknown selects
    nothing either way.

    Args:
        text: One statement.
        table: What the OR must be about, by its own name.
        key: Its primary key, one column.

    Returns:
        None where there is no such OR, or its sides look at other tables of the statement, or an
        outer join may make rows of NULLs that a side selects.
    """
    statement = parsed(text)
    found = _table(statement, table)
    if found is None:
        return None
    of, alone = found
    for condition, put in conditions(statement):
        if is_boolean(condition, enums.BoolExprType.OR_EXPR) and _is_about(
            condition.args, called(of), _others(statement, called(of)), alone=alone
        ):
            old, new = sql_of(condition), _as_keys(of, key, condition.args)
            put(parsed(f"SELECT {new}").targetList[0].val)
            return United(printed(statement), old, new)
    return None


def narrowed(text: str, table: str, key: str) -> United | None:
    """The statement with a list of keys beside its first OR about this table and others.

    Whatever row the OR selects, one of its sides does: the condition that is added is true for it
    anyway, and no row is lost, nor any found twice that was not.

    Args:
        text: One SELECT.
        table: Whose keys are listed, by its own name. No outer join may make NULLs of its rows.
        key: Its primary key, one column.
    """
    statement = parsed(text)
    if not is_a(statement, "SelectStmt") or len(several(statement.fromClause)) != 1:
        return None  # what joins several items stands in WHERE, beside the OR
    (item,) = statement.fromClause
    kept, names = list(_never_null(item)), {_name(one) for one in _all_leaves(item)}
    named = [one for one in kept if is_a(one, "RangeVar") and one.relname == table]
    if len(named) != 1 or table in _common_names(statement):
        return None
    for condition, put in conditions(statement):
        is_or = is_boolean(condition, enums.BoolExprType.OR_EXPR)
        about = _qualifiers(condition) & names
        if is_or and all(map(_qualified, condition.args)) and {called(named[0])} < about:
            new = _keys_beside(item, named[0], key, condition.args)
            added = parsed(f"SELECT {new}").targetList[0].val
            old = sql_of(condition)
            put(ast.BoolExpr(boolop=enums.BoolExprType.AND_EXPR, args=(condition, added)))
            return United(printed(statement), old, new)
    return None


def _never_null(item: Node) -> Iterable[Node]:
    """What an outer join makes no NULLs of."""
    if not is_a(item, "JoinExpr"):
        yield item
        return
    if item.jointype in (enums.JoinType.JOIN_INNER, enums.JoinType.JOIN_LEFT):
        yield from _never_null(item.larg)
    if item.jointype in (enums.JoinType.JOIN_INNER, enums.JoinType.JOIN_RIGHT):
        yield from _never_null(item.rarg)


def _qualified(side: Node) -> bool:
    """Whether it names columns, and all of them with their tables."""
    columns = [one for one in nodes(side) if is_a(one, "ColumnRef")]
    return bool(columns) and all(len(one.fields) > 1 for one in columns)


def _qualifiers(node: Node) -> set[str]:
    columns = (one for one in nodes(node) if is_a(one, "ColumnRef") and len(one.fields) > 1)
    return {str(getattr(one.fields[-2], "sval", "")) for one in columns}


def _keys_beside(item: Node, table: Node, key: str, sides: Iterable[Node]) -> str:
    column = f"{quoted(called(table))}.{quoted(key)}"
    searches = []
    for side in sides:
        used = {*_qualifiers(side), called(table)}
        read = sql_of(_without_idle(item, used))
        searches.append(f"SELECT {column} FROM {read} WHERE {sql_of(side)}")  # noqa: S608 - printed trees
    return f"{column} IN ({' UNION '.join(searches)})"


def _without_idle(item: Node, used: set[str]) -> Node:
    """A join without the optional tables that nothing asks: they would only repeat its rows."""
    if not is_a(item, "JoinExpr") or item.jointype != enums.JoinType.JOIN_LEFT:
        used |= _qualifiers(item)
        return item
    if not {_name(one) for one in _all_leaves(item.rarg)} & used:
        return _without_idle(item.larg, used)
    used |= _qualifiers(item.quals) | _qualifiers(item.rarg)
    return ast.JoinExpr(
        jointype=item.jointype, larg=_without_idle(item.larg, used), rarg=item.rarg,
        quals=item.quals, usingClause=item.usingClause, alias=item.alias,
        isNatural=item.isNatural,
    )  # fmt: skip


def _all_leaves(item: Node) -> Iterable[Node]:
    if is_a(item, "JoinExpr"):
        yield from _all_leaves(item.larg)
        yield from _all_leaves(item.rarg)
    else:
        yield item


def _table(statement: Node, name: str) -> tuple[Node, bool] | None:
    """The one table of that name in FROM, and whether it is all there is."""
    leaves = list(_leaves(sources(statement))) if statement is not None else []
    named = [one for one in leaves if is_a(one, "RangeVar") and one.relname == name]
    if len(named) != 1 or None in leaves or name in _common_names(statement):
        return None
    return named[0], len(leaves) == 1


def _leaves(items: Iterable[Node]) -> Iterable[Node]:
    """What FROM reads, through inner joins; None for any other join."""
    for item in items:
        if not is_a(item, "JoinExpr"):
            yield item
        elif item.jointype == enums.JoinType.JOIN_INNER:
            yield from _leaves((item.larg, item.rarg))
        else:
            yield None


def _common_names(statement: Node) -> set[str]:
    """What WITH calls its queries."""
    clause = getattr(statement, "withClause", None)
    return {one.ctename for one in several(clause.ctes)} if clause is not None else set()


def _others(statement: Node, name: str) -> set[str]:
    """What the statement calls its other tables."""
    leaves = (one for one in _leaves(sources(statement)) if one is not None)
    names = (_name(one) for one in leaves)
    return {one for one in names if one != name}


def _name(leaf: Node) -> str:
    if is_a(leaf, "RangeVar"):
        return called(leaf)
    alias = getattr(leaf, "alias", None)
    return str(alias.aliasname) if alias is not None else ""


def _is_about(sides: Iterable[Node], name: str, others: set[str], *, alone: bool) -> bool:
    """Whether the sides name nothing of the statement but one table's columns.

    A column without its table's name may be any table's, unless there is but one.
    """
    for node in (one for side in sides for one in nodes(side)):
        if not is_a(node, "ColumnRef"):
            continue
        qualifier = [getattr(one, "sval", "") for one in node.fields[:-1]]
        if qualifier and qualifier[-1] in others:
            return False
        if not qualifier and not alone:
            return False
    return all(_own(side, name, alone=alone) for side in sides)


def _own(side: Node, name: str, *, alone: bool) -> bool:
    """Whether a side says anything of the table itself."""
    for node in nodes(side):
        if is_a(node, "ColumnRef"):
            qualifier = [getattr(one, "sval", "") for one in node.fields[:-1]]
            if (qualifier and qualifier[-1] == name) or (alone and not qualifier):
                return True
    return False


def _as_keys(table: Node, key: str, sides: Iterable[Node]) -> str:
    column = f"{quoted(called(table))}.{quoted(key)}"
    read = sql_of(table)
    searches = (f"SELECT {column} FROM {read} WHERE {sql_of(one)}" for one in sides)  # noqa: S608 - printed trees
    return f"{column} IN ({' UNION '.join(searches)})"
