r"""psycopg 2 writes values into the text; here they become parameters again.

psycopg 3's client-side cursors do likewise. The template and the text that was sent are read side
by side: between two pieces of the template stands one literal as the adapters write it. What is no
such literal (an adapter of the application's own, ``AsIs``) leaves the text as it was sent. Types
are the ones the server gives the literals: a float is a numeric, because it is written as one. What
is written into a string, a name or a comment is no value of the statement, and stays.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from pytest_planguard.capture.lexing import opaque
from pytest_planguard.capture.remembering import remembered

MOST_PLACEHOLDERS = 1_000
"""With more the text is kept as it was sent: reading it would cost more than sending it."""

_PLACEHOLDER = re.compile(rb"%(?:\(([^)]*)\))?(.)", re.DOTALL)
_JOINED_BEFORE = re.compile(rb"[\w$'\x80-\xff]")
_JOINED_AFTER = re.compile(rb"[\w$'\x80-\xff]|%[s(]")
"""What makes a placeholder next to it part of a longer word, or of a string."""
_ATOM = re.compile(
    rb"""
    (?P<word>NULL|true|false)\b
    |[ ]?(?P<number>-?\d++(?P<fraction>(?:\.\d*+)?+(?:[eE][+-]?\d++)?+))
    |[ ]?(?:(?P<escaped>E'(?:[^'\\]|''|\\.)*+')|(?P<string>'(?:[^']|'')*+'))
    """,
    re.DOTALL | re.VERBOSE,
)
_CAST = re.compile(rb"::([a-z_][a-z0-9_]*+(?:\[\])?+)(?!\[)")
_NUMBERS_CAST = re.compile(
    rb"\)?::(?:(int2|smallint|int4|int(?:eger)?+|int8|bigint)|(float4|real|float8|double precision)"
    rb"|(?:numeric|decimal)(?:\([\d, ]++\))?+)\[\]",
    re.IGNORECASE,
)
"""What a template may go on with behind an array: of integers, of floats or of numerics."""
_COMMA = re.compile(rb", ?")
_ESCAPE = re.compile(rb"\\(.)|''", re.DOTALL)
_DECLARE = re.compile(rb'DECLARE "(?:[^"]|"")*+" [A-Z ]*?CURSOR [A-Z ]*?FOR ')

CASTS = {
    b"bytea": 17, b"json": 114, b"cidr": 650, b"float": 701, b"inet": 869, b"date": 1082,
    b"time": 1083, b"timestamp": 1114, b"timestamptz": 1184, b"interval": 1186, b"timetz": 1266,
    b"numeric": 1700, b"uuid": 2950, b"jsonb": 3802, b"int4range": 3904, b"numrange": 3906,
    b"tsrange": 3908, b"tstzrange": 3910, b"daterange": 3912, b"int8range": 3926,
    b"float4": 700, b"float8": 701, b"bool[]": 1000, b"int2[]": 1005, b"int4[]": 1007,
    b"text[]": 1009, b"int8[]": 1016, b"float8[]": 1022, b"timestamp[]": 1115, b"date[]": 1182,
    b"timestamptz[]": 1185, b"interval[]": 1187, b"numeric[]": 1231, b"uuid[]": 2951,
    b"json[]": 199, b"cidr[]": 651, b"bytea[]": 1001, b"float4[]": 1021, b"inet[]": 1041,
    b"time[]": 1183, b"timetz[]": 1270, b"jsonb[]": 3807, b"int4range[]": 3905,
    b"numrange[]": 3907, b"tsrange[]": 3909, b"tstzrange[]": 3911, b"daterange[]": 3913,
    b"int8range[]": 3927,
}  # fmt: skip
"""OIDs of the casts both drivers write (pg_type.dat)."""

_ARRAYS = {
    0: 1009, 16: 1000, 20: 1016, 23: 1007,
    **{oid: CASTS[array] for name, oid in CASTS.items() if (array := name + b"[]") in CASTS},
}  # fmt: skip
"""OIDs of arrays by their elements'; text without a type is text in an ARRAY."""

_INTEGERS, _NUMBERS = frozenset((20, 23)), frozenset((20, 23, 1700))

_INT4, _INT8 = 1 << 31, 1 << 63


