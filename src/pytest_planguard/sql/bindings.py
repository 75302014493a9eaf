"""Which parameter is compared with which column: by a generic plan, or by a statement's text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
from pglast import parser

from pytest_planguard.model.plan import PlanNode

_DECODER = msgspec.json.Decoder()


class Binding(msgspec.Struct, frozen=True):
    """A parameter and the bare column it is compared with."""

    parameter: int
    alias: str
    relation: str
    """Schema-qualified."""
    column: str
    operator: str
    """``=``, ``<``, ``~~`` … as if the column stood on the left; ``= ANY`` for lists."""


COMPARISONS = frozenset({"=", "<>", "<", "<=", ">", ">=", "~~", "!~~", "~~*", "!~~*"})
"""Operators whose parameters are fitted to the column's statistics."""
_MIRRORED = {"<": ">", ">": "<", "<=": ">=", ">=": "<="}


def bindings(root: PlanNode) -> tuple[Binding, ...]:
    """All comparisons of a column with a parameter in a plan, in the plan's order."""
    found: dict[Binding, None] = {}
    relations: dict[str, str] = {}
    conditions: list[tuple[PlanNode, str]] = []
    for node in root.walk():
        if node.alias is not None and node.relation is not None:
            relations.setdefault(node.alias, node.relation)
        texts = (node.index_cond, node.recheck_cond, node.filter, node.join_filter)
        conditions += [(node, text) for text in texts if text and "$" in text]
    for node, text in conditions:
        for binding in _in_condition(text, node.alias or ""):
            relation = relations.get(binding.alias)
            if relation is not None:
                found[msgspec.structs.replace(binding, relation=relation)] = None
    return tuple(found)


def written_bindings(sql: str) -> tuple[Binding, ...]:
    """The same as a statement writes them, before any type is known: no plan with values has them.

    Aliases are the text's, empty where a column has none; relations are not known. Of what can't
    be parsed nothing is.

    >>> [(one.parameter, one.column) for one in written_bindings("SELECT 1 FROM t WHERE a IN ($1)")]
    [(1, 'a')]
    """
    return tuple(dict.fromkeys(_in_text(sql, "")))


def _in_condition(text: str, alias: str) -> Iterator[Binding]:
    return _in_text(f"SELECT {text}", alias)


def _in_text(sql: str, alias: str) -> Iterator[Binding]:
    try:
        tree = _DECODER.decode(parser.parse_sql_json(sql))
    except (parser.ParseError, RecursionError):
        return  # subplan references and their kin are no SQL; nothing is bound there
    yield from _walk(tree["stmts"], alias)


def _walk(node: Any, alias: str) -> Iterator[Binding]:
    if isinstance(node, list):
        for item in node:
            yield from _walk(item, alias)
    elif isinstance(node, dict):
        for key, value in node.items():
            if key == "A_Expr":
                yield from _comparison(value, alias)
            yield from _walk(value, alias)


def _comparison(expression: dict[str, Any], alias: str) -> Iterator[Binding]:
    """What one operator binds: each element of a list that is written out, too."""
    operator = expression["name"][-1]["String"]["sval"]
    if operator not in COMPARISONS:
        return
    left, right = _bare(expression.get("lexpr", {})), _bare(expression.get("rexpr", {}))
    mirrored = False
    if "ParamRef" in left:
        left, right, mirrored = right, left, True
    if "ColumnRef" not in left:
        return
    fields = [part["String"]["sval"] for part in left["ColumnRef"]["fields"] if "String" in part]
    if not fields:
        return
    table = fields[-2] if len(fields) > 1 else alias
    if mirrored:
        operator = _MIRRORED.get(operator, operator)
    of_list = expression["kind"] in {"AEXPR_OP_ANY", "AEXPR_OP_ALL"}
    elements = right.get("A_ArrayExpr", {}).get("elements", ()) if of_list else ()
    if of_list and not elements:
        operator += " ANY"
    elements = elements or right.get("List", {}).get("items", ())
    for item in map(_bare, elements or (right,)):
        number = item.get("ParamRef", {}).get("number")
        if number is not None:  # $0 is what a subplan returns, up to PostgreSQL 16
            yield Binding(number, table, "", fields[-1], operator)


def _bare(node: dict[str, Any]) -> dict[str, Any]:
    """The expression below casts: ``(email)::text`` is still the column."""
    while "TypeCast" in node:
        node = node["TypeCast"]["arg"]
    return node
