"""Statements with parameters whose values came apart from the text: both as one text."""

from __future__ import annotations

from collections.abc import Mapping

from pglast import parser

from pytest_planguard.sql.statement_text import inline


def with_literals(text: str, values: Mapping[int, str]) -> str:
    """The text with literals for its parameters; one that has no value stays.

    What strings, quoted names and comments say is left alone, as are the values put in.

    >>> with_literals("SELECT $1, '$1', $2, $10", {1: "'$2'", 2: "NULL"})
    "SELECT '$2', '$1', NULL, $10"
    """
    return inline(text, _spans(text), dict(values))


def has_parameters(text: str) -> bool:
    """Whether a server wants values besides it.

    >>> has_parameters("SELECT $1"), has_parameters("SELECT '$1', $$ $1 $$")
    (True, False)
    """
    return bool(_spans(text))


def parameter_count(text: str) -> int:
    """The highest number of its parameters.

    >>> parameter_count("SELECT $2, '$3'")
    2
    """
    return max((number for _, _, number in _spans(text)), default=0)


def _spans(text: str) -> tuple[tuple[int, int, int], ...]:
    try:
        tokens = parser.scan(text)
    except parser.ParseError:
        return ()
    return tuple(
        (token.start, token.end + 1, int(text[token.start + 1 : token.end + 1]))
        for token in tokens
        if token.name == "PARAM"
    )
