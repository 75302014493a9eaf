"""Texts that a statement compares columns with, where they stand, and the statement with others."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from typing import Any

import msgspec
from pglast import parser

from pytest_planguard.sql.bindings import COMPARISONS
from pytest_planguard.sql.operands import Node, columns_in, tagged

_DECODER = msgspec.json.Decoder()
_LISTS = (("List", "items"), ("A_ArrayExpr", "elements"))


class Literal(msgspec.Struct, frozen=True):
    """A quoted text that a column is compared with."""

    start: int
    end: int
    """Characters of the statement it takes, quotes included, casts not."""
    value: str


class Spanned(msgspec.Struct, frozen=True):
    """A statement, and where its parameters stand by now."""

    text: str
    spans: tuple[tuple[int, int, int], ...]
    """(start, end, number)."""


def compared_literals(text: str, columns: Container[str]) -> tuple[Literal, ...]:
    """The texts that columns of these names are compared with, in the statement's order.

    Args:
        text: One statement.
        columns: Names, without tables: which table a name means only the planner knows.
    """
    try:
        tree = _DECODER.decode(parser.parse_sql_json(text))["stmts"]
    except (parser.ParseError, RecursionError):
        return ()
    places = dict(_places(tree, columns))
    if not places:
        return ()
    raw = text.encode()
    starts = {len(raw[:place].decode()): value for place, value in places.items()}
    return tuple(
        Literal(token.start, token.end + 1, starts[token.start])
        for token in parser.scan(text)
        if token.name == "SCONST" and token.start in starts
    )


def replaced(
    text: str,
    spans: Sequence[tuple[int, int, int]],
    literals: Sequence[Literal],
    write: Callable[[int], str],
) -> Spanned:
    """The statement with other texts in the literals' places.

    Args:
        text: The statement.
        spans: Of its parameters.
        literals: In the statement's order.
        write: What is to stand in place of the n-th.
    """
    out: list[str] = []
    moves: list[tuple[int, int]] = []
    end = 0
    for number, literal in enumerate(literals):
        new = write(number)
        out += [text[end : literal.start], new]
        moves.append((literal.start, len(new) - (literal.end - literal.start)))
        end = literal.end
    shifted = tuple((_moved(start, moves), _moved(stop, moves), n) for start, stop, n in spans)
    return Spanned("".join([*out, text[end:]]), shifted)


def _moved(position: int, moves: Sequence[tuple[int, int]]) -> int:
    return position + sum(shift for start, shift in moves if start < position)


def _places(tree: Any, columns: Container[str]) -> Iterator[tuple[int, str]]:
    """Byte and value of each text a column of that name is compared with."""
    for tag, node in tagged(tree):
        if tag != "A_Expr" or node["name"][-1]["String"]["sval"] not in COMPARISONS:
            continue
        sides = node.get("lexpr", {}), node.get("rexpr", {})
        for side, other in (sides, reversed(sides)):
            if _column(side) in columns or _names_one(side, columns):
                yield from _texts(other)


def _names_one(side: Node, columns: Container[str]) -> bool:
    """Whether it is an expression over such a column."""
    return any(name in columns for _, name in columns_in(side))


def _column(side: Node) -> str:
    """The column it is, below casts; empty where it is something else."""
    fields: Sequence[Mapping[str, Any]] = _bare(side).get("ColumnRef", {}).get("fields", ())
    return str(fields[-1]["String"]["sval"]) if fields and "String" in fields[-1] else ""


def _texts(side: Node) -> Iterator[tuple[int, str]]:
    side = _bare(side)
    constant = side.get("A_Const", {})
    if "sval" in constant:
        yield constant.get("location", 0), constant["sval"].get("sval", "")
    for tag, field in _LISTS:
        for item in side.get(tag, {}).get(field, ()):
            yield from _texts(item)


def _bare(node: Node) -> Node:
    while "TypeCast" in node:
        node = node["TypeCast"]["arg"]
    return node
