"""A session with planguard on: which parts a process needs, and what if they fail."""

from __future__ import annotations

from collections.abc import Generator

import pytest

from pytest_planguard.plugin.collector import COLLECTOR, Collector
from pytest_planguard.plugin.databases import SERVERS, Servers
from pytest_planguard.plugin.finisher import Finisher, internal_error
from pytest_planguard.plugin.settings import Settings, read_settings
from pytest_planguard.plugin.terminal import Shown, show
from pytest_planguard.plugin.workers import Receiver, Sender


def register(config: pytest.Config) -> None:
    """Puts the parts of this process together; a bug of ours leaves the tests to themselves.

    Raises:
        pytest.UsageError: With all mistakes of options and configuration.
    """
    settings = read_settings(config)
    try:
        _assemble(config, settings)
    except Exception as error:  # noqa: BLE001 -- the tests run, and the section says what happened
        shown = Shown(errors=[internal_error(error, verbose=settings.verbose)])
        config.pluginmanager.register(Broken(shown), "planguard-broken")


def _assemble(config: pytest.Config, settings: Settings) -> None:
    """Alone, a worker, or the controller of workers."""
    servers = Servers(*settings.config.databases.values())
    config.stash[SERVERS] = servers
    config.add_cleanup(servers.close)
    manager = config.pluginmanager
    in_worker = hasattr(config, "workerinput")
    if not in_worker and getattr(config.option, "dist", "no") != "no":
        servers.keep_for_workers()
        receiver = Receiver()
        manager.register(receiver, "planguard-receiver")
        manager.register(Finisher(config, settings, servers, receiver), "planguard-finisher")
        return
    collector = Collector(config, settings, in_worker=in_worker)
    config.stash[COLLECTOR] = collector
    config.add_cleanup(collector.stop)
    manager.register(collector, "planguard-collector")
    if in_worker:
        manager.register(Sender(collector), "planguard-sender")
    else:
        manager.register(Finisher(config, settings, servers, collector), "planguard-finisher")


class Broken:
    """Stands in for all parts where they could not be put together."""

    def __init__(self, shown: Shown) -> None:
        self._shown = shown

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> Generator[None, object, object]:
        """The tests run as they are."""
        result = yield
        session.testsfailed = session.testsfailed or 1
        return result

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Says what happened."""
        show(terminalreporter, self._shown)
