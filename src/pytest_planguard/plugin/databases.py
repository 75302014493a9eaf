"""The server the session has open, and an empty database on it for suites without one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext, suppress
from typing import TYPE_CHECKING, TypeAlias

import pytest

from pytest_planguard.errors import PlanguardError
from pytest_planguard.plugin.collector import COLLECTOR

if TYPE_CHECKING:
    from pytest_planguard.fixturedb.providers.server import Server
    from pytest_planguard.model.spec import DatabaseSpec

_Pause: TypeAlias = Callable[[], AbstractContextManager[None]]

SERVERS = pytest.StashKey["Servers"]()


class Servers:
    """The fixture server, opened when first asked for and kept until the session's end."""

    def __init__(self, spec: DatabaseSpec, *others: DatabaseSpec) -> None:
        self._spec = spec
        self._all = (spec, *others)
        self._stack = ExitStack()
        self.server: Server | None = None
        """None until it was asked for."""

    def open(self) -> Server:
        """The server.

        Raises:
            ServerError: None can be had.
        """
        if self.server is None:
            from pytest_planguard.fixturedb.providers import open_server

            self.server = self._stack.enter_context(open_server(self._spec))
        return self.server

    def keep_for_workers(self) -> None:
        """Lets a container that a worker starts run on until this process has planned in it.

        What is wrong with its folder is said by whoever needs the server.
        """
        if all(spec.provider != "container" for spec in self._all):
            return
        from pytest_planguard.fixturedb.providers import kept_between_uses

        with suppress(PlanguardError):
            self._stack.enter_context(kept_between_uses(self._all))

    def close(self) -> None:
        """Lets go of it; may be called twice."""
        self.server = None
        self._stack.close()


@contextmanager
def empty_database(config: pytest.Config) -> Iterator[str]:
    """A database of this worker's own: its libpq URL; dropped at the end.

    Where it cannot be had, the tests that need it fail with the reason.
    """
    collector = config.stash.get(COLLECTOR, None)
    paused: _Pause = collector.recorder.paused if collector else nullcontext
    with ExitStack() as stack:
        problem = ""
        try:
            with paused():
                server = _server(config, stack)
                name = f"planguard_tests_{server.run_token}_{_worker(config)}"
                server.create_database(name)
        except PlanguardError as error:
            problem = str(error)
        if problem:  # out here, or pytest shows the same sentence twice, as a chain
            pytest.fail(f"planguard_database_url: {problem}", pytrace=False)
        try:
            yield server.url(name)
        finally:
            with paused():
                server.drop_database(name)  # even where the suite left connections open


def _server(config: pytest.Config, stack: ExitStack) -> Server:
    """The session's server; with planguard off, one that is opened for the fixture."""
    servers = config.stash.get(SERVERS, None)
    if servers is None:
        from pytest_planguard import config as configuration
        from pytest_planguard.plugin.settings import overrides

        settled = configuration.load(config.rootpath, overrides(config))
        servers = Servers(next(iter(settled.databases.values())))
        stack.callback(servers.close)
    return servers.open()


def _worker(config: pytest.Config) -> str:
    worker: str = getattr(config, "workerinput", {}).get("workerid", "main")
    return worker
