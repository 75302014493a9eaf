"""A migration's statement as reports may have it: without values, passwords and comments."""

from __future__ import annotations

import re

from pytest_planguard.capture.lexing import opaque
from pytest_planguard.capture.texts import without_secrets
from pytest_planguard.conninfo import without_password
from pytest_planguard.sql.migration_text import MigrationStatement, migration_statement
from pytest_planguard.sql.parameterised import parameterised
from pytest_planguard.sql.refusals import text_without_values
from pytest_planguard.sql.statement_text import Kind, analyse

_WITH_PLAN = frozenset({MigrationStatement.DATA, MigrationStatement.QUERY})
_IN_PLACE = re.compile(r"\s*(?:update|delete)\b", re.IGNORECASE)
"""Statements that are given back in batches: what is shown must be their author's text."""
_SCHEMA = re.compile(
    r"\s*(?:alter\s+table|create\s+(?:unique\s+)?index|drop|reindex|refresh)\b", re.IGNORECASE
)
"""Statements whose constants are the schema's, as a default or a condition: the safe way to the
same schema needs them."""
_FUNCTION = re.compile(r"\s*create\s+(?:or\s+replace\s+)?(?:function|procedure)\b", re.IGNORECASE)
_DOLLARS = re.compile(rb"\$[^$]*\$")
_SHORTEST = 3
"""Characters of a value that is looked for in a server's words."""


def shown(text: str) -> str:
    """A statement as reports may have it.

    A query's constants become parameters, as in the reports on queries. Of DDL the constants stay
    that belong to a table or an index; all other strings are emptied.

    >>> shown("UPDATE users SET api_key = 'sk_live_1' WHERE id = 7")
    'UPDATE users SET api_key = $1 WHERE id = $2'
    >>> shown("SELECT dblink_connect('password=hunter2')")
    'SELECT dblink_connect($1)'
    >>> shown("ALTER SYSTEM SET primary_conninfo = 'password=hunter2'")
    "ALTER SYSTEM SET primary_conninfo = ''"
    """
    kind = migration_statement(text)
    if kind in _WITH_PLAN:
        return _query(text)
    plain = without_secrets(text.encode()).decode(errors="replace")
    if kind is MigrationStatement.OTHER and _SCHEMA.match(plain):
        return without_password(_emptied(plain, strings=False))
    has_body = kind is MigrationStatement.BLOCK or _FUNCTION.match(plain) is not None
    return without_password(_emptied(plain, bodies=has_body))


def words_without_values(message: str, text: str) -> str:
    """What the server says of a statement, without the strings it may quote of it.

    >>> words_without_values('invalid input for integer: "sk_live"', "SELECT 'sk_live'::int")
    'invalid input for integer: "…"'
    """
    raw = text.encode()
    for start, stop, is_comment in opaque(raw):
        value = raw[start:stop].decode(errors="replace")
        if is_comment or value.startswith('"'):
            continue
        value = _DOLLARS.sub(b"", raw[start:stop]).decode(errors="replace")
        value = value.lstrip("eE").strip("'").replace("''", "'")
        if len(value) >= _SHORTEST:
            message = message.replace(value, "…")
    return message


def _query(text: str) -> str:
    if _IN_PLACE.match(text):
        return parameterised(text) or text_without_values(text)
    found = analyse(text)
    if not found or any(one.kind is not Kind.QUERY for one in found):  # of the rest values stay
        return text_without_values(text)
    return "; ".join(one.sql for one in found)


def _emptied(text: str, *, strings: bool = True, bodies: bool = False) -> str:
    """The text without comments and, unless they are to stay, without what its strings say.

    Args:
        text: One statement.
        strings: They are emptied.
        bodies: What dollars quote is code: its own strings are emptied.
    """
    raw = text.encode()
    out: list[bytes] = []
    end = 0
    for start, stop, is_comment in opaque(raw):
        out += (raw[end:start], b" " if is_comment else _string(raw[start:stop], strings, bodies))
        end = stop
    return b"".join([*out, raw[end:]]).decode(errors="replace").strip()


def _string(quoted: bytes, empty: bool, is_code: bool) -> bytes:
    if quoted[:1] == b'"' or not empty:
        return quoted
    mark = _DOLLARS.match(quoted)
    if mark is None or not is_code or not quoted.endswith(mark[0]) or len(quoted) < 2 * mark.end():
        return b"''"
    code = quoted[mark.end() : -mark.end()].decode(errors="replace")
    return mark[0] + f" {_emptied(code)} ".encode() + mark[0]
