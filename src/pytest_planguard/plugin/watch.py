"""Queries and their plans inside of a test: ``with planguard.watch() as seen:``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property

import pytest

from pytest_planguard.capture.tally import Tally
from pytest_planguard.model.capture import Capture
from pytest_planguard.model.plan import Plan, Planned
from pytest_planguard.model.report import QueryReport
from pytest_planguard.plugin.collector import COLLECTOR, Collector
from pytest_planguard.plugin.databases import SERVERS, Servers


class Planguard:
    """What the fixture ``planguard`` gives."""

    def __init__(self, collector: Collector, servers: Servers) -> None:
        self._collector = collector
        self._servers = servers

    @contextmanager
    def watch(self) -> Iterator[Seen]:
        """Watches the statements sent inside of the block, also where capture is off."""
        recorder = self._collector.recorder
        tally = recorder.new_tally()
        with recorder.watched_by(tally):
            yield Seen(self._collector, self._servers, tally)


class Seen:
    """What was sent inside of a block."""

    def __init__(self, collector: Collector, servers: Servers, tally: Tally) -> None:
        self._collector = collector
        self._servers = servers
        self._tally = tally

    @cached_property
    def queries(self) -> list[SeenQuery]:
        """The queries with their plans at scale; planned when first asked for.

        Raises:
            PlanguardError: There is no database to plan in.
        """
        from pytest_planguard import pipeline

        collector = self._collector
        collector.keeper.look()
        capture = Capture(
            statements=self._tally.statements(), databases=collector.keeper.databases()
        )
        with collector.recorder.paused():
            reports = pipeline.plan_now(collector.settings.config, capture, self._servers.server)
        return [SeenQuery(report) for report in reports]


class SeenQuery:
    """One query that was sent."""

    def __init__(self, report: QueryReport) -> None:
        self.report = report

    def __repr__(self) -> str:
        return f"<SeenQuery {self.sql}>"

    @property
    def sql(self) -> str:
        """Normalised: one line, constants as ``$n``."""
        return self.report.query.sql

    @property
    def executions(self) -> int:
        """How often it was sent."""
        return self.report.query.executions

    @property
    def plans(self) -> tuple[Plan, ...]:
        """At scale, worst first; empty where it cannot be planned."""
        outcome = self.report.outcome
        return outcome.plans if isinstance(outcome, Planned) else ()

    @property
    def unexplained(self) -> str | None:
        """Why it cannot be planned; None where it was."""
        outcome = self.report.outcome
        return None if isinstance(outcome, Planned) else outcome.reason


def planguard_of(config: pytest.Config) -> Planguard:
    """What the fixture gives; a test that needs it is skipped where planguard is off."""
    collector = config.stash.get(COLLECTOR, None)
    servers = config.stash.get(SERVERS, None)
    if collector is None or servers is None:
        pytest.skip("planguard is off: run with --planguard")
    return Planguard(collector, servers)
