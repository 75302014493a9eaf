"""The server statistics are pulled from: where it is named, and a connection that tells nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from pytest_planguard.conninfo import parameters, without_password
from pytest_planguard.errors import ConfigurationError, StatisticsError

if TYPE_CHECKING:
    import psycopg

VARIABLE = "PLANGUARD_STATISTICS_URL"

_OWN = ("PGHOST", "PGHOSTADDR", "PGSERVICE", "PGDATABASE", "PGPORT", "PGUSER")
"""Any of libpq's variables that names a server: without one, none was meant."""
_SECONDS = 10
_UNREACHED = f"see that it runs, and check what --url, {VARIABLE} or libpq's variables (PG…) name"
_HINT = f"set {VARIABLE} or PGSERVICE, or name it with --url URL (a service: --url service=NAME)"


def conninfo_from(url: str | None, environ: Mapping[str, str]) -> str:
    """What to connect to: the option, the variable, or what libpq's own environment says.

    Raises:
        ConfigurationError: No server is named, or what names it cannot be read.
    """
    chosen = url or environ.get(VARIABLE) or ""
    if not chosen and not any(environ.get(name) for name in _OWN):
        raise ConfigurationError("no server to pull statistics from is named", hint=_HINT)
    where = "--url" if url else VARIABLE
    parameters(chosen, where, "write it as postgresql://user@host:5432/database or as service=NAME")
    return chosen


@contextmanager
def connected(conninfo: str) -> Iterator[psycopg.Connection[Any]]:
    """A connection in autocommit mode that prepares nothing (poolers).

    Raises:
        ConfigurationError: The connection string cannot be read.
        StatisticsError: The server cannot be reached; no password is in the message.
    """
    import psycopg
    from psycopg.conninfo import make_conninfo
    from psycopg.rows import tuple_row

    given = parameters(conninfo, "the connection string")
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
        said = " ".join(without_password(str(error), conninfo).split())  # libpq's has several lines
        raise StatisticsError(f"no connection to the server: {said}", hint=_UNREACHED) from None
    with connection:
        yield connection
