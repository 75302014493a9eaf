"""What a parser or a server says about a statement, without the values it quotes."""

from __future__ import annotations

import re

from pglast import parser

_DATA_EXCEPTION = "22"
"""The class of errors whose messages quote values (PostgreSQL manual, appendix A)."""
_RAISED = frozenset(("P0", "38", "39"))
"""Classes of errors that functions raise, in words of their own."""
_QUOTED = re.compile(r'".*"', re.DOTALL)
_BYTES = re.compile(r"0x[0-9a-f]{2}(?: 0x[0-9a-f]{2})*", re.IGNORECASE)
_NEAR = re.compile(r'(at or near )"(?!\w+"$).*', re.DOTALL)
_CONSTANTS = frozenset({"ICONST", "FCONST", "SCONST", "BCONST", "XCONST", "USCONST"})
_COMMENTS = frozenset({"SQL_COMMENT", "C_COMMENT"})
_OPENS = re.compile(r"'|\"|/\*|\$\w*\$")


def without_values(message: str, sqlstate: str = "42601") -> str:
    """A message without what it quotes of the statement's values.

    Names of columns and types that it quotes stay.

    Args:
        message: The primary one.
        sqlstate: Its code; without one it is a parser's.

    >>> without_values('invalid input syntax for type integer: "ada"', "22P02")
    'invalid input syntax for type integer: "…"'
    >>> without_values('column "nmae" does not exist', "42703")
    'column "nmae" does not exist'
    """
    if sqlstate[:2] in _RAISED:
        return "a function raised an exception"
    if sqlstate[:2] == _DATA_EXCEPTION:
        return _BYTES.sub("0x…", _QUOTED.sub('"…"', message))
    return _NEAR.sub(r'\1"…"', message)


def text_without_values(text: str) -> str:
    """A text that is no SQL the parser knows, on one line, with ``?`` for its constants.

    >>> text_without_values("SELEC * FROM users WHERE email = 'ada' -- who")
    'SELEC * FROM users WHERE email = ?'
    """
    try:
        tokens = parser.scan(text)
    except parser.ParseError:  # a string or a comment that has no end
        opened = _OPENS.search(text)
        return " ".join(text[: opened.start()].split()) + " …" if opened else "…"
    out: list[str] = []
    end = 0
    for token in tokens:
        if token.name in _CONSTANTS or token.name in _COMMENTS:
            out += (text[end : token.start], "?" if token.name in _CONSTANTS else " ")
            end = token.end + 1
    return " ".join("".join([*out, text[end:]]).split())