class Bound(NamedTuple):
    """A statement with its values apart."""

    text: bytes
    types: tuple[int, ...]
    values: tuple[bytes | None, ...]


class Template(NamedTuple):
    """A statement with placeholders: the pieces around them, and the name of each."""

    pieces: tuple[bytes, ...]
    names: tuple[bytes | None, ...]
    kept: frozenset[int] = frozenset()
    """Placeholders that stand for no value of their own: the literal is part of the text."""

    @property
    def plain(self) -> bytes:
        """The text where each value is one parameter."""
        marks = (b"$%d" % number for number in range(1, len(self.pieces)))
        rest = (mark + piece for mark, piece in zip(marks, self.pieces[1:], strict=True))
        return b"".join((self.pieces[0], *rest))


@remembered(2_000)
def template_of(query: bytes) -> Template | None:
    """The pieces of a query with ``%s`` or ``%(name)s``; None where it is no such thing.

    >>> template_of(b"SELECT %s WHERE a LIKE '5%%' AND b = %(b)s")[:2]
    ((b'SELECT ', b" WHERE a LIKE '5%' AND b = ", b''), (None, b'b'))
    >>> template_of(b"SELECT interval '%s days' * %s").kept
    frozenset({0})
    """
    pieces = [b""]
    names: list[bytes | None] = []
    kept: list[int] = []
    inside = _Inside(query)
    end = 0
    for found in _PLACEHOLDER.finditer(query):
        pieces[-1] += query[end : found.start()]
        end = found.end()
        name, kind = found.groups()
        if kind == b"%" and name is None:
            pieces[-1] += b"%"
        elif kind == b"s" and len(names) < MOST_PLACEHOLDERS:
            if inside.has(found.start(), end):
                kept.append(len(names))
            names.append(name)
            pieces.append(b"")
        else:
            return None
    pieces[-1] += query[end:]
    return Template(tuple(pieces), tuple(names), frozenset(kept))


class _Inside:
    """Tells placeholders that stand inside of something longer; asked from left to right."""

    def __init__(self, query: bytes) -> None:
        self._query = query
        self._parts = opaque(query)
        self._stop = 0
        self._start = 0

    def has(self, start: int, end: int) -> bool:
        """Whether the placeholder between these positions does."""
        query = self._query
        if start and _JOINED_BEFORE.match(query, start - 1):
            return True
        if _JOINED_AFTER.match(query, end):
            return True
        while self._stop <= start:
            self._start, self._stop, _ = next(self._parts, (len(query), len(query) + 1, False))
        return self._start < start


@remembered(2_000)
def recovered(query: bytes, sent: bytes) -> Bound | None:
    """``bound`` by the query's text, remembered: tests ask the same again and again."""
    template = template_of(query)
    if template is None:
        return None
    plain = _text_of(query)
    return (_simple(template, plain, sent) if plain is not None else None) or bound(template, sent)


@remembered(2_000)
def _text_of(query: bytes) -> bytes | None:
    template = template_of(query)
    if template is None or template.kept or any(template.names):
        return None
    return template.plain


def _simple(template: Template, plain: bytes, sent: bytes) -> Bound | None:
    """``bound`` for numbers, words and strings without casts, which nearly all values are."""
    if not sent.startswith(template.pieces[0]):
        return None
    position = len(template.pieces[0])
    types: list[int] = []
    values: list[bytes | None] = []
    match = _ATOM.match
    for piece in template.pieces[1:]:
        found = match(sent, position)
        if found is None or not sent.startswith(piece, found.end()):
            return None
        oid, value = _read(found)
        types.append(oid)
        values.append(value)
        position = found.end() + len(piece)
    return Bound(plain, tuple(types), tuple(values)) if position == len(sent) else None


