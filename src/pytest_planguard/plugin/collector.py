"""The hooks of the process that runs tests: who is asking, and what was collected."""

from __future__ import annotations

import datetime as dt
import gc
import warnings
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import msgspec
import pytest

from pytest_planguard.capture import django
from pytest_planguard.capture.files import Files
from pytest_planguard.capture.listening import Listening, listen
from pytest_planguard.capture.origin import OriginFinder
from pytest_planguard.capture.recorder import Recorder
from pytest_planguard.capture.redacting import Redactor
from pytest_planguard.capture.taken import Taken
from pytest_planguard.model.capture import Budget, Capture, Database, DjangoModel, Suppression
from pytest_planguard.model.statement import Phase
from pytest_planguard.plugin import DJANGO
from pytest_planguard.plugin.markers import read_markers, wants_capture
from pytest_planguard.plugin.schemas import SchemaKeeper, take_schema, take_types

if TYPE_CHECKING:
    from pytest_planguard.plugin.settings import Settings

COLLECTOR = pytest.StashKey["Collector"]()

_NAME = "hooks"


class Collector:
    """Captures what the tests of this process send.

    Args:
        config: pytest's.
        settings: What was asked of the run.
        in_worker: Mistakes in markers are then reported by the controller.
    """

    def __init__(self, config: pytest.Config, settings: Settings, *, in_worker: bool) -> None:
        self.settings = settings
        self.recorder = Recorder(
            OriginFinder(
                Files(config.rootpath, config.getini("python_files"), config.getini("testpaths"))
            ),
            Redactor(settings.config.redaction) if settings.config.redaction.wanted else None,
        )
        clones = any(spec.schema == "clone" for spec in settings.config.databases.values())
        self.keeper = SchemaKeeper(self.recorder, take_schema if clones else None, take_types)
        self.recorder.before_drop = self._before_drop
        self.mistakes = ""
        self._config = config
        self._in_worker = in_worker
        self._began = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
        self._collected: list[str] = []
        self._finished: list[str] = []
        self._cut_short: list[str] = []
        self._passed = True
        """Whether the test that runs has neither failed nor been skipped so far."""
        self._deselected = False
        self._suppressions: tuple[Suppression, ...] = ()
        self._budgets: tuple[Budget, ...] = ()
        self._models: dict[str, DjangoModel] = {}
        self._listening: Listening = listen(self.recorder)

    def _before_drop(self, database: str) -> None:
        self.keeper.before_drop(database)

    # Collection

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Before anybody deselects."""
        self._collected = [item.nodeid for item in items]
        try:
            self._suppressions, self._budgets = read_markers(items)
        except pytest.UsageError as error:
            if not self._in_worker:
                raise
            self.mistakes = str(error)
        except Exception as error:  # noqa: BLE001 -- as in _guarded
            self.recorder.fail(_NAME, error)

    def pytest_deselected(self, items: Sequence[pytest.Item]) -> None:
        """Some tests will not run."""
        self._deselected = self._deselected or bool(items)

    # Tests

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_fixture_setup(
        self, fixturedef: pytest.FixtureDef[object], request: pytest.FixtureRequest
    ) -> Generator[None, object, object]:
        """A fixture of several tests is no doing of the one that happens to ask first."""
        if fixturedef.scope == "function":
            return (yield)
        shared = _Shared(self.recorder, request.node.nodeid)
        with _guarded(self.recorder):
            fixturedef.addfinalizer(shared.leave)  # the first one added is the last to run
        shared.enter()
        try:
            return (yield)
        finally:
            shared.leave()
            with _guarded(self.recorder):
                fixturedef.addfinalizer(shared.enter)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        """All of a test."""
        self._enter(item.nodeid, Phase.SETUP)
        self._passed = True
        with _guarded(self.recorder):
            self.recorder.enable(on=wants_capture(item))
        try:
            return (yield)
        finally:
            self._enter("", Phase.OUTSIDE)
            with _guarded(self.recorder):
                self.recorder.holdings.look(item.nodeid, passed=self._passed)
                self.recorder.enable(on=True)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Before its fixtures."""
        self._enter(item.nodeid, Phase.SETUP)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_call(self, item: pytest.Item) -> None:
        """Before the test's own code."""
        self._enter(item.nodeid, Phase.CALL)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_teardown(self, item: pytest.Item, nextitem: pytest.Item | None) -> None:
        """Before its fixtures are finalised: its database still lives."""
        self._enter(item.nodeid, Phase.TEARDOWN)
        with _guarded(self.recorder, "schema"):
            self.keeper.look(last=nextitem is None)
            if nextitem is None:
                self._listening.look_back()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """A test is over when its teardown is reported."""
        report = yield
        if not report.passed:
            self._passed = False
            self._cut_short.append(item.nodeid)
        if call.when == "teardown":
            self._finished.append(item.nodeid)
        return report

    def _enter(self, test: str, phase: Phase) -> None:
        with _guarded(self.recorder):
            self.recorder.enter(test, phase)

    # What was captured

    @property
    def databases(self) -> dict[str, Database]:
        """What is known of the tests' databases."""
        return self.keeper.databases()

    def take(self) -> Capture:
        """What is new since the last take."""
        return self._take(self.keeper.news).whole()

    def take_apart(self) -> Taken:
        """Everything since the last take, with all databases."""
        return self._take(self.keeper.databases)

    def _take(self, databases: Callable[[], dict[str, Database]]) -> Taken:
        heard = self.recorder.take_apart()
        rest = msgspec.structs.replace(
            heard.rest,
            databases=databases(),
            notes=(*heard.rest.notes, *self._driver_notes()),
            captured_at=self._began,
            collected=tuple(self._collected),
            finished=tuple(self._finished),
            cut_short=tuple(self._cut_short),
            partial=self._deselected,
            drivers=self._listening.drivers,
            suppressions=self._suppressions,
            budgets=self._budgets,
            models=self._news_of_models(),
        )
        self._collected, self._finished, self._cut_short = [], [], []
        self._suppressions, self._budgets = (), ()
        return heard._replace(rest=rest)

    def settle(self) -> None:
        """All tests are over: decides what the garbage collector may have given back since."""
        with _guarded(self.recorder), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # pools say so when they are given something back
            if self.recorder.holdings.is_undecided:
                gc.collect()
                self.recorder.holdings.settle()

    def _news_of_models(self) -> dict[str, DjangoModel]:
        """Models that were not told yet: apps are set up once."""
        try:
            found = django.models()
        except Exception as error:  # noqa: BLE001 -- a bug of ours never breaks a user's test
            self.recorder.fail(django.NAME, error)
            return {}
        news = {table: one for table, one in found.items() if self._models.get(table) != one}
        self._models.update(news)
        return news

    def _driver_notes(self) -> tuple[str, ...]:
        gate = self._config.stash.get(DJANGO, None)
        return gate.driver.notes if gate is not None and gate.driver is not None else ()

    def stop(self) -> None:
        """Restores the drivers, and hears no more where somebody has wrapped what wraps them."""
        self._listening.stop()
        self.recorder.enable(on=False)


@contextmanager
def _guarded(recorder: Recorder, where: str = _NAME) -> Iterator[None]:
    """A bug of ours never breaks a user's test: it ends the capture, and the report says why."""
    try:
        yield
    except Exception as error:  # noqa: BLE001 -- see above; what pytest stops by is no Exception
        recorder.fail(where, error)


class _Shared:
    """The time in which a fixture of several tests is made, and the time it is undone in."""

    def __init__(self, recorder: Recorder, scope: str) -> None:
        self._recorder = recorder
        self._scope = scope
        self._leave: Callable[[], None] | None = None

    def enter(self) -> None:
        """It begins."""
        with _guarded(self._recorder):
            self._leave = self._recorder.enter_shared(self._scope)

    def leave(self) -> None:
        """It is over, if it ever began."""
        leave, self._leave = self._leave, None
        if leave is not None:
            with _guarded(self._recorder):
                leave()
