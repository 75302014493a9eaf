"""Array literals of PostgreSQL: ``{a,"b c",NULL}`` ↔ their elements."""

from __future__ import annotations

import re
from collections.abc import Callable

_TOKEN = re.compile(r'\s*(?:([{},])|"((?:[^"\\]|\\.)*)"|((?:[^{},"\\]|\\.)+))\s*', re.DOTALL)
_BOUNDS = re.compile(r"^(?:\[[-\d]+:[-\d]+\])+=")
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_PLAIN = re.compile(r"[^\s{},\"\\]+")


def elements(literal: str) -> list[str]:
    """The elements that are not NULL, of all dimensions, in order.

    Raises:
        ValueError: It is no array literal.

    >>> elements('{{a,"b c"},{NULL,"NULL"}}')
    ['a', 'b c', 'NULL']
    """
    found: list[str] = []

    def note(element: str) -> str:
        found.append(element)
        return element

    replaced(literal, note)
    return found


def replaced(literal: str, change: Callable[[str], str]) -> str:
    """The literal with each element that is not NULL replaced.

    Raises:
        ValueError: It is no array literal.

    >>> replaced('[0:1]={a,"b c"}', str.upper)
    '[0:1]={A,"B C"}'
    """
    bounds = _BOUNDS.match(literal)
    place = bounds.end() if bounds else 0
    parts = [literal[:place]]
    depth = 0
    while place < len(literal):
        token = _TOKEN.match(literal, place)
        if token is None:
            break
        mark, quoted, plain = token.groups()
        depth += (mark == "{") - (mark == "}")
        if depth < 0 or (depth == 0 and mark != "}"):
            break
        parts.append(mark or _element(quoted, plain, change))
        place = token.end()
    if place < len(literal) or depth or len(parts) < 3:
        raise ValueError("no array literal")
    return "".join(parts)


def _element(quoted: str | None, plain: str | None, change: Callable[[str], str]) -> str:
    if quoted is None and plain is not None and plain.strip().upper() == "NULL":
        return "NULL"
    text = (plain or "").strip() if quoted is None else quoted
    return printed(change(_ESCAPED.sub(r"\1", text)))


def printed(element: str) -> str:
    """An element as PostgreSQL prints it in an array."""
    if _PLAIN.fullmatch(element) and element.upper() != "NULL":
        return element
    return '"' + re.sub(r'(["\\])', r"\\\1", element) + '"'
