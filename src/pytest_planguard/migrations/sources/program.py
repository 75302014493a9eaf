"""A migration by any program: it is run against a door to the twin, and heard there."""

from __future__ import annotations

import itertools
import os
import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from pytest_planguard.errors import SchemaError
from pytest_planguard.fixturedb.schema import command
from pytest_planguard.migrations.recorded import Recording, Sent
from pytest_planguard.migrations.sources.relay import PORT, Address, Relay
from pytest_planguard.migrations.sources.spoken import Spoken, one_after_the_other
from pytest_planguard.migrations.sources.waits import Waits
from pytest_planguard.migrations.trace import TIME_LIMIT
from pytest_planguard.model.migration import Tool
from pytest_planguard.model.statement import Layer, Origin
from pytest_planguard.sql.migration_text import MigrationStatement, migration_statement

if TYPE_CHECKING:
    from pytest_planguard.fixturedb.twin import Twin


class Program:
    """A command that migrates the database in its environment.

    Args:
        text: The command; ``DATABASE_URL``, ``PLANGUARD_DATABASE_URL`` and libpq's variables name
            the twin.
        root: Where it runs.
        time_limit: Seconds after which it is killed.
    """

    tool = Tool.SQL
    runs = True

    def __init__(self, text: str, root: Path, time_limit: float = TIME_LIMIT) -> None:
        self._text = text
        self._name = program_of(text)
        self._root = root
        self._time_limit = time_limit

    def record(self, twin: Twin | None) -> Recording:
        """What it sent.

        Raises:
            SchemaError: It can't be started, or sent nothing to the twin.
        """
        assert twin is not None
        heard: list[Spoken] = []
        failure = ""
        with (
            tempfile.TemporaryDirectory() as folder,
            Relay(address_of(twin.conninfo), heard.append, Path(folder)),
            Waits(twin) as waits,
        ):
            try:
                self._run(twin, folder)
            except SchemaError as error:
                if not heard:
                    raise
                why = waits.said or error.hint.splitlines()[-1].strip()
                failure = f"{error.message}: {why}"
        if not heard:
            raise SchemaError(
                f'the command "{self._name}" sent nothing to the database it was given',
                hint="let it read DATABASE_URL, PLANGUARD_DATABASE_URL or libpq's variables",
            )
        refused = sum(one.refused for one in heard)
        note = f"messages the server refused when the command ran, left out: {refused:,}"
        return Recording(
            tuple(self._sent(heard)), self._name, failure, notes=(note,) if refused else ()
        )

    def _run(self, twin: Twin, folder: str) -> None:
        conninfo, url = through(twin.conninfo, folder)
        variables = command.environment(os.environ, url, conninfo)
        words = command.arguments(self._text)
        command.run_checked(words, self._root, variables, self._name, time_limit=self._time_limit)

    def _sent(self, heard: list[Spoken]) -> list[Sent]:
        """Statements, several of one message apart, and of all connections in one order."""
        place = Origin(self._name, 0, "", Layer.MIGRATION)
        own = [one for one in heard if not is_the_drivers(one.text)]
        return [Sent(text, place) for text in one_after_the_other(own)]


def program_of(text: str) -> str:
    """What reports call a command: its arguments may be passwords.

    >>> program_of("PGPASSWORD=x python migrate.py --url postgres://a:b@c/d")
    'python migrate.py …'
    """
    words = text.split()
    while words and "=" in words[0]:
        del words[0]
    plain = list(itertools.takewhile(_PLAIN.fullmatch, words))
    return " ".join([*plain, "…"] if len(plain) < len(words) else plain)


_PLAIN = re.compile(r"[\w./][\w./-]*")
"""A word that names a program, a file or a subcommand."""


def address_of(conninfo: str) -> Address:
    """Where a server is."""
    from psycopg.conninfo import conninfo_to_dict

    known = conninfo_to_dict(conninfo)
    host, port = str(known.get("host") or "/var/run/postgresql"), int(known.get("port") or 5432)
    if host.startswith("/"):
        return f"{host}/.s.PGSQL.{port}"
    return host, port


def through(conninfo: str, folder: str) -> tuple[str, str]:
    """The same database by the door: a connection string, and a URL."""
    from psycopg.conninfo import conninfo_to_dict, make_conninfo

    known = conninfo_to_dict(conninfo)
    user, password = str(known.get("user") or ""), str(known.get("password") or "")
    base = {name: value for name, value in known.items() if name in {"user", "password", "dbname"}}
    door = make_conninfo("", **base, host=folder, port=PORT)
    login = quote(user, safe="") + (f":{quote(password, safe='')}" if password else "")
    name = quote(str(known.get("dbname") or ""), safe="")
    return door, f"postgresql://{login}@/{name}?host={quote(folder, safe='')}&port={PORT}"


def is_the_drivers(text: str) -> bool:
    """Questions about the catalog, and settings drivers send by themselves.

    >>> is_the_drivers("SELECT t.oid FROM pg_catalog.pg_type t"), is_the_drivers("DELETE FROM t")
    (True, False)
    """
    lowered = text.lstrip().lower()
    if not lowered or lowered.startswith("show"):
        return True
    if not lowered.startswith(("select", "with")):
        return False
    own = "pg_catalog" in lowered or "set_config('jit'" in lowered  # asyncpg's, around such
    return own and migration_statement(text) is MigrationStatement.QUERY
