"""What all providers hand out: a server on which databases are made and dropped."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from pytest_planguard.conninfo import without_password
from pytest_planguard.errors import ServerError

if TYPE_CHECKING:
    import psycopg
    from psycopg import sql

    from pytest_planguard.fixturedb.parts import Locale
    from pytest_planguard.model.spec import DatabaseSpec

MAINTENANCE = "postgres"
"""The database statements about databases are sent from."""

OURS = re.compile(r"planguard_(?:run|trial|tests|building)_([0-9a-f]{8})(?:_|$)")
"""Databases that live no longer than their run; the group is the run's token."""

_INFLATED = ("planguard_run_", "planguard_copy_")
"""Begin the names of databases whose files runs inflate."""

APPLICATION_NAME = "pytest-planguard"

_WHICH_SERVER = ("provider", "version", "bindir", "image", "url")
"""What of a specification decides on the server."""

_HINT = "see that it runs and that its URL is right"
_OTHERWISE = "name a server for tests, or use the embedded one"

_ALONE = {
    "hostaddr": "",
    "options": "-c client_encoding=UTF8",
    "gssencmode": "disable",
    "channel_binding": "disable",
    "target_session_attrs": "any",
}
"""Whatever libpq would else take from ``PG…`` variables, for a socket only we can reach."""

_BY_PORT = {"sslmode": "disable", "connect_timeout": "10"}
"""The same for the port of a container, which has no certificate."""


