"""A migration by any program: it is run against a door to the twin, and heard there."""

from __future__ import annotations

import itertools
import os
import re
import socket
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from pytest_planguard.errors import SchemaError
from pytest_planguard.fixturedb.schema import command
from pytest_planguard.migrations.recorded import Recording, Sent
from pytest_planguard.migrations.sources.relay import PORT, Relay
from pytest_planguard.migrations.sources.waits import Waits
from pytest_planguard.migrations.trace import TIME_LIMIT
from pytest_planguard.model.migration import Tool
from pytest_planguard.model.statement import Layer, Origin
from pytest_planguard.sql.script import split_script

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
        heard: list[tuple[int, str]] = []
        lock = threading.Lock()

        def hear(number: int, text: str) -> None:
            with lock:
                heard.append((number, text))

        failure = ""
        with (
            tempfile.TemporaryDirectory() as folder,
            Relay(address_of(twin.conninfo), hear, Path(folder)),
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
        return Recording(tuple(self._sent(heard)), self._name, failure)

    def _run(self, twin: Twin, folder: str) -> None:
        conninfo, url = through(twin.conninfo, folder)
        variables = command.environment(os.environ, url, conninfo)
        words = command.arguments(self._text)
        command.run_checked(words, self._root, variables, self._name, time_limit=self._time_limit)

    def _sent(self, heard: list[tuple[int, str]]) -> list[Sent]:
        """Statements, several of one message apart."""
        place = Origin(self._name, 0, "", Layer.MIGRATION)
        return [
            Sent(one.text, place)
            for _, text in heard
            if not _is_the_programs(text)
            for one in split_script(text)
        ]


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


def address_of(conninfo: str) -> tuple[int, Any]:
    """Where a server is, as sockets have it."""
    from psycopg.conninfo import conninfo_to_dict

    known = conninfo_to_dict(conninfo)
    host, port = str(known.get("host") or "/var/run/postgresql"), int(known.get("port") or 5432)
    if host.startswith("/"):
        return socket.AF_UNIX, f"{host}/.s.PGSQL.{port}"
    return socket.AF_INET, (host, port)


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


def _is_the_programs(text: str) -> bool:
    """Questions about the catalog, and settings drivers send by themselves."""
    lowered = text.lstrip().lower()
    asks = lowered.startswith(("select", "show"))
    return not lowered or lowered.startswith("show") or (asks and "pg_catalog" in lowered)
