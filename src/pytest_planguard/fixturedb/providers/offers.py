"""What a running server has to offer, asked over a connection."""

from __future__ import annotations

from pytest_planguard.fixturedb.providers.server import Server
from pytest_planguard.fixturedb.queries import named_queries
from pytest_planguard.model.ports import Needs


def lacking(server: Server, needs: Needs) -> tuple[str, ...]:
    """What of the needs a server does not have, one sentence each."""
    queries = named_queries(__package__, "offers.sql")
    with server.connect() as connection:
        offered = {name for (name,) in connection.execute(queries["extensions"])}
        icu = connection.execute(queries["icu"]).fetchone()
    missing = [
        f"the extension {name} is not on the server" for name in sorted(needs.extensions - offered)
    ]
    if needs.icu and icu == (False,):
        missing.append("the server has no ICU collations")
    return tuple(missing)