def bound(template: Template, sent: bytes) -> Bound | None:
    """The sent text with ``$n`` for its values, as psycopg 3 would have sent it.

    A named value that stands twice is one parameter; a tuple's items are one each.

    Returns:
        None where a value is not a literal we know.

    >>> bound(template_of(b"a = %s AND b IN %s"), b"a = 'x' AND b IN (5, NULL)")
    Bound(text=b'a = $1 AND b IN ($2, $3)', types=(0, 23, 0), values=(b'x', b'5', None))
    """
    start = _start(template, sent)
    if start is None:
        return None
    reader = _Reader(sent)
    out = [sent[:start]]
    position = start
    named: dict[bytes, bytes] = {}
    last = len(template.names) - 1
    for number, name in enumerate(template.names):
        piece = template.pieces[number + 1]
        known = len(reader.types)
        found = reader.value(position, piece, at_end=number == last)
        if found is None:
            return None
        literal = sent[position : found[0]]
        position, mark = found
        if number in template.kept:
            reader.drop(known)
            mark = literal
        elif name is not None:
            # Each place has its literal; one is kept where psycopg 3 sends the value once.
            mark = reader.same(named.setdefault(name, mark), mark)
        out += (mark, piece)
        position += len(piece)
    if position != len(sent):
        return None
    return Bound(b"".join(out), tuple(reader.types), tuple(reader.values))


def _start(template: Template, sent: bytes) -> int | None:
    """Where the first value begins; behind DECLARE, where a named cursor sent the text."""
    first = template.pieces[0]
    if sent.startswith(first):
        return len(first)
    declared = _DECLARE.match(sent)
    if declared is None or not sent.startswith(first, declared.end()):
        return None
    return declared.end() + len(first)


class _Reader:
    """Reads literals off a text and numbers them."""

    __slots__ = ("_text", "types", "values")

    def __init__(self, text: bytes) -> None:
        self._text = text
        self.types: list[int] = []
        self.values: list[bytes | None] = []

    def value(self, position: int, then: bytes, *, at_end: bool) -> tuple[int, bytes] | None:
        """The literal at a position, which the given piece of the template follows."""
        text = self._text
        if text.startswith(b"(", position):
            found = self._tuple(position)
        elif text.startswith(b"ARRAY[", position):
            found = self._array(position, then)
        else:
            return self._plain(position, then, at_end=at_end)
        if found is None or not self._follows(found[0], then, at_end=at_end):
            return None
        return found

    def drop(self, known: int) -> None:
        """Forgets the values read after this many."""
        del self.types[known:], self.values[known:]

    def same(self, first: bytes, again: bytes) -> bytes:
        """The mark of a named value that was read before: what was read again is dropped."""
        if first == again or not first.startswith(b"$") or not again.startswith(b"$"):
            return again
        one, two = first.partition(b"::")[0], again.partition(b"::")[0]
        index, last = int(one[1:]) - 1, int(two[1:]) - 1
        if last != len(self.types) - 1 or self.values[index] != self.values[last]:
            return again
        del self.types[last], self.values[last]
        return first

    def _follows(self, position: int, then: bytes, *, at_end: bool) -> bool:
        if at_end:
            return position + len(then) == len(self._text) and self._text.endswith(then)
        return self._text.startswith(then, position)

    def _plain(self, position: int, then: bytes, *, at_end: bool) -> tuple[int, bytes] | None:
        found = _ATOM.match(self._text, position)
        if found is None:
            return None
        end = found.end()
        cast = _CAST.match(self._text, end)
        # The template may go on with a cast of its own: then the literal has none.
        if cast is not None and self._follows(cast.end(), then, at_end=at_end):
            return cast.end(), self._mark(found, cast.group(1))
        if self._follows(end, then, at_end=at_end):
            return end, self._mark(found, None)
        return None

    def _mark(self, found: re.Match[bytes], cast: bytes | None) -> bytes:
        oid, value = _read(found)
        suffix = b""
        if cast is not None:
            oid = CASTS.get(cast, 0)
            suffix = b"" if oid else b"::" + cast
        self.types.append(oid)
        self.values.append(value)
        return b"$%d%s" % (len(self.types), suffix)

    def _tuple(self, position: int) -> tuple[int, bytes] | None:
        marks: list[bytes] = []
        position += 1
        while True:
            if self._text.startswith(b"(", position):
                found = self._tuple(position)
            elif self._text.startswith(b"ARRAY[", position):
                found = self._array(position, b"")
            else:
                found = self._plain(position, b"", at_end=False)
            if found is None:
                return None
            position, mark = found
            marks.append(mark)
            comma = _COMMA.match(self._text, position)
            if comma is None:
                break
            position = comma.end()
            if self._text.startswith(b")", position):  # a tuple of one: (5,)
                break
        if not self._text.startswith(b")", position):
            return None
        return position + 1, b"(%s)" % b", ".join(marks)

    def _array(self, position: int, then: bytes) -> tuple[int, bytes] | None:
        found = self._items(position)
        if found is None:
            return None
        end, kinds, text = found
        oid, suffix = _cast_array(kinds, then) or _array_type(kinds)
        if not oid and not suffix and kinds:
            return None
        self.types.append(oid)
        self.values.append(text)
        return end, b"$%d%s" % (len(self.types), suffix)

    def _items(self, position: int) -> tuple[int, set[int | bytes], bytes] | None:
        """The end, the types and the text form of an ``ARRAY[…]``; a type may be a name."""
        kinds: set[int | bytes] = set()
        items: list[bytes] = []
        position += len(b"ARRAY[")
        while True:
            if self._text.startswith(b"ARRAY[", position):
                nested = self._items(position)
                if nested is None:
                    return None
                position, inner, item = nested
                kinds |= inner
            else:
                found = _ATOM.match(self._text, position)
                if found is None:
                    return None
                position = found.end()
                oid, value = _read(found)
                cast = _CAST.match(self._text, position)
                if cast is not None:
                    position = cast.end()
                if value is not None:
                    kinds.add(oid if cast is None else CASTS.get(cast.group(1)) or cast.group(1))
                item = array_item(value)
            items.append(item)
            comma = _COMMA.match(self._text, position)
            if comma is None:
                break
            position = comma.end()
        if not self._text.startswith(b"]", position):
            return None
        return position + 1, kinds, b"{%s}" % b",".join(items)


