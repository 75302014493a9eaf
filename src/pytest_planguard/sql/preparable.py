"""Normal forms as a server can prepare them: what they say of a constant's type is kept.

A constant became a parameter, and its type went with it: ``INTERVAL '1 day'`` is ``INTERVAL $1``,
which no parser takes, and ``current_date - 90`` is ``current_date - $1``, which could be a date.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from pglast import ast, enums
from pglast.visitors import Visitor

from pytest_planguard.sql.tree import Node, is_a, nodes, parsed, sql_of, with_items

TYPED = re.compile(
    r"\b(interval|date|time|timetz|timestamp|timestamptz)"
    r"((?:\s+with(?:out)?\s+time\s+zone)?)\s+(\$\d+)",
    re.IGNORECASE,
)
"""``interval $1``: a typed constant that became a parameter."""


def preparable(normal: str) -> str:
    """A normal form as the parser takes it, with lists as long as their size classes.

    >>> preparable("SELECT a FROM t WHERE b >= now() - INTERVAL $1 AND c IN ($2, ...2)")
    'SELECT a FROM t WHERE b >= now() - $1::INTERVAL AND c IN ($2, $2)'
    """
    return TYPED.sub(r"\3::\1\2", with_items(normal))


def with_integers(normal: str) -> str:
    """The same, where a parameter that is added, subtracted or multiplied is an integer.

    >>> with_integers("SELECT a FROM t WHERE d > current_date - $1")
    'SELECT a FROM t WHERE d > CURRENT_DATE - CAST($1 AS int4)'
    """
    return _with_operands(preparable(normal), "int4")


def with_intervals(normal: str) -> str:
    """The same, where it is an interval."""
    return _with_operands(preparable(normal), "interval")


def without_arbiter(normal: str) -> str:
    """The same, where a conflict that is passed over may be one with any index.

    The predicate of a partial index is found by its constants, which became parameters.

    >>> without_arbiter("INSERT INTO t (a) VALUES ($1) ON CONFLICT (a) WHERE b = $2 DO NOTHING")
    'INSERT INTO t (a) VALUES ($1) ON CONFLICT DO NOTHING'
    """
    text = preparable(normal)
    node = parsed(text)
    conflicts = [one for one in nodes(node) if is_a(one, "OnConflictClause")] if node else []
    for one in conflicts:
        if one.action == enums.OnConflictAction.ONCONFLICT_NOTHING:
            one.infer = None
    return sql_of(node) if conflicts else text


WAYS: tuple[Callable[[str], str], ...] = (
    preparable,
    with_integers,
    with_intervals,
    without_arbiter,
)
"""To be tried one after the other: which of them the server takes is the statement's own."""

_ARITHMETIC = frozenset({"+", "-", "*", "/"})


def _with_operands(text: str, kind: str) -> str:
    node = parsed(text)
    if node is None:
        return text
    _Operands(kind)(node)
    return sql_of(node)


class _Operands(Visitor):
    """Gives a type to parameters that are operands of arithmetic and have none."""

    def __init__(self, kind: str) -> None:
        self._kind = kind

    def visit_A_Expr(self, _: Any, node: Node) -> None:  # noqa: N802 - pglast's name for it
        """In place."""
        if node.name is None or node.name[-1].sval not in _ARITHMETIC:
            return
        for side in ("lexpr", "rexpr"):
            operand = getattr(node, side)
            if is_a(operand, "ParamRef"):
                name = ast.TypeName(names=(ast.String(self._kind),), typemod=-1)
                setattr(node, side, ast.TypeCast(arg=operand, typeName=name))
