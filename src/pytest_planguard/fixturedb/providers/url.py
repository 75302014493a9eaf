"""A server somebody else runs, named by its URL; only databases of ours are touched there.

Exact where the role is a superuser. Where it is not, no relation can be given a size: the database
of the URL is then read with its own contents, and reports say so.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import msgspec

from pytest_planguard.conninfo import parameters
from pytest_planguard.errors import ServerError
from pytest_planguard.fixturedb.providers import offers
from pytest_planguard.fixturedb.providers.server import (
    APPLICATION_NAME,
    OURS,
    Server,
    import_psycopg,
)
from pytest_planguard.fixturedb.queries import named_queries
from pytest_planguard.model.ports import Needs
from pytest_planguard.model.spec import DatabaseSpec

CONNECT_SECONDS = "10"
"""Before a host that does not answer is given up, where the URL says nothing else."""


class Facts(NamedTuple):
    """What a server and a role allow."""

    standby: bool
    feeds: int
    """Replication clients."""
    superuser: bool
    creates: bool
    role: str

    @property
    def refusal(self) -> str:
        """Why no database may be made; empty: it may."""
        if self.standby:
            return "the server is a standby"
        if self.feeds:
            clients = f"{self.feeds} replication client{'s' if self.feeds > 1 else ''}"
            return f"the server feeds {clients}"
        if not (self.superuser or self.creates):
            return f"the role {self.role} has no CREATEDB"
        return ""


@contextmanager
def url_server(spec: DatabaseSpec, needs: Needs) -> Iterator[Server]:
    """The server at the specification's URL.

    Raises:
        ConfigurationError: The URL can't be read.
        ServerError: It can't be reached; or databases at scale are to be made there, and it is a
            standby, feeds standbys, or the role is no superuser: inflating relations needs one.
    """
    server, facts = connected(spec)
    if not spec.as_is and (facts.superuser or spec.server_only):
        _refuse(facts)
        server.lacking = offers.lacking(server, needs)
    server.refusal = facts.refusal
    if server.refusal:  # nothing can have been left there, nor will be
        yield server
        return
    with _announced(server):
        # in this order: a run is announced before it makes a database
        names = server.databases()
        gone = {found[1] for name in names if (found := OURS.match(name))} - living(server)
        server.lacking += server.drop_databases(*gone)
        try:
            yield server
        finally:
            server.drop_databases(server.run_token)


def as_its_role_allows(spec: DatabaseSpec) -> DatabaseSpec:
    """The specification; without a superuser, its database is used with its own contents.

    Raises:
        ConfigurationError: The URL can't be read.
        ServerError: The server can't be reached, or there are no contents to use.
    """
    if spec.provider != "url" or spec.as_is or spec.server_only:
        return spec
    _, facts = connected(spec)
    if facts.superuser:
        return spec
    database = _parameters(spec.url).get("dbname")
    if not database:
        raise ServerError(
            f"the role {facts.role} is no superuser, and the URL names no database whose own "
            "contents could be used",
            hint="name a superuser of a server for tests, or a database that has rows",
        )
    why = (
        f"the role {facts.role} is no superuser: the database {database} is used with its own "
        "contents, not at the configured scale"
    )
    return msgspec.structs.replace(spec, as_is=True, why_as_is=why)


def connected(spec: DatabaseSpec) -> tuple[Server, Facts]:
    """The server, which is only looked at, and what it allows.

    Raises:
        ConfigurationError: The URL can't be read.
        ServerError: It can't be reached.
    """
    given = _parameters(spec.url)
    maintenance = given.pop("dbname", "postgres")
    server = Server("url", given, secrets.token_hex(4), maintenance=maintenance)
    with server.connect() as connection:
        row = connection.execute(named_queries(__package__, "url.sql")["facts"]).fetchone()
    return server, Facts(*(row or (False, 0, False, False, "")))


def _parameters(url: str) -> dict[str, str]:
    import_psycopg()
    read = parameters(url, "the database URL", "it looks like postgresql://user@host:5432/postgres")
    return {"connect_timeout": CONNECT_SECONDS} | read


@contextmanager
def _announced(server: Server) -> Iterator[None]:
    """Tells other runs that this one lives, by the name of a connection that it keeps."""
    with server.connect() as connection:
        connection.execute(
            "SELECT set_config('application_name', %s, false)",
            [f"{APPLICATION_NAME} {server.run_token}"],
        )
        if server.version >= 140000:
            connection.execute("SET idle_session_timeout = 0")
        yield


def living(server: Server) -> set[str]:
    """Tokens of all runs that are connected."""
    query = named_queries(__package__, "url.sql")["living"]
    with server.connect() as connection:
        rows = connection.execute(query, [f"^{APPLICATION_NAME} [0-9a-f]{{8}}$"])
        return {name.split()[-1] for (name,) in rows}


def _refuse(facts: Facts) -> None:
    """Where databases at scale are to be made."""
    if facts.standby:
        raise ServerError(
            "the server is a standby: no database can be made there",
            hint="name a server for tests, or use the embedded one",
        )
    if facts.feeds:
        raise ServerError(
            f"{facts.refusal}: inflated databases have no business there",
            hint="name a server for tests, or use the embedded one",
        )
    if not facts.superuser:
        raise ServerError(
            "the role is no superuser: relations can't be given production's size",
            hint="name a superuser of a server for tests, or use the embedded one",
        )
