"""The pytest plugin's door: options and fixtures; everything else is imported when asked for.

An idle pytest run pays for this file only (``tests/plugin/test_idle.py`` holds it to that).
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_planguard.plugin.django_driver import DjangoDriver
    from pytest_planguard.plugin.watch import Planguard

_MARKER = (
    "planguard(capture=True, ignore=[...], reason='...', max_cost=None, max_rows=None, "
    "access={...}): what planguard does with the queries of a test"
)


class DjangoGate:
    """Django's PostgreSQL backend is about to be imported: who keeps its driver as it was, then.

    On the import system from the start, also where planguard is off: plugins import Django's
    backend before any configuration is done.

    Args:
        config: pytest's; its root is known by then.
    """

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self.driver: DjangoDriver | None = None

    def find_spec(self, name: str, *_: object) -> None:
        """Finds nothing; Python asks it first."""
        if name == "django.db.backends.postgresql" and self.driver is None:
            from pytest_planguard.plugin.django_driver import DjangoDriver

            self.driver = DjangoDriver(self._config.rootpath)

    def close(self) -> None:
        """Leaves the import system."""
        if self in sys.meta_path:
            sys.meta_path.remove(self)
        if self.driver is not None:
            self.driver.close()


DJANGO = pytest.StashKey[DjangoGate]()


def pytest_addoption(parser: pytest.Parser, pluginmanager: pytest.PytestPluginManager) -> None:
    """Adds ``--planguard`` and its kin."""
    config = pluginmanager.get_plugin("pytestconfig")
    assert config is not None  # registered before any plugin
    gate = config.stash[DJANGO] = DjangoGate(config)
    sys.meta_path.insert(0, gate)
    config.add_cleanup(gate.close)
    parser.addini("planguard", "judge the queries of the suite", type="bool", default=False)
    group = parser.getgroup("planguard", "query plans at production scale")
    add = group.addoption
    add("--planguard", action="store_true", default=None, help="Judge the queries of the suite")
    add("--no-planguard", action="store_false", dest="planguard", help="Leave planguard off")
    flags = {
        "capture-only": "Write the capture file and stop: no database needed",
        "update": "Accept what this run saw, new and changed, into the baseline",
        "update-new": "Accept only what has no entry in the baseline yet",
        "trim": "Drop entries of the baseline that a complete run did not see",
        "fail-on-growth": "Fail, too, for what got worse because tables grew",
    }
    for name, text in flags.items():
        add(f"--planguard-{name}", action="store_true", default=None, help=text)
    values = {
        "capture-file": ("PATH", "Where the capture goes (.planguard/capture.json.gz)"),
        "db": ("URL", "A server to make databases planguard_* on"),
        "baseline": ("DIR", "The baseline's folder (planguard/baseline)"),
        "reason": ("TEXT", "Why errors are accepted with --planguard-update"),
        "fail-on": ("LEVEL", "none, error (default) or warning"),
        "select": ("CODES", "Rules to apply: PLN,IDX001"),
        "ignore": ("CODES", "Rules to leave out: PLN,IDX001"),
        "redact": ("COLUMNS", "Values never to be kept: users.email,*.token; '*' is all"),
    }
    for name, (metavar, text) in values.items():
        add(f"--planguard-{name}", metavar=metavar, default=None, help=text)
    add(
        "--planguard-report",
        action="append",
        metavar="TYPE[:PATH]",
        default=None,
        help="term, github, json, markdown, html, sarif, junit, gitlab; repeatable",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Registers the marker, and the session where planguard is on."""
    config.addinivalue_line("markers", _MARKER)
    asked: bool | None = config.getoption("planguard")
    if asked is None and "PLANGUARD" in os.environ:
        asked = os.environ["PLANGUARD"].lower() in {"1", "true", "yes", "on"}
    if asked is None:
        asked = config.getini("planguard")
    if not asked:
        _refuse_idle_actions(config)
    elif not (config.getoption("collectonly", False) or config.getoption("setupplan", False)):
        from pytest_planguard.plugin import session

        session.register(config)


def _refuse_idle_actions(config: pytest.Config) -> None:
    """An action that would silently do nothing is a mistake, unless planguard was forbidden."""
    if config.getoption("planguard") is False:
        return
    for name in ("capture-only", "update", "update-new", "trim"):
        if config.getoption(f"planguard_{name.replace('-', '_')}"):
            raise pytest.UsageError(f"--planguard-{name} does nothing without --planguard")


@pytest.fixture(scope="session")
def planguard_database_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """A libpq URL of an empty database on the fixture server, one per worker."""
    from pytest_planguard.plugin import databases

    with databases.empty_database(request.config) as url:
        yield url


@pytest.fixture
def planguard(request: pytest.FixtureRequest) -> Planguard:
    """Queries and their plans in a test: ``with planguard.watch() as seen:``."""
    from pytest_planguard.plugin import watch

    return watch.planguard_of(request.config)