def _read(found: re.Match[bytes]) -> tuple[int, bytes | None]:
    """The type the server gives a literal, and its value."""
    kind = found.lastgroup
    if kind == "word":
        word = found.group("word")
        return (0, None) if word == b"NULL" else (16, word[:1])
    if kind == "string":
        return 0, found.group("string")[1:-1].replace(b"''", b"'")
    if kind == "escaped":
        body = found.group("escaped")[2:-1]
        return 0, _ESCAPE.sub(lambda escape: escape.group(1) or b"'", body)
    number = found.group("number")
    if found.group("fraction"):
        return 1700, number
    return integer_type(int(number)) if len(number) < 20 else 1700, number


def integer_type(number: int) -> int:
    """The type PostgreSQL gives an integer constant (its manual, 4.1.2.6).

    >>> integer_type(5), integer_type(2**40), integer_type(2**70)
    (23, 20, 1700)
    """
    size = abs(number)
    return 23 if size < _INT4 else 20 if size < _INT8 else 1700


def _cast_array(kinds: set[int | bytes], then: bytes) -> tuple[int, bytes] | None:
    """The type numbers get from a cast behind their array, as the server hands it down to them.

    A float is written as a numeric is: without a look at the cast psycopg 3's array would be of
    another type.
    """
    if not kinds or not kinds <= _NUMBERS:
        return None
    found = _NUMBERS_CAST.match(then)
    if found is None:
        return None
    integer, inexact = found.groups()
    if integer is None:
        return (1231, b"") if inexact is None else (1022, b"")
    return (1016 if 20 in kinds else 1007, b"") if kinds <= _INTEGERS else None


def _array_type(kinds: set[int | bytes]) -> tuple[int, bytes]:
    """The type of an array of such elements, as an OID or as a cast; 0 and none: cannot be told."""
    if len(kinds) > 1 and kinds <= _NUMBERS:
        kinds = {1700} if 1700 in kinds else {20}
    if len(kinds) != 1:
        return 0, b""
    (kind,) = kinds
    if isinstance(kind, int):
        return _ARRAYS.get(kind, 0), b""
    return 0, b"" if kind.endswith(b"[]") else b"::%s[]" % kind


_BARE = re.compile(rb"[\w.+:-]++", re.ASCII)


def array_item(value: bytes | None) -> bytes:
    r"""An item in an array's text form.

    >>> array_item(b'a "b"'), array_item(None), array_item(b"5"), array_item(b"null")
    (b'"a \\"b\\""', b'NULL', b'5', b'"null"')
    """
    if value is None:
        return b"NULL"
    if _BARE.fullmatch(value) and value.upper() != b"NULL":
        return value
    return b'"%s"' % value.replace(b"\\", b"\\\\").replace(b'"', b'\\"')
