"""A statement with ``$n`` for every constant of it; the rest stays as its author wrote it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec
from pglast import parser

_DECODER = msgspec.json.Decoder()
_STRINGS = frozenset({"SCONST", "USCONST", "BCONST", "XCONST"})
_CONSTANTS = frozenset({*_STRINGS, "ICONST", "FCONST"})
_COMMENTS = frozenset({"SQL_COMMENT", "C_COMMENT"})
_MINUS = "ASCII_45"
_PARAMETER = "PARAM"
_WITHOUT_CONSTANTS = frozenset({"typmods", "typeName"})
"""What is counted in a type's name is no value: ``numeric(10, 2)``."""


class _Constant(NamedTuple):
    """Where one begins, in bytes."""

    place: int
    type_place: int | None = None
    """Where the type's name begins, if it stands in front: ``interval '1 day'``."""


def parameterised(text: str) -> str | None:
    """The statement without constants and comments; NULL, TRUE and FALSE stay.

    Args:
        text: One statement.

    Returns:
        None where it cannot be read, or has a constant where no parameter may stand.

    >>> parameterised("UPDATE a SET b = 'x', c = NULL WHERE d > date '2024-01-01' -- e")
    'UPDATE a SET b = $1, c = NULL WHERE d > $2::date'
    """
    try:
        tree = _DECODER.decode(parser.parse_sql_json(text))
        written = _written(text, {one.place: one for one in _constants(tree)})
        parser.parse_sql_json(written)
    except (parser.ParseError, RecursionError):
        return None
    return written


def _constants(node: Any) -> Iterator[_Constant]:
    if isinstance(node, list):
        for item in node:
            yield from _constants(item)
    if not isinstance(node, dict):
        return
    cast = node.get("TypeCast", {})
    constant = cast.get("arg", {}).get("A_Const") if isinstance(cast, dict) else None
    if constant is not None:
        place, type_place = constant.get("location", 0), cast["typeName"].get("location", 0)
        if "boolval" not in constant and not constant.get("isnull"):
            yield _Constant(place, type_place if type_place < place else None)
        return
    for key, value in node.items():
        if key == "A_Const" and "boolval" not in value and not value.get("isnull"):
            yield _Constant(value.get("location", 0))
        elif key not in _WITHOUT_CONSTANTS:
            yield from _constants(value)


def _written(text: str, constants: dict[int, _Constant]) -> str:
    """The text again, token by token."""
    tokens = parser.scan(text)
    number = max((_number(text, one) for one in tokens), default=0)
    out: list[str] = []
    end = 0
    for before, token in zip([None, *tokens], tokens, strict=False):
        start, new = token.start, " "
        if token.name in _CONSTANTS:
            found = _at(text, token, before, constants)
            if found is None:
                continue
            number += 1
            start, new = _parameter(text, token, found, number)
        elif token.name not in _COMMENTS:
            continue
        out += (text[end:start], new)
        end = token.end + 1
    return "".join([*out, text[end:]]).strip()


def _at(text: str, token: Any, before: Any, constants: dict[int, _Constant]) -> _Constant | None:
    """The constant a token writes; a negative number begins at its minus."""
    found = constants.get(_byte(text, token.start))
    if found is None and before is not None and before.name == _MINUS:
        return constants.get(_byte(text, before.start))
    return found


def _parameter(text: str, token: Any, constant: _Constant, number: int) -> tuple[int, str]:
    """From where on it is replaced, and by what."""
    if constant.type_place is None or token.name not in _STRINGS:
        return token.start, f"${number}"
    start = len(text.encode()[: constant.type_place].decode())
    return start, f"${number}::{' '.join(text[start : token.start].split())}"


def _byte(text: str, position: int) -> int:
    return position if text.isascii() else len(text[:position].encode())


def _number(text: str, token: Any) -> int:
    """Of a parameter that is there already; 0: it is none."""
    return int(text[token.start + 1 : token.end + 1]) if token.name == _PARAMETER else 0
