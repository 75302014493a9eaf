r"""Which parts of a text are strings, quoted names and comments; nothing else is told apart.

As PostgreSQL's lexer has it (scan.l) with ``standard_conforming_strings`` on, its default since
9.1. What is not closed goes on to the end of the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_OPAQUE = re.compile(
    rb"""
    (?<![\w$\x80-\xff])[eE]'[^'\\]*+(?:(?:''|\\.)[^'\\]*+)*+(?:'|\\?\Z)
    | '[^']*+(?:''[^']*+)*+(?:'|\Z)
    | "[^"]*+(?:"|\Z)
    | (?<![\w$\x80-\xff])(?P<tag>\$(?:[A-Za-z_\x80-\xff][\w\x80-\xff]*+)?\$)(?:.*?(?P=tag)|.*)
    | (?P<line>--[^\r\n]*+)
    | (?P<block>/\*)
    """,
    re.DOTALL | re.VERBOSE,
)
_BLOCK = re.compile(rb"/\*|\*/")
_NUMBER = re.compile(rb"(?<![\w$\x80-\xff])-?\d[\w.]*+|\$\d++")
_LIST = re.compile(rb"\?(?:[\s,()]++\?)++")


def opaque(text: bytes) -> Iterator[tuple[int, int, bool]]:
    """Strings, quoted names and comments: where each begins and ends, and if it is a comment.

    >>> list(opaque(b"a 'b;' /* c /* d */ */ $$e$$ -- f"))
    [(2, 6, False), (7, 22, True), (23, 28, False), (29, 33, True)]
    """
    position = 0
    while (found := _OPAQUE.search(text, position)) is not None:
        position = _block_end(text, found.end()) if found["block"] else found.end()
        yield found.start(), position, bool(found["block"] or found["line"])


def statements_of(text: bytes) -> list[bytes]:
    """The statements of a text without their comments.

    >>> statements_of(b"SET a.b = 'x;y' /* c; */; SELECT 1 -- d")
    [b"SET a.b = 'x;y'", b'SELECT 1']
    """
    statements: list[bytes] = []
    current: list[bytes] = []

    def read(plain: bytes) -> None:
        first, *others = plain.split(b";")
        current.append(first)
        for other in others:
            statements.append(b"".join(current))
            current[:] = [other]

    end = 0
    for start, stop, is_comment in opaque(text):
        read(text[end:start])
        current.append(b" " if is_comment else text[start:stop])
        end = stop
    read(text[end:])
    statements.append(b"".join(current))
    return [stripped for one in statements if (stripped := one.strip())]


def bare(text: bytes, instead: bytes = b"''") -> bytes:
    """The text without comments, and with other words for what is quoted.

    >>> bare(b"INSERT INTO a VALUES ('b; c') -- d")
    b"INSERT INTO a VALUES ('')  "
    """
    out: list[bytes] = []
    end = 0
    for start, stop, is_comment in opaque(text):
        out += (text[end:start], b" " if is_comment else instead)
        end = stop
    out.append(text[end:])
    return b"".join(out)


def skeleton(text: bytes) -> bytes:
    """What texts of one query have in common though values were written into them.

    >>> skeleton(b"a = 5 AND b IN ('x', 'y')"), skeleton(b"a = $1 AND b IN ($2)")
    (b'a = ? AND b IN (?)', b'a = ? AND b IN (?)')
    """
    out: list[bytes] = []
    end = 0
    for start, stop, is_comment in opaque(text):
        quoted = text[start:stop]
        out += (text[end:start], b"" if is_comment else quoted if quoted[:1] == b'"' else b"?")
        end = stop
    out.append(text[end:])
    return _LIST.sub(b"?", _NUMBER.sub(b"?", b"".join(out)))


def _block_end(text: bytes, position: int) -> int:
    """Where a comment ends; such comments nest."""
    depth = 1
    for found in _BLOCK.finditer(text, position):
        depth += 1 if found.group() == b"/*" else -1
        if not depth:
            return found.end()
    return len(text)
