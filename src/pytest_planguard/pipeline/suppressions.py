"""What silences findings: configuration, markers, comments on lines and in SQL; all decided here.

Each is one value with the same questions: does it cover a finding, until when does it hold.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import msgspec

from pytest_planguard import registry
from pytest_planguard.config import Config, Ignore, wrong_code
from pytest_planguard.errors import ConfigurationError
from pytest_planguard.model.capture import Capture, Suppression
from pytest_planguard.model.finding import Finding, Suppressed
from pytest_planguard.model.query import Query
from pytest_planguard.model.silence import Remark, Silence
from pytest_planguard.model.statement import Origin

Key = tuple[str, str]


class ByConfiguration(msgspec.Struct, frozen=True):
    """An ``[[tool.pytest-planguard.ignore]]``."""

    ignore: Ignore
    number: int
    """Its place in the file, from 0."""

    @property
    def where(self) -> str:
        """As a sentence names it."""
        given = (("table", self.ignore.table), ("query", self.ignore.query),
                 ("origin", self.ignore.origin))  # fmt: skip
        of = "".join(f", {name} {value}" for name, value in given if value)
        return f"ignore[{self.number}] of {self.ignore.rule}{of} in the configuration"

    @property
    def said(self) -> Silence:
        """Codes and reason."""
        return Silence((self.ignore.rule,), self.ignore.reason)

    def holds(self, today: dt.date) -> bool:
        """Whether it has not expired."""
        return not self.ignore.expired(today)

    def covers(self, finding: Finding, query: Query | None) -> bool:  # noqa: ARG002
        """Whether it speaks of the finding."""
        return self.ignore.covers(finding)


class _Lasting:
    """Markers and comments hold until they are taken away."""

    def holds(self, today: dt.date) -> bool:  # noqa: ARG002
        """Whether it has not expired."""
        return True


class ByMarker(msgspec.Struct, _Lasting, frozen=True):
    """One marker on a test, a class or a module: the tests it holds for."""

    tests: frozenset[str]
    said: Silence

    @property
    def where(self) -> str:
        """As a sentence names it."""
        first, more = min(self.tests), len(self.tests) - 1
        return f"the marker of {first}" + (f" and {more:,} more" if more else "")

    def covers(self, finding: Finding, query: Query | None) -> bool:
        """Whether one of the tests that ask has it; see ``Suppressions`` for the others."""
        return bool(_asking(finding, query) & self.tests) and _names(self.said, finding)


class ByLine(msgspec.Struct, _Lasting, frozen=True):
    """A comment on a line."""

    remark: Remark

    @property
    def where(self) -> str:
        """As a sentence names it."""
        return f"the comment of {self.remark.file}:{self.remark.line}"

    @property
    def said(self) -> Silence:
        """Codes and reason."""
        return self.remark.silence

    def is_at(self, file: str, line: int) -> bool:
        """Whether a line of code is in the statement the comment stands in."""
        return file == self.remark.file and self.remark.first <= line <= self.remark.last

    def covers(self, finding: Finding, query: Query | None) -> bool:  # noqa: ARG002
        """Whether one of the lines that ask has it; see ``Suppressions`` for the others."""
        return _names(self.said, finding) and any(
            self.is_at(origin.file, origin.line) for origin in finding.origins
        )


class ByStatement(msgspec.Struct, _Lasting, frozen=True):
    """A comment in the SQL of a query, in every text of it."""

    query: Query
    said: Silence

    @property
    def where(self) -> str:
        """As a sentence names it."""
        places = sorted({(one.origin.file, one.origin.line) for one in self.query.places})
        at = f" ({places[0][0]}:{places[0][1]})" if places else ""
        return f"the comment in the SQL of query {self.query.key}{at}"

    def covers(self, finding: Finding, query: Query | None) -> bool:
        """Whether the finding is of that query."""
        mine = query is not None and (query.database, query.key) == (
            self.query.database, self.query.key,
        )  # fmt: skip
        return mine and _names(self.said, finding)


One = ByConfiguration | ByMarker | ByLine | ByStatement


class Suppressions:
    """All there are of a run.

    Args:
        config: Its ``ignores``.
        capture: Its markers, and the comments on its lines.
        queries: With what their SQL says.
        today: Decides what has expired.
    """

    def __init__(
        self, config: Config, capture: Capture, queries: Iterable[Query], today: dt.date
    ) -> None:
        self._config = config
        self._today = today
        self._all = tuple(_all(config, capture, queries))
        self._lines = tuple(one for one in self._all if isinstance(one, ByLine))
        self._markers = tuple(one for one in self._all if isinstance(one, ByMarker))

    def of(self, finding: Finding, query: Query | None) -> Suppressed | None:
        """Why a finding does not count; None: it does."""
        for one in self._all:
            if one.holds(self._today) and self._silences(one, finding, query):
                return Suppressed(one.said.reason)
        return None

    def _silences(self, one: One, finding: Finding, query: Query | None) -> bool:
        """Whether it covers a finding, and for lines and tests, whether all that ask say so."""
        if not one.covers(finding, query):
            return False
        if isinstance(one, ByLine):
            return all(self._is_marked(origin, finding) for origin in finding.origins)
        if isinstance(one, ByMarker):
            mine = (marker.tests for marker in self._markers if _names(marker.said, finding))
            return _asking(finding, query) <= frozenset[str]().union(*mine)
        return True

    def _is_marked(self, origin: Origin, finding: Finding) -> bool:
        return any(
            line.is_at(origin.file, origin.line) and _names(line.said, finding)
            for line in self._lines
        )

    def notes(
        self,
        findings: Sequence[Finding],
        queries: Mapping[Key, Query],
        *,
        complete: bool,
        looked_at: Callable[[str], bool] = lambda _: True,
    ) -> tuple[str, ...]:
        """What is to be said of them: what has expired, and on complete runs what is of no use.

        Args:
            findings: All of the run.
            queries: Its queries.
            complete: Every test ran to its end.
            looked_at: Whether a rule, by its code, was asked at all.
        """
        said: list[str] = []
        for one in self._all:
            mine = [
                finding
                for finding in findings
                if self._silences(one, finding, queries.get((finding.database, finding.key)))
            ]
            if mine and not one.holds(self._today):
                said.append(_expired(one, len(mine)))
            elif not mine and complete and self._might(one, looked_at):
                said.append(f"{one.where} silences nothing: remove it")
        return tuple(said)

    def _might(self, one: One, looked_at: Callable[[str], bool]) -> bool:
        """Whether one of its rules was looked at in this run at all."""
        return any(
            looked_at(code)
            and self._config.wants(code)
            and self._config.severity_of(code, rule.FACTS.severity)
            for code, rule in registry.rules().items()
            if any(code.startswith(prefix) for prefix in one.said.codes)
        )


def refuse_malformed(capture: Capture, queries: Iterable[Query]) -> None:
    """Refuses comments and markers that can't be understood, all at once.

    Raises:
        ConfigurationError: A reason is missing, or a code is no rule's.
    """
    mistakes: dict[str, None] = {}
    for one in (*_of_capture(capture), *_of_queries(queries)):
        if one.said.mistake:
            mistakes[f"{one.where}: {one.said.mistake}"] = None
        for code in one.said.codes:
            if wrong := wrong_code(code):
                mistakes[f"{one.where}: {wrong}"] = None
    if mistakes:
        raise ConfigurationError(
            "\n  ".join(mistakes), hint="mend the comments and run again; nothing was judged"
        )


def _all(config: Config, capture: Capture, queries: Iterable[Query]) -> Iterator[One]:
    for number, ignore in enumerate(config.ignores):
        yield ByConfiguration(ignore, number)
    yield from _of_capture(capture)
    yield from _of_queries(queries)


def _of_capture(capture: Capture) -> Iterator[ByMarker | ByLine]:
    yield from _markers(capture.suppressions)
    yield from map(ByLine, capture.remarks)


def _markers(suppressions: Iterable[Suppression]) -> Iterator[ByMarker]:
    """Markers with the same words in one file are one: it may stand on the class or module."""
    tests: dict[tuple[str, Silence], set[str]] = defaultdict(set)
    for one in suppressions:
        tests[one.test.partition("::")[0], Silence(one.codes, one.reason)].add(one.test)
    for (_, said), names in sorted(tests.items()):
        yield ByMarker(frozenset(names), said)


def _of_queries(queries: Iterable[Query]) -> Iterator[ByStatement]:
    for query in queries:
        if not query.why_not_explainable:
            yield from (ByStatement(query, silence) for silence in query.silences)


def _asking(finding: Finding, query: Query | None) -> frozenset[str]:
    """The tests a query was sent in; without one, those the finding is of."""
    if query is None:
        return frozenset(finding.tests)
    return frozenset(one.test for one in query.places if one.test)


def _names(said: Silence, finding: Finding) -> bool:
    return not said.mistake and any(finding.rule.startswith(code) for code in said.codes)


def _expired(one: One, findings: int) -> str:
    assert isinstance(one, ByConfiguration)
    back = "1 finding is" if findings == 1 else f"{findings:,} findings are"
    return f"{one.where} expired on {one.ignore.expires}: {back} back"
