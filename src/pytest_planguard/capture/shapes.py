"""One pattern for all the values psycopg 2 has written into a text, where they are plain ones.

``literals`` reads a text literal by literal. A query that is sent again and again has values of the
same few kinds each time: then one match, by a pattern made for the query and these kinds, gives all
of them. What does not match is read literal by literal, so that the outcome is the same.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

from pytest_planguard.capture.literals import CASTS, Bound, Template, recovered, template_of
from pytest_planguard.capture.remembering import LONGEST

_WORTH = 3
"""Texts of a query that are read literal by literal before a pattern is made: that takes as long
as reading a hundred."""

_MOST_TRIES = 4
"""Patterns made for one query; if it has values of more kinds than that, it will have others."""

_MOST_VALUES = 50

_STRING = rb"'([^'\\]*+)'"
_NUMERIC, _UNTYPED = 1700, 0
_NULL = rb"NULL\b(?:(?!)())?"
"""With a group that never takes part, so that the value is None."""
_PATTERNS = {
    16: rb"(t|f)(?:rue|alse)\b",
    20: rb"[ ]?(-?\d{11,18}+)(?![\d.eE])",
    23: rb"[ ]?(-?\d{1,9}+)(?![\d.eE])",
    _NUMERIC: rb"[ ]?(-?\d++\.\d++)(?![.eE])",
    _UNTYPED: _STRING,
    **{oid: _STRING + b"::" + re.escape(name) for name, oid in CASTS.items() if oid != _NUMERIC},
}
"""Most literals of a type as psycopg 2 writes them: an integer of ten digits may be of either."""

Apart: TypeAlias = tuple[bytes, tuple[int, ...], tuple[bytes | None, ...]]
"""A ``Bound``, without the time that making one takes."""

Alike: TypeAlias = tuple[bytes, tuple[int, ...], list[tuple[bytes | None, ...]]]
"""Likewise, with the values of each time it was sent."""

_Read: TypeAlias = Callable[[bytes], "re.Match[bytes] | None"]


class Asked:
    """A query as ``execute`` was given it.

    Args:
        text: In bytes.
    """

    __slots__ = ("_read", "_tries", "shapes", "text")

    def __init__(self, text: bytes) -> None:
        self.text = text
        self.shapes: list[tuple[_Read, bytes, tuple[int, ...]]] = []
        """Patterns with the text and the types of what they match."""
        self._read = self._tries = 0

    def bound(self, sent: bytes) -> Apart:
        """What was sent for it, with its values apart where they can be told."""
        for match, text, types in self.shapes:
            found = match(sent)
            if found is not None:
                return text, types, found.groups()
        bound = recovered(self.text, sent)
        if bound is None:
            return sent, (), ()
        self._read += 1
        if self._read >= _WORTH and self._tries < _MOST_TRIES:
            self._read = 0
            self._tries += 1
            self._learn(bound, sent)
        return bound

    def bound_alike(self, sent: Sequence[bytes]) -> Iterator[Alike]:
        """What was sent for it, likewise; together what one pattern reads."""
        if self.shapes:
            match, text, types = self.shapes[0]
            found = [(one, match(one)) for one in sent]
            yield text, types, [read.groups() for _, read in found if read]
            sent = [one for one, read in found if not read]
        for one in sent:
            text, types, values = self.bound(one)
            yield text, types, [values]

    def _learn(self, bound: Bound, sent: bytes) -> None:
        template = template_of(self.text)
        if template is None or len(sent) > LONGEST or not 0 < len(bound.types) <= _MOST_VALUES:
            return
        pattern = _pattern(template, bound)
        if pattern is None:
            return
        match = re.compile(pattern).fullmatch
        if (found := match(sent)) is not None and found.groups() == bound.values:
            self.shapes.append((match, bound.text, bound.types))


def asked(text: bytes) -> Asked:
    """The one of a query, with what was learnt of it."""
    return _known(text) if len(text) <= LONGEST else Asked(text)


_known = functools.lru_cache(maxsize=10_000)(Asked)


def _pattern(template: Template, bound: Bound) -> bytes | None:
    """What texts of a query look like with values of these types; None where it cannot be told."""
    named = [name for name in template.names if name is not None]
    if template.kept or len(set(named)) != len(named) or bound.text != template.plain:
        return None
    pattern = re.escape(template.pieces[0])
    for oid, value, piece in zip(bound.types, bound.values, template.pieces[1:], strict=True):
        literal = _NULL if value is None else _PATTERNS.get(oid)
        if literal is None:
            return None
        pattern += literal + re.escape(piece)
    return pattern
