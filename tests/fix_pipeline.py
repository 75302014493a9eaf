"""A pipeline that answers with reports made beforehand, for commands and hooks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import msgspec

import fix_reports
from pytest_planguard.model.report import Report, Status
from pytest_planguard.model.statistics import ScaleSource, Statistics, TableStatistics
from pytest_planguard.model.verification import Verification


class Options(msgspec.Struct, frozen=True):
    update: bool = False
    update_new: bool = False
    trim: bool = False
    reason: str = ""
    verbose: bool = False


class Outcome(msgspec.Struct, frozen=True):
    report: Report
    refused: None = None

    @property
    def command_status(self) -> int:
        return {Status.PASSED: 0, Status.FAILED: 1, Status.INCOMPLETE: 3}[
            self.report.verdict.status
        ]


class FakePipeline:
    """Stands where ``pytest_planguard.pipeline`` does.

    ``calls`` holds what each function was given; ``error`` is raised by every one.
    """

    Options = Options

    def __init__(self, report: Report | None = None) -> None:
        self.report = report or fix_reports.empty()
        self.error: Exception | None = None
        self.verification: Verification | None = None
        self.conninfo = "host=/run/x dbname=planguard_1"
        self.calls: list[SimpleNamespace] = []

    def run(self, config: Any, capture: Any, options: Options, progress: Any) -> Outcome:
        self._note("run", config=config, capture=capture, options=options)
        progress("planning")
        return Outcome(self.report)

    def write_unjudged(self, config: Any, capture: Any, reason: str) -> None:
        self.calls.append(SimpleNamespace(name="write_unjudged", capture=capture, reason=reason))

    def explain(self, config: Any, text: str, capture: Any, progress: Any) -> Report:
        self._note("explain", config=config, text=text, capture=capture)
        progress("planning")
        return self.report

    def verify(
        self, config: Any, capture: Any, conninfo: str, database: str, *, timeout: float,
        progress: Any,
    ) -> Verification:  # fmt: skip
        self._note("verify", conninfo=conninfo, database=database, timeout=timeout)
        progress("planning")
        assert self.verification is not None
        return self.verification

    def compared(
        self, config: Any, key: str, capture: Any, baseline: Any, progress: Any
    ) -> SimpleNamespace:
        self._note("compared", key=key, capture=capture, baseline=baseline)
        progress("planning")
        entry = next(iter(baseline.entries.values()))
        return SimpleNamespace(entry=entry, report=self.report, now=self.report.queries[0])

    def upgrade(
        self, config: Any, capture: Any, to: str, start: str, progress: Any
    ) -> SimpleNamespace:
        self._note("upgrade", config=config, capture=capture, to=to, start=start)
        progress("planning")
        return SimpleNamespace(report=self.report, before={"default": "16.14"})

    @contextmanager
    def open_fixture(
        self, config: Any, database: str, schema: Any, progress: Any = None, *, keep: bool = False
    ) -> Iterator[Any]:
        self._note("open_fixture", config=config, database=database, schema=schema)
        tables = {
            "public.orders": TableStatistics(47_000_000, 800_000, ScaleSource.DECLARED),
            "public.tags": TableStatistics(12, 1, ScaleSource.ASSUMED),
        }
        yield SimpleNamespace(
            conninfo=self.conninfo,
            lacking=("extension postgis is missing",),
            statistics=Statistics(tables, "2026-01-01T00:00:00+00:00", ScaleSource.ASSUMED),
        )

    def _note(self, name: str, **given: Any) -> None:
        self.calls.append(SimpleNamespace(name=name, **given))
        if self.error is not None:
            raise self.error
