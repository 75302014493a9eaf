"""What must not leave the process is replaced as it arrives, before anybody keeps it.

A text is parsed once, when it is heard for the first time; from then on its values are replaced by
position. They must be replaced before some of them are chosen: chosen first, the same suite would
keep other values alone than with two workers. Expressions are the user's and may take their time:
nothing here is asked under the recorder's lock; of two threads that read one text both get the
same.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec

from pytest_planguard.capture.lexing import bare
from pytest_planguard.capture.samples import plain, to_text
from pytest_planguard.model.redaction import Redaction
from pytest_planguard.model.statement import Session
from pytest_planguard.sql.stand_ins import stand_in
from pytest_planguard.sql.types import family

if TYPE_CHECKING:
    from pytest_planguard.sql.redaction import Redacted

_HELD = 16 * 1024 * 1024
"""Bytes of texts that are remembered at most, beside those that are counted."""
_NUMBER = re.compile(rb"(?<![\w$])\d[\w.]*")
_EVERYTHING_QUOTED = b"'redacted'"


class _Unread:
    """In place of what was read of a text: nobody has."""


_UNREAD = _Unread()

_TELLING = 4, 9
"""Bytes from which a text, or a binary value, is taken for the same one elsewhere."""

Values: TypeAlias = tuple[Sequence[Any], Sequence[int] | None]
"""Values as a driver holds them, and which of them are binary."""


class Redactor:
    """Knows what of a text, of its values and of its session is to be replaced.

    Args:
        redaction: As configured; something is to be replaced.
    """

    def __init__(self, redaction: Redaction) -> None:
        from pytest_planguard.sql.redaction import redacted  # brings the parser: not in a test

        self._reader = redacted
        self._redaction = redaction
        self._expressions = redaction.expressions()
        self._known: dict[bytes, Redacted | None] = {}
        self._held = 0
        self._sessions: dict[int, tuple[Session, Session]] = {}

    def text(self, text: bytes) -> str:
        """A text without its literals that are to be replaced."""
        found = self._read(text)
        return _unread(text) if found is None else found.text

    def parameters(self, text: bytes, count: int) -> tuple[int, ...]:
        """The numbers of a text's parameters that are replaced by their columns, from 1 on."""
        found = self._read(text)
        if found is None:
            return tuple(range(1, count + 1))
        return tuple(sorted(number for number in found.parameters if number <= count))

    def values(
        self,
        text: bytes,
        types: tuple[int, ...],
        params: Sequence[Any],
        formats: Sequence[int] | None,
    ) -> Values:
        """The values of a text, with stand-ins for those that are to be replaced.

        Args:
            text: As it is sent.
            types: OIDs of its parameters.
            params: Their values.
            formats: Which of them are binary.
        """
        found = self._read(text)
        if found is not None and not (found.parameters or found.literals or self._expressions):
            return params, formats
        return _Hiding(found, types, self._expressions).shown(params, formats)

    def session(self, session: Session) -> Session:
        """A session without the custom settings that are to be replaced."""
        known = self._sessions.get(id(session))
        if known is None:
            settings = {name: self._setting(name, one) for name, one in session.settings.items()}
            known = session, msgspec.structs.replace(session, settings=settings)
            self._sessions[id(session)] = known
        return known[1]

    def _setting(self, name: str, value: str) -> str:
        table, dot, column = name.rpartition(".")
        by_name = dot and self._redaction.covers(table, column)
        if by_name or any(one.search(value) for one in self._expressions):
            return stand_in(value, "text", 0)
        return value

    def _read(self, text: bytes) -> Redacted | None:
        known = self._known.get(text, _UNREAD)
        if not isinstance(known, _Unread):
            return known
        found = self._reader(to_text(text), self._redaction, self._expressions)
        self._held += len(text)
        if self._held > _HELD:
            self._known.clear()
            self._held = len(text)
        self._known[text] = found
        return found


def _unread(text: bytes) -> str:
    """A text that nobody understands, without anything quoted, commented or any number."""
    return to_text(_NUMBER.sub(b"0", bare(text, _EVERYTHING_QUOTED)))


def _literal(text: str) -> tuple[str, str]:
    """A literal as a client wrote it, and the cast behind it.

    >>> _literal(" 5"), _literal("'2026-01-02'::date")
    (('5', ''), ("'2026-01-02'", '::date'))
    """
    text = text.strip()
    end = text.rfind("'") + 1
    return (text[:end], text[end:]) if end else (text, "")


class _Hiding:
    """Puts stand-ins among values.

    Args:
        redacted: What is to be replaced; None: everything.
        types: OIDs of the parameters.
        expressions: What hides a value by itself.
    """

    __slots__ = ("_expressions", "_redacted", "_types")

    def __init__(
        self,
        redacted: Redacted | None,
        types: tuple[int, ...],
        expressions: Sequence[re.Pattern[str]],
    ) -> None:
        self._redacted = redacted
        self._types = types
        self._expressions = expressions

    def shown(self, params: Sequence[Any], formats: Sequence[int] | None) -> Values:
        """The values with their stand-ins; what is replaced is text from here on."""
        raw = [None if value is None else plain(value) for value in params]
        codes = list(formats or ()) or [0] * len(raw)
        stand_ins: dict[bytes, bytes] = {}
        hidden = [
            position
            for position, value in enumerate(raw)
            if value is not None and self._is_hidden(position, value)
        ]
        values = list(raw)
        for position in hidden:
            value = raw[position] or b""
            if value not in stand_ins:
                code = codes[position]
                stand_ins[value] = self._stand_in(position, value, code, len(stand_ins))
            values[position] = stand_ins[value]
        hidden += self._elsewhere(values, codes, stand_ins)
        return values, [0 if n in hidden else code for n, code in enumerate(codes)]

    @staticmethod
    def _elsewhere(
        values: list[bytes | None], codes: Sequence[int], stand_ins: dict[bytes, bytes]
    ) -> list[int]:
        """Replaces a value where it stands once more; a short one or a number is another there."""
        found = []
        for position, value in enumerate(values):
            if value is None or value.isdigit() or len(value) < _TELLING[bool(codes[position])]:
                continue
            if value in stand_ins:
                values[position] = stand_ins[value]
                found.append(position)
        return found

    def _is_hidden(self, position: int, value: bytes) -> bool:
        redacted = self._redacted
        if redacted is None or position + 1 in redacted.parameters:
            return True
        text = to_text(value)
        if not self._types and _literal(text)[0] in redacted.literals:
            return True
        return any(one.search(text) for one in self._expressions)

    def _stand_in(self, position: int, value: bytes, code: int, number: int) -> bytes:
        if not self._types:
            return self._written(to_text(value), number).encode()
        redacted = self._redacted
        oid = self._types[position] if position < len(self._types) else 0
        form = "" if code else to_text(value)
        is_pattern = redacted is not None and position + 1 in redacted.patterns and not code
        name = family(str(oid)) if oid else "text"
        return stand_in(form, name, number, is_pattern=is_pattern).encode()

    def _written(self, value: str, number: int) -> str:
        """A literal in place of one that a client wrote; the text may have one for it already."""
        literal, cast = _literal(value)
        known = self._redacted.literals.get(literal) if self._redacted is not None else None
        if known is None:
            value = stand_in(literal.strip("'"), "text", number)
            known = f"'{value}'" if literal[:1] == "'" else value
        return known + cast
