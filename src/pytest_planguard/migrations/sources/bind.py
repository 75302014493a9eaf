"""Values of a Bind message as literals (PostgreSQL manual, 54.7), in text and in binary form."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence

from pytest_planguard.sql.bound import with_literals

_BYTEA, _JSON, _JSONB = 17, 114, 3802
_LENGTHS = {16: 1, 20: 8, 21: 2, 23: 4, 26: 4, 700: 4, 701: 8, 1082: 4, 1083: 8, 1114: 8, 1184: 8,
            1186: 16, 1266: 12, 2950: 16}  # fmt: skip
"""Of built-in types in bytes (``pg_type.typlen``): a reader takes others for granted."""
_FIRST_OF_USERS = 16_384
"""OIDs from there on are not the server's own (access/transam.h, FirstNormalObjectId)."""


def with_values(text: str, bound: bytes, types: Sequence[int] = ()) -> str:
    """A statement with the values of a Bind message in it.

    Where the binary form of one cannot be read, its parameter stays: such a statement is told and
    not traced.

    Args:
        text: The statement.
        bound: The message behind the two names.
        types: OIDs of the parameters; 0, or too few: not known.
    """
    literals = {
        number: literal
        for number, (value, is_binary) in enumerate(_values(bound), 1)
        if (literal := _literal(value, is_binary, _type(types, number))) is not None
    }
    return with_literals(text, literals)


def types_of(described: bytes) -> tuple[int, ...]:
    r"""OIDs as Parse and ParameterDescription list them: a count of two bytes, then four each.

    >>> types_of(b"\0\1\0\0\0\x17")
    (23,)
    """
    (count,) = struct.unpack_from("!H", described)
    return struct.unpack_from(f"!{count}I", described, 2)


def _type(types: Sequence[int], number: int) -> int:
    return types[number - 1] if number <= len(types) else 0


def _values(bound: bytes) -> Iterator[tuple[bytes | None, bool]]:
    """Each with whether it is in binary form; None: NULL."""
    (formats,) = struct.unpack_from("!H", bound)
    codes = struct.unpack_from(f"!{formats}H", bound, 2)
    position = 2 + 2 * formats
    (count,) = struct.unpack_from("!H", bound, position)
    position += 2
    for number in range(count):
        (length,) = struct.unpack_from("!i", bound, position)
        position += 4
        code = codes[number] if len(codes) > 1 else next(iter(codes), 0)
        yield None if length < 0 else bound[position : position + length], code == 1
        position += max(length, 0)


def _literal(value: bytes | None, is_binary: bool, oid: int) -> str | None:
    if value is None:
        return "NULL"
    if not is_binary:
        return _quoted(value.decode(errors="replace"))
    if oid == _BYTEA:
        return f"'\\x{value.hex()}'::bytea"
    if oid in (_JSON, _JSONB):
        return _quoted(value[oid == _JSONB :].decode(errors="replace"))  # jsonb has a version first
    return _of_users(value) if oid >= _FIRST_OF_USERS else _built_in(value, oid)


def _of_users(value: bytes) -> str | None:
    """Enums, domains over text and citext send their text; others are left alone."""
    try:
        text = value.decode()
    except UnicodeDecodeError:
        return None
    return _quoted(text) if text.isprintable() else None


def _built_in(value: bytes, oid: int) -> str | None:
    """As psycopg reads and writes it; None: it knows no such type, or no such value."""
    import psycopg
    from psycopg import sql
    from psycopg.adapt import Transformer
    from psycopg.pq import Format

    known = psycopg.adapters.get_loader(oid, Format.BINARY) is not None
    if not oid or not known or len(value) != _LENGTHS.get(oid, len(value)):
        return None
    try:
        found = Transformer().get_loader(oid, Format.BINARY).load(value)
        return sql.Literal(found).as_string(None)
    except (psycopg.Error, ValueError, struct.error):
        return None


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
