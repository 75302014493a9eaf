"""Statements as trees that can be changed and printed again."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
from pglast import ast, enums, parse_sql, parser

from pytest_planguard.sql.statement_text import SIZE_CLASSES

Node = Any
"""pglast's classes of nodes are generated: nearly every field may be None to a type checker."""
_SIZE = re.compile(r", \.\.\.(\d*)")
Put = Callable[[Node], None]


class Statement(msgspec.Struct, frozen=True):
    """A text, and where its parameters stand."""

    text: str
    spans: tuple[tuple[int, int, int], ...]
    """(start, end, number)."""


def parsed(text: str) -> Node:
    """The tree of one statement; None where the text is not one, or none the parser takes."""
    try:
        statements: Any = parse_sql(text)
    except (parser.ParseError, RecursionError):
        return None
    return statements[0].stmt if len(statements) == 1 else None


def without_sizes(normal: str) -> str:
    """A query's normal form as the parser takes it: without the size classes of its lists.

    >>> without_sizes("SELECT a FROM t WHERE b IN ($1, ...20)")
    'SELECT a FROM t WHERE b IN ($1)'
    """
    return _SIZE.sub("", normal)


def with_items(normal: str) -> str:
    """A query's normal form as the parser takes it, with lists as long as their size classes.

    A list beyond the last class is one item longer than that: the shortest it can have been.

    >>> with_items("SELECT a FROM t WHERE b IN ($1::int8, ...5)")
    'SELECT a FROM t WHERE b IN ($1::int8, $1::int8, $1::int8, $1::int8, $1::int8)'
    """
    while (found := _SIZE.search(normal)) is not None:
        before = normal[: found.start()]
        item = before[_opening(before) + 1 :]
        more = int(found.group(1) or SIZE_CLASSES[-1] + 1) - 1
        normal = before + f", {item}" * more + normal[found.end() :]
    return normal


def _opening(text: str) -> int:
    """Where the parenthesis or bracket stands that is open at a text's end."""
    depth = 0
    for place in range(len(text) - 1, -1, -1):
        depth += (text[place] in ")]") - (text[place] in "([")
        if depth < 0:
            return place
    return -1


def sql_of(node: Node) -> str:
    """A tree, or a part of one, as SQL on one line."""
    from pglast.stream import RawStream  # its printers take 50 ms, and few runs print anything

    text: str = RawStream()(node)
    return text


def printed(statement: Node) -> Statement:
    """The statement a tree stands for."""
    text = sql_of(statement)
    spans = tuple(
        (token.start, token.end + 1, int(text[token.start + 1 : token.end + 1]))
        for token in parser.scan(text)
        if token.name == "PARAM"
    )
    return Statement(text, spans)


def conditions(statement: Node) -> Iterator[tuple[Node, Put]]:
    """The conditions of a statement's WHERE, and how each is replaced."""
    where: Node = getattr(statement, "whereClause", None)
    if is_boolean(where, enums.BoolExprType.AND_EXPR):
        for position, one in enumerate(where.args):
            yield one, functools.partial(_set_argument, where, position)
    elif where is not None:
        yield where, functools.partial(setattr, statement, "whereClause")


def _set_argument(expression: Node, position: int, new: Node) -> None:
    arguments = list(expression.args)
    arguments[position] = new
    expression.args = tuple(arguments)


def is_boolean(node: Node, kind: enums.BoolExprType) -> bool:
    """Whether it is AND, OR or NOT."""
    return isinstance(node, ast.BoolExpr) and node.boolop == kind


def is_a(node: Node, name: str) -> bool:
    """Whether it is of a class of nodes."""
    return type(node).__name__ == name


def several(field: Node) -> tuple[Node, ...]:
    """What a field holds that holds several nodes, or None."""
    return tuple(field or ())


def tables(items: Node) -> list[Node]:
    """The tables of a FROM, through joins."""
    found: list[Node] = []
    for item in several(items):
        if is_a(item, "RangeVar"):
            found.append(item)
        elif is_a(item, "JoinExpr"):
            found += tables((item.larg, item.rarg))
    return found


def sources(statement: Node) -> tuple[Node, ...]:
    """What a SELECT, an UPDATE or a DELETE reads."""
    own = getattr(statement, "relation", None)
    more = getattr(statement, "fromClause", None) or getattr(statement, "usingClause", None) or ()
    return ((own,) if own is not None else ()) + tuple(more)


def called(table: Node) -> str:
    """What the statement calls a table."""
    return str(table.alias.aliasname if table.alias is not None else table.relname)


def nodes(node: Node) -> Iterator[Node]:
    """A node and all below it."""
    if isinstance(node, tuple):
        for item in node:
            yield from nodes(item)
    elif isinstance(node, ast.Node):
        yield node
        for name in node:
            yield from nodes(getattr(node, name))
