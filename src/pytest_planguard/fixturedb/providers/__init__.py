"""Ways to have a PostgreSQL server: one of our own, or one that is named by its URL."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from pytest_planguard.errors import ConfigurationError
from pytest_planguard.fixturedb.providers.server import Server
from pytest_planguard.model.ports import Needs
from pytest_planguard.model.spec import DatabaseSpec


@contextmanager
def open_server(spec: DatabaseSpec, *, needs: Needs | None = None) -> Iterator[Server]:
    """A running server, as configured; several runs may share one.

    Args:
        spec: Which provider, and what it is to be like.
        needs: Extensions and the like the schema wants; decides between servers that are there.

    Raises:
        ServerError: None can be had: what was looked for, where, and what would do.
        ConfigurationError: There is no such provider.
    """
    match spec.provider:
        case "embedded":
            from pytest_planguard.fixturedb.providers.embedded import embedded_server as opened
        case "url":
            from pytest_planguard.fixturedb.providers.url import url_server as opened
        case other:
            raise ConfigurationError(
                f'there is no provider "{other}"', hint='set provider = "embedded" or "url"'
            )
    with opened(spec, needs or Needs()) as server:
        yield server
