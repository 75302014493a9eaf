"""One side of a condition, read off its parse tree."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import msgspec

from pytest_planguard.sql.printed import unwrapped

Node = dict[str, Any]
"""A node of a parse tree as the parser's JSON has it."""


class Operand(msgspec.Struct, frozen=True):
    """One side of a condition."""

    text: str
    """As printed, without enclosing parentheses."""
    columns: tuple[tuple[str, str], ...] = ()
    """Alias and name of every column in it."""
    column: tuple[str, str] | None = None
    """The column it is, where it is nothing else but casts of one."""
    casts: tuple[str, ...] = ()
    """Types that column is cast to, innermost first, by their names in ``pg_type``."""
    functions: tuple[str, ...] = ()
    """Functions and operators it applies, outermost first."""
    parameters: tuple[int, ...] = ()
    type: str = ""
    """``pg_type`` name of a constant's or outermost cast's type; an array's ends in ``[]``."""
    is_constant: bool = False
    """A literal, with or without its type."""
    refers_to_plan: bool = False
    """The result of a SubPlan or InitPlan."""
    fields: tuple[Operand, ...] = ()
    """Of a ROW."""


def operand(text: str, tree: Node) -> Operand:
    """What a side of a condition is: its text as printed, and the tree of it."""
    column, casts = _cast_column(tree)
    row = tree.get("RowExpr", {}).get("args", ())
    return Operand(
        text=unwrapped(text),
        columns=tuple(dict.fromkeys(columns_in(tree))),
        column=column,
        casts=casts,
        functions=tuple(_functions(tree)),
        parameters=tuple(item.get("number", 0) for item in _nodes(tree, "ParamRef")),
        type=_type_of(tree),
        is_constant=_is_constant(tree),
        refers_to_plan=any(_is_plan_result(item) for item in _nodes(tree, "ColumnRef")),
        fields=tuple(operand("", item) for item in row),
    )


def _cast_column(tree: Node) -> tuple[tuple[str, str] | None, tuple[str, ...]]:
    casts: list[str] = []
    while "TypeCast" in tree:
        casts.append(_type_name(tree["TypeCast"]["typeName"]))
        tree = tree["TypeCast"]["arg"]
    if "ColumnRef" not in tree:
        return None, ()
    return next(columns_in(tree), None), tuple(reversed(casts))


def _type_of(tree: Node) -> str:
    if "TypeCast" in tree:
        return _type_name(tree["TypeCast"]["typeName"])
    constant = tree.get("A_Const", {})
    return "int4" if "ival" in constant else "numeric" if "fval" in constant else ""


def _type_name(node: Node) -> str:
    name: str = node["names"][-1]["String"]["sval"]
    return name + "[]" if node.get("arrayBounds") else name


def _is_constant(tree: Node) -> bool:
    while "TypeCast" in tree:
        tree = tree["TypeCast"]["arg"]
    return "A_Const" in tree


def _is_plan_result(reference: Node) -> bool:
    fields = reference["fields"]
    name = fields[0].get("String", {}).get("sval", "")
    return len(fields) == 1 and bool(re.fullmatch(r"(?:hashed_)?(?:sub|init)plan_\d+", name))


def columns_in(tree: Node) -> Iterator[tuple[str, str]]:
    """Alias and name of each column in a tree; an unqualified one has an empty alias."""
    for reference in _nodes(tree, "ColumnRef"):
        if not _is_plan_result(reference):
            names = [field.get("String", {}).get("sval", "*") for field in reference["fields"]]
            yield (names[-2] if len(names) > 1 else "", names[-1])


def _functions(tree: Node) -> Iterator[str]:
    """Functions by name, operators by their sign, outermost first."""
    for tag, node in tagged(tree):
        if tag == "FuncCall":
            yield node["funcname"][-1]["String"]["sval"]
        elif tag == "A_Expr":
            yield node["name"][-1]["String"]["sval"]
        elif tag in _SYNTAX:
            yield _SYNTAX[tag]


_SYNTAX = {
    "CoalesceExpr": "coalesce",
    "CaseExpr": "case",
    "MinMaxExpr": "greatest",
    "SQLValueFunction": "current_timestamp",
    "XmlExpr": "xml",
    "A_Indirection": "subscript",
}


def _nodes(tree: Node, wanted: str) -> Iterator[Node]:
    return (node for tag, node in tagged(tree) if tag == wanted)


def tagged(tree: Any) -> Iterator[tuple[str, Node]]:
    """Every tagged node of a parse tree, outermost and leftmost first."""
    if isinstance(tree, list):
        for item in tree:
            yield from tagged(item)
    elif isinstance(tree, dict):
        for key, value in tree.items():
            if isinstance(value, dict) and key[:1].isupper():
                yield key, value
            if isinstance(value, dict | list):
                yield from tagged(value)
