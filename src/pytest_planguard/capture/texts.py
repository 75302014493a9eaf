"""What a statement's first words say; nothing is parsed here."""

from __future__ import annotations

import enum
import functools
import re

from pytest_planguard.capture.lexing import bare, opaque


class Kind(enum.Enum):
    """What the recorder does with a text."""

    QUERY = enum.auto()
    CONTROL = enum.auto()
    """Transactions, settings, cursors, maintenance: nothing to plan, not kept."""
    DDL = enum.auto()


_REMEMBERED_BYTES = 4_096

_LEAD = re.compile(rb"(?:[\s(;]+|--[^\n]*(?:\n|$)|/\*.*?\*/)*", re.DOTALL)
_WORD = re.compile(rb"[A-Za-z]+")
_CONTROL = frozenset(
    b"begin start commit end rollback abort savepoint release set show reset discard listen "
    b"unlisten notify deallocate fetch move close lock vacuum analyze analyse reindex cluster "
    b"checkpoint load explain".split()
)
_DDL = frozenset(
    b"create alter drop truncate comment grant revoke reassign import security".split()
)
_STREAMS = frozenset((b"copy", b"declare"))
_BLOCKS = frozenset((b"do", b"call"))
_SEVERAL = re.compile(rb";\s*\S")
_CHANGES = re.compile(rb"\b(?:create|alter|drop|rename)\s", re.IGNORECASE)
_HARMLESS = re.compile(
    rb"(?:create\s+(?:(?:local|global)\s+)?temp|truncate|comment|grant|revoke|security"
    rb"|(?:create|drop|alter)\s+(?:database|role|user)\b)",
    re.IGNORECASE,
)
_DROPS = re.compile(
    rb"drop\s+(?:table|schema|index|view|materialized|owned|type|domain|extension|sequence)\b",
    re.IGNORECASE,
)
_SECRET = re.compile(
    rb"\b(?:create|alter)\s+(?:role|user|group|subscription|server|foreign)\b", re.IGNORECASE
)
_DROPS_DATABASE = re.compile(
    rb'drop\s+database\s+(?:if\s+exists\s+)?("(?:[^"]|"")+"|[^\s;(]+)', re.IGNORECASE
)


def kind_of(text: bytes) -> Kind:
    """What a text is, by its first word.

    >>> kind_of(b"/* app */ select 1"), kind_of(b"SET work_mem = 1"), kind_of(b"create table t()")
    (<Kind.QUERY: 1>, <Kind.CONTROL: 2>, <Kind.DDL: 3>)
    """
    word = first_word(text)
    if word in _DDL:
        return Kind.DDL
    if word == b"prepare":
        rest = text[_start(text) + len(word) :].lstrip()
        return Kind.CONTROL if rest[:11].lower() == b"transaction" else Kind.QUERY
    if word and word not in _CONTROL:
        return Kind.QUERY
    if word and (several := _several(text)) is not None:
        # A dump starts with SETs; "BEGIN; SELECT …" is the application's own query.
        return Kind.DDL if _CHANGES.search(several) else Kind.QUERY
    return Kind.CONTROL


def first_word(text: bytes) -> bytes:
    """The first word behind blanks, comments and parentheses, in lower case."""
    found = _WORD.match(text, _start(text))
    return found.group().lower() if found else b""


def is_stream(text: bytes) -> bool:
    """Whether nobody holds the whole result: a cursor or COPY."""
    return first_word(text) in _STREAMS


def changes_schema(text: bytes, kind: Kind) -> bool:
    """Whether tables or indexes may differ afterwards (temporary ones don't count)."""
    if kind is Kind.QUERY and first_word(text) not in _BLOCKS:
        several = _several(text)
        if several is None:
            return False
        text = several
    if _HARMLESS.match(text, _start(text)) and not _SEVERAL.search(text):
        return False
    return _CHANGES.search(text) is not None


def _several(text: bytes) -> bytes | None:
    """A text of several statements, without what its strings say; None: it is one.

    What a block is given in a string is carried out.
    """
    if not _SEVERAL.search(text):
        return None
    plain = bare(text)
    if not _SEVERAL.search(plain):
        return None
    has_block = any(first_word(part) in _BLOCKS for part in plain.split(b";"))
    return text if has_block else plain


def is_early(text: bytes) -> bool:
    """Whether it has to be heard before it is sent, because it may take objects away."""
    return _is_early(text) if len(text) <= _REMEMBERED_BYTES else _is_early.__wrapped__(text)


@functools.lru_cache(maxsize=2_000)
def _is_early(text: bytes) -> bool:
    kind = kind_of(text)
    return kind is Kind.DDL or changes_schema(text, kind)


def drops_objects(text: bytes) -> bool:
    """Whether it takes tables, schemas or what they need away."""
    return _DROPS.match(text, _start(text)) is not None


def without_secrets(text: bytes) -> bytes:
    """DDL without the passwords that it may give to roles, servers and subscriptions.

    >>> without_secrets(b"CREATE ROLE a LOGIN PASSWORD 'hunter2'")
    b"CREATE ROLE a LOGIN PASSWORD ''"
    """
    if not _SECRET.search(text):
        return text
    out: list[bytes] = []
    end = 0
    for start, stop, is_comment in opaque(text):
        quoted = text[start:stop]
        out += (text[end:start], b" " if is_comment else quoted if quoted[:1] == b'"' else b"''")
        end = stop
    return b"".join([*out, text[end:]])


def dropped_database(text: bytes) -> str | None:
    """The database a text drops.

    >>> dropped_database(b'DROP DATABASE IF EXISTS "test_shop"')
    'test_shop'
    """
    found = _DROPS_DATABASE.match(text, _start(text))
    if not found:
        return None
    name = found.group(1).decode(errors="replace")
    return name[1:-1].replace('""', '"') if name.startswith('"') else name.lower()


def _start(text: bytes) -> int:
    found = _LEAD.match(text)
    return found.end() if found else 0
