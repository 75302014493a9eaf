"""Ways to have a PostgreSQL server: one of our own, a container, or one named by its URL."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager

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
        case "container":
            from pytest_planguard.fixturedb.providers.container import container_server as opened
        case "url":
            from pytest_planguard.fixturedb.providers.url import url_server as opened
        case other:
            raise ConfigurationError(
                f'there is no provider "{other}"',
                hint='set provider = "embedded", "container" or "url"',
            )
    with opened(spec, needs or Needs()) as server:
        server.opened_for = spec
        yield server


@contextmanager
def kept_between_uses(specs: Iterable[DatabaseSpec]) -> Iterator[None]:
    """Lets a container that is started for one of them run on until the end: once is enough.

    Embedded servers keep their files and start in a tenth of a second, and others' run anyway.

    Raises:
        ServerError: A container's folder can't be made.
    """
    with ExitStack() as stack:
        for spec in specs:
            if spec.provider == "container":
                from pytest_planguard.fixturedb.providers.container import claimed

                stack.enter_context(claimed(spec))
        yield
