"""Redacted literals become parameters: a text that is none of an enum's labels says nothing.

A stand-in is of a literal's form, but only the catalog knows that ``state = 'open'`` compares an
enum. As a parameter without a type it is whatever it is compared with, and has a plan without
values.
"""

from __future__ import annotations

import msgspec
from pglast import parser

from pytest_planguard.sql.stand_ins import TEXT
from pytest_planguard.sql.unbind import compared


class Lifted(msgspec.Struct, frozen=True):
    """A text with parameters in place of its stand-ins."""

    text: str
    spans: tuple[tuple[int, int, int], ...]
    """(start, end, number) of every parameter, the old ones too."""
    values: tuple[str, ...]
    """The stand-ins, for the parameters from the first new one on."""


def lifted(text: str, parameters: int) -> Lifted | None:
    """The text with more parameters, where it compares stand-ins.

    Args:
        text: One statement.
        parameters: How many it has.

    Returns:
        None where it compares none.
    """
    if f"'{TEXT}" not in text:
        return None
    tokens = parser.scan(text)
    raws = [text[token.start : token.end + 1] for token in tokens if token.name == "SCONST"]
    found = compared(text, [raw for raw in raws if raw.startswith(f"'{TEXT}")])
    if not found:
        return None
    values = list(dict.fromkeys(raw for _, raw in found))
    for start, raw in reversed(found):
        mark = f"${parameters + values.index(raw) + 1}"
        text = text[:start] + mark + text[start + len(raw) :]
    spans = tuple(
        (token.start, token.end + 1, int(text[token.start + 1 : token.end + 1]))
        for token in parser.scan(text)
        if token.name == "PARAM"
    )
    return Lifted(text, spans, tuple(raw.strip("'") for raw in values))
