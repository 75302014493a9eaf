"""Values a client wrote into its SQL become parameters again, so that they can be exchanged.

Drivers that bind on the client (Django's default, psycopg 2) send ``WHERE id = 1231``: the text
is another one in every run, and the number is a test's. What the code itself has as a constant
was never bound and stays.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from pglast import parser


class Unbound(msgspec.Struct, frozen=True):
    """A text with parameters where values were compared."""

    text: str
    types: tuple[str | None, ...]
    """OIDs as digits; None where the text's own cast or the comparison decides."""
    values: tuple[str, ...]
    spans: tuple[tuple[int, int, int], ...]
    """(start, end, number) of every parameter."""


_COMPARED = frozenset(
    {"ASCII_60", "ASCII_61", "ASCII_62", "LESS_EQUALS", "GREATER_EQUALS", "NOT_EQUALS", "LIKE",
     "ILIKE", "BETWEEN"}
)  # fmt: skip
"""Tokens a compared value follows: only there a value decides how rows are found. Elsewhere a
parameter might mean something else than the constant did (ORDER BY 1)."""
_CONSTANTS = frozenset({"ICONST", "FCONST", "SCONST"})
_INSTANTS = {"timestamptz": "1184", "timestamp": "1114", "date": "1082"}
_INT4_MAX = 2**31 - 1


def unbind(text: str, values: Sequence[str | None]) -> Unbound | None:
    """The text with ``$n`` for the values that are compared with something.

    Equal values become one parameter: an expression that stands in GROUP BY too stays the same.

    Args:
        text: One statement without parameters.
        values: As the driver wrote them, in the text's order, casts included.

    Returns:
        None where no value is compared.
    """
    types: list[str | None] = []
    found: list[str] = []
    numbers: dict[str, int] = {}
    spans: list[tuple[int, int, int]] = []
    out: list[str] = []
    end, shift = 0, 0
    for start, value in compared(text, values):
        bare, cast = _parts(value)
        number = numbers.setdefault(value, len(numbers) + 1)
        if number > len(types):
            types.append(_type(value, cast))
            found.append(bare)
        mark = f"${number}"
        out += [text[end:start], mark + (f"::{cast}" if cast else "")]
        spans.append((start + shift, start + shift + len(mark), number))
        end = start + len(value)
        shift += len(out[-1]) - len(value)
    if not spans:
        return None
    return Unbound("".join([*out, text[end:]]), tuple(types), tuple(found), tuple(spans))


def compared(text: str, values: Sequence[str | None]) -> list[tuple[int, str]]:
    """Where the compared values stand, in the text's order."""
    waiting = [value.strip() for value in values if value and _is_plain(value.strip())]
    found: list[tuple[int, str]] = []
    position, before, listed, between = 0, "", False, False
    for token in parser.scan(text):
        name = token.name
        if position == len(waiting):
            break
        value = waiting[position]
        if name in _CONSTANTS and text.startswith(value, token.start):
            position += 1
            if before in _COMPARED or listed or (between and before == "AND"):
                found.append((token.start, value))
        between = name == "BETWEEN" or (between and before != "AND")
        listed = (listed and name != "ASCII_41") or (before == "IN_P" and name == "ASCII_40")
        before = name
    return found


def _is_plain(value: str) -> bool:
    """A number or a string without escapes; what else is written stays as it is."""
    return value[:1] == "'" or value[:1].isdigit()


def _parts(value: str) -> tuple[str, str]:
    """The value without quotes, and the type it is cast to.

    >>> _parts("'it''s'::text"), _parts("17")
    (("it's", 'text'), ('17', ''))
    """
    if value[0] != "'":
        return value, ""
    quoted, _, cast = value.rpartition("'")
    return quoted[1:].replace("''", "'"), cast.removeprefix("::")


def _type(value: str, cast: str) -> str | None:
    """The type PostgreSQL gives such a constant; none for a string, as it does itself."""
    if value[0] == "'":
        return _INSTANTS.get(cast)
    if not value.isdigit():
        return "1700"
    return "23" if int(value) <= _INT4_MAX else "20"
