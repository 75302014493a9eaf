"""Expressions as EXPLAIN prints them, taken as text: splitting, unwrapping, hiding values.

PostgreSQL prints every operator in its own parentheses and every column with its alias (under
VERBOSE), so brackets and quotes are all that has to be understood here.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator

_QUOTED = r"""E?'(?:[^']|'')*'|"(?:[^"]|"")*\""""
_PIECE = re.compile(rf"{_QUOTED}|[()\[\]]")
_NAME = r'(?:"(?:[^"]|"")+"|(?![A-Z])[^\W\d][\w$]*)'
_TYPE = (
    rf"{_NAME}(?:\.{_NAME})?(?: varying| precision)?(?:\(\d+(?:,\s*-?\d+)?\))?"
    r"(?: with(?:out)? time zone)?(?:\[\])*"
)
_VALUE = re.compile(
    rf"""(?P<kept>::{_TYPE}|(?:Sub|Init)Plan \d+|"(?:[^"]|"")*"|[^\W\d][\w$]*)"""
    r"""|(?P<value>E?'(?:[^']|'')*'|\$\d+|(?<![\w$])-?\d+(?:\.\d+)?(?:e[+-]?\d+)?)"""
    rf"(?:::{_TYPE})*"
)
_INIT_PLAN = re.compile(r"\(InitPlan \d+\)\.col\d+")
_NULL = re.compile(rf"\bNULL(?:::{_TYPE})+")
_WRAPPED_VALUE = re.compile(rf"(?<![\w$\"])\(\?\)(?:::{_TYPE})*|\?(?:::{_TYPE})+")
_QUANTIFIED = re.compile(r"\b(ANY|ALL) \?")
_CLOCK = re.compile(r"\bplanguard\.(\w+)\(\)")
_COLUMN = re.compile(_NAME)
_QUALIFIED = re.compile(rf"'(?:[^']|'')*'|(?<![\w$\".])({_NAME})\.(?={_NAME}(?![\w$(]))")


@functools.lru_cache(maxsize=16384)
def unwrapped(text: str) -> str:
    """The expression without the parentheses that enclose all of it.

    >>> unwrapped("((a.x = 1))"), unwrapped("(a) AND (b)")
    ('a.x = 1', '(a) AND (b)')
    """
    text = text.strip()
    while text.startswith("(") and _closing(text) == len(text) - 1:
        text = text[1:-1].strip()
    return text


@functools.lru_cache(maxsize=16384)
def conjuncts(text: str) -> tuple[str, ...]:
    """The parts of a condition that AND joins, each in its own parentheses as printed.

    >>> conjuncts("((o.a = 'x AND y'::text) AND ((o.b = 1) OR o.c))")
    ("(o.a = 'x AND y'::text)", '((o.b = 1) OR o.c)')
    """
    inner = unwrapped(text)
    parts = _split(inner, " AND ")
    if len(parts) == 1:
        return (text.strip(),) if inner else ()
    return tuple(piece for part in parts for piece in conjuncts(part))


def alternatives(text: str) -> tuple[str, ...]:
    """The parts of a condition that OR joins; the condition itself where none does.

    >>> alternatives("((o.b = 1) OR o.c)")
    ('(o.b = 1)', 'o.c')
    """
    return tuple(_split(unwrapped(text), " OR "))


@functools.lru_cache(maxsize=16384)
def normalise_condition(text: str) -> str:
    """A condition without values, so that it reads the same for every sample.

    Constants with their type, parameters and the results of InitPlans become ``?``; the
    fixture's clock becomes ``now()`` again.

    >>> normalise_condition("((o.id)::numeric = ANY ('{1,2}'::numeric[]))")
    '((o.id)::numeric = ANY (?))'
    >>> normalise_condition("(o.at > (planguard.now() - '7 days'::interval))")
    '(o.at > (now() - ?))'
    """
    text = _INIT_PLAN.sub("?", _CLOCK.sub(r"\1()", text))
    text = _VALUE.sub(lambda found: "?" if found["value"] else found[0], text)
    text = _NULL.sub("?", text)
    before = ""
    while before != text:
        before, text = text, _WRAPPED_VALUE.sub("?", text)
    return _QUANTIFIED.sub(r"\1 (?)", text)


def without_alias(text: str, alias: str) -> str:
    """The expression with its columns unqualified, as DDL needs it.

    >>> without_alias("lower((c.email)::text) || 'c.x'", "c")
    "lower((email)::text) || 'c.x'"
    """
    return _replace_qualifier(text, alias, "")


def with_alias(text: str, alias: str, other: str) -> str:
    """The expression with one alias replaced by another, both unquoted names.

    >>> with_alias("(events_1.id = 4)", "events_1", "events")
    '(events.id = 4)'
    """
    return _replace_qualifier(text, alias, f"{_quoted(other)}.")


def qualifiers(text: str) -> frozenset[str]:
    """All names that qualify a column in the expression, unquoted.

    >>> sorted(qualifiers('(a.x = "B c".y)'))
    ['B c', 'a']
    """
    return frozenset(_plain(found[1]) for found in _QUALIFIED.finditer(text) if found[1])


@functools.lru_cache(maxsize=16384)
def named_columns(text: str) -> tuple[tuple[str, str], ...]:
    """Alias and column of each qualified column, found without parsing."""
    pairs: dict[tuple[str, str], None] = {}
    for found in _QUALIFIED.finditer(text):
        name = _COLUMN.match(text, found.end())
        if found[1] and name:
            pairs[_plain(found[1]), _plain(name[0])] = None
    return tuple(pairs)


def _replace_qualifier(text: str, alias: str, replacement: str) -> str:
    return _QUALIFIED.sub(
        lambda found: replacement if found[1] and _plain(found[1]) == alias else found[0], text
    )


def _plain(identifier: str) -> str:
    if identifier.startswith('"'):
        return identifier[1:-1].replace('""', '"')
    return identifier


def _quoted(name: str) -> str:
    return name if re.fullmatch(r"[a-z_][a-z0-9_$]*", name) else '"' + name.replace('"', '""') + '"'


def _closing(text: str) -> int:
    """Where the bracket that opens at 0 closes; -1 if it does not."""
    for position, depth in _brackets(text):
        if depth == 0:
            return position
    return -1


def _brackets(text: str) -> Iterator[tuple[int, int]]:
    """Position and depth after each bracket that stands outside of quotes."""
    depth = 0
    for found in _PIECE.finditer(text):
        if found[0] in "([":
            depth += 1
        elif found[0] in ")]":
            depth -= 1
        else:
            continue
        yield found.start(), depth


def _split(text: str, separator: str) -> list[str]:
    """The text cut at a separator outside of brackets, quotes and CASE."""
    parts, start, depth = [], 0, 0
    token = re.compile(rf"{_QUOTED}|[()\[\]]|\bCASE\b|\bEND\b|{re.escape(separator)}")
    for found in token.finditer(text):
        piece = found[0]
        depth += (piece in ("(", "[", "CASE")) - (piece in (")", "]", "END"))
        if piece == separator and depth == 0:
            parts.append(text[start : found.start()])
            start = found.end()
    return [*parts, text[start:]]