class Server:
    """A running server; obeys ``model.ports.PostgresServer``.

    Args:
        provider: ``embedded``, ``container`` or ``url``.
        parameters: libpq parameters of a superuser's connection, without the database.
        run_token: Eight hexadecimal digits that tell this run's databases from others'.
        maintenance: The database to send CREATE and DROP DATABASE from.
        data_directory: Where this process can read and write the server's files; None: nowhere.
        file_owner: (uid, gid) that new files must get; None: this process's own.
        lacking: What the schema needs and this server has not, and what else is to be said.
        hint: What would do when it can't be reached.
        refusal: Why no database may be made there; empty: it may.
    """

    def __init__(
        self,
        provider: str,
        parameters: dict[str, str],
        run_token: str,
        *,
        maintenance: str = MAINTENANCE,
        data_directory: Path | None = None,
        file_owner: tuple[int, int] | None = None,
        lacking: tuple[str, ...] = (),
        hint: str = _HINT,
        refusal: str = "",
    ) -> None:
        self.provider = provider
        self.run_token = run_token
        self.data_directory = data_directory
        self.file_owner = file_owner
        self.lacking = lacking
        self._parameters = parameters
        self._maintenance = maintenance
        self._hint = hint
        self.refusal = refusal
        self.opened_for: DatabaseSpec | None = None
        """What ``open_server`` was asked for; set there."""
        with self.connect() as connection:
            self.version = connection.info.server_version

    def serves(self, spec: DatabaseSpec) -> bool:
        """Whether it is the server that a specification asks for; also where nobody said so."""
        known = self.opened_for
        return known is None or all(
            getattr(known, name) == getattr(spec, name) for name in _WHICH_SERVER
        )

    def conninfo(self, database: str = "") -> str:
        """A libpq connection string for a database, as superuser."""
        from psycopg.conninfo import make_conninfo

        name = database or self._maintenance
        return make_conninfo("", **self._guards(), **self._parameters, dbname=name)

    def _guards(self) -> dict[str, str]:
        """Parameters that keep the environment's variables out; none for a server by URL."""
        if self.provider == "url":
            return {}
        from psycopg import pq

        by_port = self.provider == "container"
        guards = _ALONE | _BY_PORT if by_port else _ALONE
        if pq.version() >= 160000:
            guards = guards | {"require_auth": "scram-sha-256,md5" if by_port else ""}
        return guards

    def url(self, database: str) -> str:
        """The same as a URL, as any driver reads it; a socket's folder is one of its parameters."""
        known = dict(self._parameters)
        user, password = known.pop("user", ""), known.pop("password", "")
        login = quote(user, safe="") + (f":{quote(password, safe='')}" if password else "")
        host, port = known.get("host", ""), known.get("port", "")
        where = ""
        if host and not host.startswith(("/", "@")) and "," not in host:
            where = (f"[{host}]" if ":" in host else host) + (f":{port}" if port else "")
            known = {name: value for name, value in known.items() if name not in {"host", "port"}}
        rest = "&".join(f"{name}={quote(value, safe='')}" for name, value in sorted(known.items()))
        at = f"{login}@" if login else ""
        return f"postgresql://{at}{where}/{quote(database, safe='')}" + (f"?{rest}" if rest else "")

    @contextmanager
    def connect(self, database: str = "") -> Iterator[psycopg.Connection[Any]]:
        """A connection in autocommit mode, closed at the end.

        Raises:
            ServerError: It can't be had.
        """
        psycopg = import_psycopg()
        conninfo = self.conninfo(database)
        try:
            connection = psycopg.connect(
                conninfo, autocommit=True, application_name=APPLICATION_NAME
            )
        except psycopg.OperationalError as error:
            said = without_password(" ".join(str(error).split()), conninfo)
            raise ServerError(f"the server can't be reached: {said}", hint=self._hint) from error
        with connection:
            yield connection

    def create_database(
        self, name: str, template: str | None = None, *, locale: Locale | None = None
    ) -> None:
        """An empty database, or a copy of one, file by file.

        The write-ahead log never sees the copy: of an inflated database it would write every
        zero, and of a small one it takes longer.

        Args:
            name: The new database's.
            template: What it is a copy of, never a run's own database; None: nothing.
            locale: What it orders texts by; None: as the template.

        Raises:
            ServerError: None may be made there, the role may not, or the template is inflated.
            psycopg.Error: The server has no such locale.
        """
        import psycopg
        from psycopg import sql

        if self.refusal:
            raise ServerError(f"{self.refusal}: no database can be made there", hint=_OTHERWISE)
        if template is not None and template.startswith(_INFLATED):
            raise ServerError(
                f'the database "{template}" is not copied: its files are inflated, and the copy '
                "would fill the disk with their zeros",
                hint="copy the template it was made from",
            )
        text = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
            sql.Identifier(name), sql.Identifier(template or "template0")
        )
        if locale is not None:
            text += _ordering_by(locale, self.version)
        if self.version >= 150000:
            text += sql.SQL(" STRATEGY file_copy")
        with self.connect() as connection:
            try:
                connection.execute(text)
            except psycopg.errors.InsufficientPrivilege as error:
                raise ServerError(
                    f"the role {connection.info.user} may make no database: "
                    f"{error.diag.message_primary}",
                    hint=_OTHERWISE,
                ) from error

    def drop_database(self, name: str) -> None:
        """Drops it if it is there, with whoever is connected.

        Raises:
            ServerError: The name is not one of planguard's.
        """
        import psycopg
        from psycopg import sql

        if not name.startswith("planguard_"):
            raise ServerError(
                f'the database "{name}" is not dropped: planguard did not make it',
                hint="only databases named planguard_* are ever dropped",
            )
        text = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
        with self.connect() as connection:
            connection.execute("SET client_min_messages = error")
            try:
                connection.execute(text)
            except psycopg.errors.ObjectInUse:
                self._forget_prepared_transactions(name)
                connection.execute(text)

    def _forget_prepared_transactions(self, database: str) -> None:
        """Those of an application that was killed between the two phases; FORCE leaves them."""
        from psycopg import sql

        with self.connect(database) as connection:
            rows = connection.execute(
                "SELECT gid FROM pg_prepared_xacts WHERE database = current_database()"
            )
            for (gid,) in rows.fetchall():
                connection.execute(sql.SQL("ROLLBACK PREPARED {}").format(sql.Literal(gid)))

    def drop_databases(self, *tokens: str) -> tuple[str, ...]:
        """Drops what runs made for themselves; a sentence for each that can't be dropped."""
        return self._drop(lambda token: token in tokens)

    def drop_databases_but_of(self, living: frozenset[str]) -> tuple[str, ...]:
        """Drops what runs left behind that are not among the living."""
        return self._drop(lambda token: token not in living)

    def _drop(self, chosen: Callable[[str], bool]) -> tuple[str, ...]:
        import psycopg

        refused = []
        for name in self.databases():
            found = OURS.match(name)
            if found is None or not chosen(found[1]):
                continue
            try:
                self.drop_database(name)
            except psycopg.Error as error:
                refused.append(f"the database {name} of an earlier run can't be dropped: {error}")
        return tuple(refused)

    def databases(self) -> list[str]:
        """Names of all databases that are planguard's."""
        with self.connect() as connection:
            rows = connection.execute(
                "SELECT datname FROM pg_database WHERE starts_with(datname::text, 'planguard_')"
                " ORDER BY datname"
            )
            return [name for (name,) in rows]


def _ordering_by(locale: Locale, version: int) -> sql.Composable:
    """The options of CREATE DATABASE; a provider the server is too old for is its to refuse."""
    from psycopg import sql

    if locale.provider == "libc":
        options = " LC_COLLATE {0} LC_CTYPE {0}"
        provider = " LOCALE_PROVIDER libc" if version >= 150000 else ""
        return sql.SQL(provider + options).format(sql.Literal(locale.name))
    kind = "ICU_LOCALE" if locale.provider == "icu" else "BUILTIN_LOCALE"
    text = f" LOCALE_PROVIDER {locale.provider} {kind} {{}}"
    return sql.SQL(text).format(sql.Literal(locale.name))


def import_psycopg(extra: str = "embedded") -> Any:
    """The driver planguard itself uses.

    Args:
        extra: Which of planguard's extras brings it.

    Raises:
        ServerError: It is not installed, or finds no libpq.
    """
    try:
        import psycopg
    except ImportError as error:
        raise ServerError(
            f"planning needs psycopg, which can't be imported: {error}",
            hint=f'pip install "pytest-planguard[{extra}]"',
        ) from error
    return psycopg
