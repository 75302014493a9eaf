"""A statement with other schemas' names in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

from pglast import parser

Spans: TypeAlias = tuple[tuple[int, int, int], ...]
"""(start, end, number) of every parameter."""


def places(text: str, names: Mapping[str, str]) -> list[tuple[int, int, str]]:
    """Where a text names schemas that others stand for: start, end and what is to stand there.

    Args:
        text: One statement.
        names: By a schema's name: what is to be written instead.
    """
    found = []
    before = ""
    tokens = parser.scan(text)
    for token, following in zip(tokens, [*tokens[1:], None], strict=False):
        raw = text[token.start : token.end + 1]
        is_qualifier = following is not None and following.name == "ASCII_46"
        if is_qualifier and before != "ASCII_46" and (new := names.get(_name(raw))) is not None:
            found.append((token.start, token.end + 1, new))
        before = token.name
    return found


def in_schemas(text: str, spans: Spans, names: Mapping[str, str]) -> tuple[str, Spans]:
    """The text with the other names, and where its parameters stand by then.

    >>> in_schemas('SELECT * FROM "t_2".a WHERE t_2.a.id = $1', ((39, 41, 1),), {"t_2": "t_1"})
    ('SELECT * FROM t_1.a WHERE t_1.a.id = $1', ((37, 39, 1),))
    """
    found = places(text, names)
    for start, end, new in reversed(found):
        text = text[:start] + new + text[end:]
    return text, tuple((_moved(a, found), _moved(b, found), number) for a, b, number in spans)


def _moved(position: int, found: Sequence[tuple[int, int, str]]) -> int:
    return position + sum(len(new) - (end - start) for start, end, new in found if end <= position)


def _name(raw: str) -> str:
    return raw[1:-1].replace('""', '"') if raw[:1] == '"' else raw.lower()
