"""Which columns a plan compares with constants: their estimates depend on the very values."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from pytest_planguard.model.plan import PlanNode
from pytest_planguard.sql.bindings import COMPARISONS
from pytest_planguard.sql.operands import Node, columns_in, tagged
from pytest_planguard.sql.predicates import parsed_condition

_NO_COMPARISON = frozenset({
    "->", "->>", "#>", "#>>", "#-", "||", "+", "-", "*", "/", "%", "^", "&", "|", "#",
})  # fmt: skip
"""Operators that make a value of two; none of them is looked up in statistics."""


class Constant(msgspec.Struct, frozen=True):
    """A column and what it is compared with."""

    relation: str
    """Schema-qualified."""
    column: str
    is_bare: bool
    """The column itself, at most cast; else an expression it occurs in."""
    is_parameter: bool = False
    """A parameter whose captured value is used as it is; otherwise a literal of the text."""


def constants(root: PlanNode) -> tuple[Constant, ...]:
    """All such columns of a plan made without values, in the plan's order; NULL counts as nothing.

    A parameter counts where its operator is none that captured values are fitted to the
    statistics for (``@>``, ``&&``, ``~`` …).
    """
    relations = {
        node.alias: node.relation
        for node in root.walk()
        if node.alias is not None and node.relation is not None
    }
    found: dict[Constant, None] = {}
    for node in root.walk():
        for text in (node.index_cond, node.recheck_cond, node.filter, node.join_filter):
            tree = parsed_condition(text) if text else None
            for alias, column, is_bare, is_parameter in _compared(tree or {}):
                relation = relations.get(alias or node.alias or "")
                if relation is not None:
                    found[Constant(relation, column, is_bare, is_parameter)] = None
    return tuple(found)


def _compared(tree: Node) -> Iterator[tuple[str, str, bool, bool]]:
    for tag, node in tagged(tree):
        if tag != "A_Expr" or "lexpr" not in node or "rexpr" not in node:
            continue
        operator = node["name"][-1]["String"]["sval"]
        if operator in _NO_COMPARISON:
            continue
        for side, other in ((node["lexpr"], node["rexpr"]), (node["rexpr"], node["lexpr"])):
            tags = set(_values_in(other))
            if operator in COMPARISONS:
                tags.discard("ParamRef")
            if tags:
                yield from (
                    (alias, column, is_bare, "A_Const" not in tags)
                    for alias, column, is_bare in _columns(side)
                )


def _columns(side: Node) -> Iterator[tuple[str, str, bool]]:
    """Alias, name and whether it is the column itself; of a row its parts."""
    side = _uncast(side)
    for part in side["RowExpr"].get("args", ()) if "RowExpr" in side else (side,):
        is_bare = "ColumnRef" in _uncast(part)
        yield from ((alias, column, is_bare) for alias, column in columns_in(part))


def _values_in(side: Node) -> Iterator[str]:
    """``A_Const`` and ``ParamRef``, of arrays and rows their parts; no arguments of functions."""
    side = _uncast(side)
    if "ParamRef" in side:
        yield "ParamRef"
    elif "A_Const" in side and not side["A_Const"].get("isnull"):
        yield "A_Const"
    for tag, field in (("A_ArrayExpr", "elements"), ("RowExpr", "args")):
        for item in side.get(tag, {}).get(field, ()):
            yield from _values_in(item)


def _uncast(tree: Node) -> Node:
    while "TypeCast" in tree:
        tree = tree["TypeCast"]["arg"]
    return tree
