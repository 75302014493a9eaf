"""The server statistics are pulled from: where it is named, and a connection that tells nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from pytest_planguard.errors import ConfigurationError, StatisticsError

if TYPE_CHECKING:
    import psycopg

VARIABLE = "PLANGUARD_STATISTICS_URL"

_OWN = ("PGHOST", "PGHOSTADDR", "PGSERVICE", "PGDATABASE", "PGPORT", "PGUSER")
"""Any of libpq's variables that names a server: without one, none was meant."""
_SECONDS = 10
_HINT = f"set {VARIABLE} or PGSERVICE, or name it with --url URL (a service: --url service=NAME)"
_IN_URL = re.compile(r"(://[^/@\s]*?:)[^@\s]*@")
_IN_WORDS = re.compile(r"(\b(?:ssl)?password\s*=\s*)('(?:[^'\\]|\\.)*'|[^\s&]+)", re.IGNORECASE)


def conninfo_from(url: str | None, environ: Mapping[str, str]) -> str:
    """What to connect to: the option, the variable, or what libpq's own environment says.

    Raises:
        ConfigurationError: No server is named, or what names it cannot be read.
    """
    import psycopg
    from psycopg.conninfo import conninfo_to_dict

    chosen = url or environ.get(VARIABLE) or ""
    if not chosen and not any(environ.get(name) for name in _OWN):
        raise ConfigurationError("no server to pull statistics from is named", hint=_HINT)
    try:
        conninfo_to_dict(chosen)
    except psycopg.Error:  # its message would quote all of it
        where = "--url" if url else VARIABLE
        raise ConfigurationError(
            f"{where} is no connection string of libpq",
            hint="write it as postgresql://user@host:5432/database or as service=NAME",
        ) from None
    return chosen


def has_password(url: str | None) -> bool:
    """Whether an option holds a password, which every user of the machine can then read."""
    from psycopg.conninfo import conninfo_to_dict

    return bool(url and conninfo_to_dict(url).get("password"))


@contextmanager
def connected(conninfo: str) -> Iterator[psycopg.Connection[Any]]:
    """A connection in autocommit mode that prepares nothing (poolers).

    Raises:
        StatisticsError: The server cannot be reached; no password is in the message.
    """
    import psycopg
    from psycopg.conninfo import conninfo_to_dict, make_conninfo
    from psycopg.rows import tuple_row

    given = conninfo_to_dict(conninfo)
    more = {"fallback_application_name": "pytest-planguard", "client_encoding": "utf8"}
    if "connect_timeout" not in given:
        more["connect_timeout"] = str(_SECONDS)
    try:
        connection = psycopg.connect(
            make_conninfo(conninfo, **more),
            autocommit=True,
            prepare_threshold=None,
            row_factory=tuple_row,
        )
    except psycopg.Error as error:
        secret = str(given.get("password") or "")
        raise StatisticsError(
            f"no connection to the server: {without_password(str(error).strip(), secret)}",
            hint=_HINT,
        ) from None
    with connection:
        yield connection


def without_password(text: str, password: str = "") -> str:
    """A message without any password it may quote.

    >>> without_password("no such host in postgresql://me:se%cret@h/db")
    'no such host in postgresql://me:…@h/db'
    >>> without_password("password = 's e' host=h, and p4ss", "p4ss")
    'password = … host=h, and …'
    """
    text = _IN_WORDS.sub(r"\1…", _IN_URL.sub(r"\1…@", text))
    return text.replace(password, "…") if password else text
