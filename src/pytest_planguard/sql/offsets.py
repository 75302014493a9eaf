"""How a statement pages by OFFSET, and the same statement with another one."""

from __future__ import annotations

import msgspec
from pglast import ast, enums

from pytest_planguard.sql.tree import (
    Node,
    Statement,
    called,
    is_a,
    nodes,
    parsed,
    printed,
    several,
    sql_of,
    tables,
)


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


def at_offset(text: str, rows: int) -> Statement | None:
    """The statement with another offset; None where it has none."""
    statement = _paged(text)
    if statement is None:
        return None
    statement.limitOffset = ast.A_Const(val=ast.Integer(ival=rows))
    return printed(statement)


def paging(text: str) -> Paging | None:
    """How a statement pages; None where it has no offset."""
    statement = _paged(text)
    if statement is None:
        return None
    keys = [(_target(statement, one.node), one) for one in several(statement.sortClause)]
    down = enums.SortByDir.SORTBY_DESC
    return Paging(
        order=tuple((sql_of(node), one.sortby_dir == down) for node, one in keys),
        columns=tuple(name for node, _ in keys if (name := _column_name(node))),
        relations=tuple((one.relname, called(one)) for one in tables(statement.fromClause)),
        parameter=any(is_a(one, "ParamRef") for one in nodes(statement.limitOffset)),
    )


def _paged(text: str) -> Node:
    """The SELECT; None where it is none, or has no offset."""
    statement = parsed(text)
    is_one = is_a(statement, "SelectStmt") and statement.limitOffset is not None
    return statement if is_one else None


def _target(statement: Node, node: Node) -> Node:
    """What ``ORDER BY 2``, or a name the SELECT list gave, stands for."""
    targets = several(statement.targetList)
    if is_a(node, "A_Const") and is_a(node.val, "Integer"):
        number = node.val.ival or 0
        return targets[number - 1].val if 0 < number <= len(targets) else node
    fields = several(getattr(node, "fields", ()))
    name = getattr(fields[0], "sval", None) if len(fields) == 1 else None
    return next((one.val for one in targets if name and one.name == name), node)


def _column_name(node: Node) -> str:
    """The name of a plain column; empty for anything else."""
    fields = several(node.fields) if is_a(node, "ColumnRef") else ()
    return getattr(fields[-1], "sval", None) or "" if fields else ""
