"""Connections of planguard's own to databases the tests use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_planguard.capture.connection import APPLICATION_NAME, ConnectionParameters

if TYPE_CHECKING:
    import psycopg

_LIMITS = "SET lock_timeout = '500ms'; SET statement_timeout = '5s'"
"""A test may hold any lock: its teardown must not wait for it."""

_NOT_OURS = ("options", "application_name", "fallback_application_name", "connect_timeout")


def connect(parameters: ConnectionParameters) -> psycopg.Connection:
    """A connection like the application's, in autocommit, that waits for nothing.

    Raises:
        psycopg.Error: The database is gone or refuses.
    """
    import psycopg

    values = {name: value for name, value in parameters.values.items() if name not in _NOT_OURS}
    if values.get("hostaddr") and values.get("host", "").startswith(("/", "@")):
        del values["hostaddr"]
    connection = psycopg.connect(
        "",
        autocommit=True,
        prepare_threshold=None,
        connect_timeout=5,
        application_name=APPLICATION_NAME,
        **values,  # type: ignore[arg-type]  # libpq's parameters by name
    )
    connection.execute(_LIMITS)
    return connection
