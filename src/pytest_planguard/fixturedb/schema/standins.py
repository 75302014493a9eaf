"""What stands in for an extension, collation or role the server lacks, so that plans are alike."""

from __future__ import annotations

import re
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from pytest_planguard.model.ports import quoted

if TYPE_CHECKING:
    import psycopg

HOW_TO_HAVE = (
    'provider = "container" with a stock image has all of contrib, for others set an image '
    "(or bindir, or url) that has them"
)
STOOD_IN_FOR = ("pgcrypto", "uuid-ossp")
"""Their functions are made in plpgsql; ``extensions/<name>.sql``."""

_LIBC = ("en_US.utf8", "C.UTF-8", "C")
"""Tried in order. "C" is last: only with it can LIKE use an ordinary index."""

_COLLATION = re.compile(
    r'CREATE COLLATION (?:IF NOT EXISTS )?((?:"(?:[^"]|"")+"|[\w$.])+)\s*\(', re.IGNORECASE
)
_MISSING_COLLATION = re.compile(
    r'"(?:pg_catalog\.)?([\w-]+-x-icu|[a-z]{2,3}_[A-Z]{2}(?:[.@][\w.@-]+)?)"'
)
"""One of those initdb makes of what the system has, as the server's message names it."""

_MISSING_ROLE = re.compile(r'role "(.+)" does not exist')

_AUTHORIZATION = re.compile(
    r'(CREATE SCHEMA .+?)\s+AUTHORIZATION\s+("(?:[^"]|"")+"|[\w$]+)\s*$', re.IGNORECASE | re.DOTALL
)


def available_extensions(connection: psycopg.Connection[Any]) -> frozenset[str]:
    """Names of the extensions the server could make."""
    rows = connection.execute("SELECT name FROM pg_catalog.pg_available_extensions")
    return frozenset(row[0] for row in rows)


def stand_in(connection: psycopg.Connection[Any], extension: str, schema: str = "") -> str:
    """Makes an extension's functions where that is possible, and tells in a sentence.

    Args:
        connection: In autocommit mode.
        extension: One the server lacks.
        schema: Where they go; empty: the first of the search path.
    """
    if extension not in STOOD_IN_FOR:
        return f"the extension {extension} is left out: the server does not have it ({HOW_TO_HAVE})"
    script = files(__package__).joinpath("extensions", f"{extension}.sql").read_bytes()
    with connection.transaction():
        current = connection.execute("SELECT current_schema").fetchone()
        target = schema or (current and current[0]) or "public"
        connection.execute("SELECT set_config('search_path', %s, true)", [quoted(target)])
        connection.execute(script)
    return (
        f"the extension {extension} is not on the server: "
        "functions of the same name and cost stand in for it"
    )


def instead(
    connection: psycopg.Connection[Any], text: str, error: psycopg.Error, *, ours: bool = False
) -> str | None:
    """Does what comes nearest to a statement that failed.

    Args:
        connection: In autocommit mode.
        text: The statement.
        error: Why it failed.
        ours: The server is of our own making: a role may be made there.

    Returns:
        A sentence; empty where nothing is lost; None where nothing comes near.
    """
    import psycopg
    from psycopg.pq import TransactionStatus

    if connection.info.transaction_status == TransactionStatus.INERROR:
        return None
    try:
        return _nearest(connection, text, error, ours=ours)
    except psycopg.Error:
        if connection.closed:
            raise
        return None


def _nearest(
    connection: psycopg.Connection[Any], text: str, error: psycopg.Error, *, ours: bool
) -> str | None:
    head = " ".join(text.split(maxsplit=2)[:2]).upper()
    if error.sqlstate == "42P06" and head == "CREATE SCHEMA":
        return ""
    if head == "CREATE COLLATION":
        return _collation(connection, text)
    if error.sqlstate != "42704":
        return None
    if head.startswith("SET "):
        return ""  # pg_dump of a newer version sets what an older server does not know
    if head == "CREATE POLICY":
        return _policy(connection, text, error, ours=ours)
    if head == "CREATE SCHEMA":
        return _without_owner(connection, text)
    return _with_missing_collation(connection, text, error)


def _policy(
    connection: psycopg.Connection[Any], text: str, error: psycopg.Error, *, ours: bool
) -> str | None:
    """The policy, for a role that is made for it: plans are made under it."""
    import psycopg

    match = _MISSING_ROLE.search(error.diag.message_primary or "")
    if not ours or match is None:
        return f"a policy is left out: {error.diag.message_primary}: {text.splitlines()[0]}"
    connection.execute(f"CREATE ROLE {quoted(match[1])} NOLOGIN".encode())
    try:
        connection.execute(text.encode())
    except psycopg.Error as another:  # it is for several roles
        return instead(connection, text, another, ours=ours)
    return ""


def _without_owner(connection: psycopg.Connection[Any], text: str) -> str | None:
    match = _AUTHORIZATION.match(text)
    if match is None:
        return None
    connection.execute(match[1].encode())
    return ""


def _collation(connection: psycopg.Connection[Any], text: str) -> str | None:
    """A libc collation under the name of one that cannot be made."""
    match = _COLLATION.match(text)
    locale = _libc_locale(connection, match[1]) if match is not None else ""
    if match is None or not locale:
        return None
    return f"the collation {match[1]} cannot be made here: libc's {locale} stands in for it"


def _with_missing_collation(
    connection: psycopg.Connection[Any], text: str, error: psycopg.Error
) -> str | None:
    """The statement again, after a collation of initdb's making was stood in for."""
    import psycopg

    match = _MISSING_COLLATION.search(error.diag.message_primary or "")
    if match is None:
        return None
    name = quoted(match[1])
    connection.execute("SET allow_system_table_mods = on")
    try:
        locale = _libc_locale(connection, f"pg_catalog.{name}")
    finally:
        connection.execute("RESET allow_system_table_mods")
    if not locale:
        return None
    sentence = f"the server has no collation {name}: libc's {locale} stands in for it"
    try:
        connection.execute(text.encode())
    except psycopg.Error as another:
        further = instead(connection, text, another)
        return None if further is None else f"{sentence}; {further}"
    return sentence


def _libc_locale(connection: psycopg.Connection[Any], name: str) -> str:
    """Makes a collation with the first locale the system has; returns it, or nothing."""
    import psycopg

    for locale in _LIBC:
        ddl = f"CREATE COLLATION {name} (provider = libc, locale = '{locale}')"
        try:
            connection.execute(ddl.encode())
        except psycopg.Error:
            continue
        return locale
    return ""
