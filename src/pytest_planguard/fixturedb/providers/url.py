"""A server somebody else runs, named by its URL; only databases of ours are touched there."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager

from pytest_planguard.errors import ConfigurationError, ServerError
from pytest_planguard.fixturedb.providers.server import (
    APPLICATION_NAME,
    OURS,
    Server,
    import_psycopg,
)
from pytest_planguard.model.ports import Needs
from pytest_planguard.model.spec import DatabaseSpec

CONNECT_SECONDS = "10"
"""Before a host that does not answer is given up, where the URL says nothing else."""

_FACTS = """
SELECT pg_is_in_recovery(),
       (SELECT count(*) FROM pg_stat_replication),
       (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)
"""


@contextmanager
def url_server(spec: DatabaseSpec, needs: Needs) -> Iterator[Server]:
    """The server at the specification's URL.

    Raises:
        ConfigurationError: The URL can't be read.
        ServerError: It can't be reached, is a standby, feeds standbys, or the role is no
            superuser: inflating relations needs one.
    """
    parameters = _parameters(spec.url)
    maintenance = parameters.pop("dbname", "postgres")
    server = Server("url", parameters, secrets.token_hex(4), maintenance=maintenance)
    _refuse(server)
    server.lacking = _lacking(server, needs)
    with _announced(server):
        # in this order: a run is announced before it makes a database
        names = server.databases()
        gone = {found[1] for name in names if (found := OURS.match(name))} - _living(server)
        server.lacking += server.drop_databases(*gone)
        try:
            yield server
        finally:
            server.drop_databases(server.run_token)


def _parameters(url: str) -> dict[str, str]:
    psycopg = import_psycopg()
    from psycopg.conninfo import conninfo_to_dict

    try:
        read = conninfo_to_dict(url)
    except psycopg.ProgrammingError as error:
        said = " ".join(str(error).split()).replace(url, "…")  # it may hold a password
        raise ConfigurationError(
            f"the database URL can't be read: {said}",
            hint="it looks like postgresql://user@host:5432/postgres",
        ) from None
    return {"connect_timeout": CONNECT_SECONDS} | {key: str(value) for key, value in read.items()}


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


def _living(server: Server) -> set[str]:
    """Tokens of all runs that are connected."""
    with server.connect() as connection:
        rows = connection.execute(
            "SELECT application_name FROM pg_stat_activity WHERE application_name ~ %s",
            [f"^{APPLICATION_NAME} [0-9a-f]{{8}}$"],
        )
        return {name.split()[-1] for (name,) in rows}


def _refuse(server: Server) -> None:
    with server.connect() as connection:
        row = connection.execute(_FACTS).fetchone()
    standby, clients, superuser = row or (False, 0, False)
    if standby:
        raise ServerError(
            "the server is a standby: no database can be made there",
            hint="name a server for tests, or use the embedded one",
        )
    if clients:
        raise ServerError(
            f"the server feeds {clients} replication client{'s' if clients > 1 else ''}: "
            "inflated databases have no business there",
            hint="name a server for tests, or use the embedded one",
        )
    if not superuser:
        raise ServerError(
            "the role is no superuser: relations can't be given production's size",
            hint="name a superuser of a server for tests, or use the embedded one",
        )


def _lacking(server: Server, needs: Needs) -> tuple[str, ...]:
    with server.connect() as connection:
        rows = connection.execute("SELECT name FROM pg_available_extensions").fetchall()
    missing = sorted(needs.extensions - {name for (name,) in rows})
    return tuple(f"the extension {name} is not on the server" for name in missing)
