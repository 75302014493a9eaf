"""What counts: severities as configured, suppressions, what the baseline knows, the verdict."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from pytest_planguard import registry
from pytest_planguard.baseline.entries import REGRESSION, is_accepted, is_known
from pytest_planguard.baseline.numbers import significant
from pytest_planguard.config import Config
from pytest_planguard.model.baseline import Baseline
from pytest_planguard.model.capture import Capture
from pytest_planguard.model.finding import Candidate, Finding, RuleFacts, Severity
from pytest_planguard.model.query import Query
from pytest_planguard.model.report import Change, DatabaseReport, Status, Verdict
from pytest_planguard.model.settle import Settled
from pytest_planguard.model.statement import Layer, Origin
from pytest_planguard.model.statistics import ScaleSource
from pytest_planguard.pipeline.suppressions import Suppressions

Key = tuple[str, str]

_SEVERITY_CAP = {Layer.LIBRARY: Severity.WARNING, Layer.TEST: Severity.INFO}
"""What a query without a line of the project may be at most; the suite's own never counts."""

_OF_CODE = frozenset({"PLN008", "QRY008", "QRY012"})
"""Rules growth is no excuse for: a budget holds however tables grow, loops and lists are code's."""


class Gate(msgspec.Struct, frozen=True):
    """What decides whether a finding fails the run."""

    config: Config
    baseline: Baseline | None
    databases: Mapping[str, DatabaseReport]
    """By name: where the sizes of its tables come from."""
    changes: Mapping[Key, Change]
    capture: Capture
    today: dt.date
    loads: Mapping[Key, float] = {}
    """Production's calls times the plan's cost, where its calls are known."""

    def findings(
        self, settled: Iterable[Settled], queries: Mapping[Key, Query]
    ) -> tuple[Finding, ...]:
        """Findings as the report shows them, worst first."""
        facts = {code: rule.FACTS for code, rule in registry.rules().items()}
        silent = self.suppressions(queries)
        found = (self._finding(one, queries, facts[one.candidate.rule], silent) for one in settled)
        return tuple(sorted(found, key=self._worst_first))

    def suppressions(self, queries: Mapping[Key, Query]) -> Suppressions:
        """All there are: of the configuration, of markers, and of comments."""
        return Suppressions(self.config, self.capture, queries.values(), self.today)

    def growth_note(self, findings: Iterable[Finding]) -> tuple[str, ...]:
        """How many findings fail nothing because only statistics moved for their queries."""
        if self.config.fail_on_growth or self.config.fail_on is None:
            return ()
        spared = [
            one
            for one in findings
            if one.is_new
            and one.suppressed is None
            and one.severity is not Severity.INFO
            and self._is_of_growth(one)
        ]
        if not spared:
            return ()
        count = "1 finding is" if len(spared) == 1 else f"{len(spared)} findings are"
        without = "nothing fails for that without --planguard-fail-on-growth"
        return (f"{count} of growth alone: {without}",)

    def _finding(
        self,
        settled: Settled,
        queries: Mapping[Key, Query],
        facts: RuleFacts,
        silent: Suppressions,
    ) -> Finding:
        candidate = settled.candidate
        query = queries.get((candidate.database, candidate.key))
        severity = candidate.severity
        if self.config.fail_on_growth and self._is_regression_of_growth(candidate):
            severity = Severity.ERROR
        if query is not None and query.layer in _SEVERITY_CAP:
            severity = max(severity, _SEVERITY_CAP[query.layer], key=lambda one: one.rank)
        finding = Finding(
            rule=candidate.rule,
            name=facts.name,
            severity=severity,
            key=candidate.key,
            database=candidate.database,
            relation=candidate.relation,
            rows=candidate.rows,
            message=candidate.message + self._proviso(candidate),
            remedy=candidate.remedy,
            evidence=candidate.evidence,
            explained_by=settled.explained_by,
            advice=candidate.advice,
            origins=candidate.origins or _origins(query),
            tests=candidate.tests or _tests(query),
            suppressed=None,
            is_new=self._is_new(settled, severity),
            fails=False,
        )
        finding = msgspec.structs.replace(finding, suppressed=silent.of(finding, query))
        return msgspec.structs.replace(finding, fails=self._fails(finding, query))

    def _proviso(self, candidate: Candidate) -> str:
        of_the_run = not candidate.key and candidate.step is None
        if of_the_run or not self._is_assumed(candidate.database, candidate.relation):
            return ""
        if candidate.relation is None:  # the query as a whole, maybe over several tables
            return " (the sizes of its tables are assumed)"
        rows = f"{significant(max(candidate.least_rows, self.config.large_table_rows)):,.0f}"
        return f" (if this table has more than {rows} rows: its size is assumed)"

    def _is_new(self, settled: Settled, severity: Severity) -> bool:
        candidate = settled.candidate
        if self.baseline is None:
            return True
        if candidate.origins:
            world = self.baseline.worlds.get(candidate.database)
            return not is_accepted(world, candidate.rule, candidate.origins)
        entry = self.baseline.entries.get((candidate.database, candidate.key))
        return not is_known(entry, candidate.rule, candidate.relation, severity)

    def _fails(self, finding: Finding, query: Query | None) -> bool:
        return (
            self.why_open(finding.database) == ""
            and not self._is_assumed(finding.database, finding.relation)
            and self.config.fail_on is not None
            and finding.severity.rank <= self.config.fail_on.rank
            and finding.is_new
            and finding.suppressed is None
            and self._can_fail(finding, query)
            and (self.config.fail_on_growth or not self._is_of_growth(finding))
        )

    def _is_of_growth(self, of: Finding | Candidate) -> bool:
        """What is found because tables grew: nobody's change, and no pull request's."""
        change = self.changes.get((of.database, of.key))
        return of.rule not in _OF_CODE and change is not None and change.statistics_only

    def _is_regression_of_growth(self, candidate: Candidate) -> bool:
        return candidate.rule == REGRESSION and self._is_of_growth(candidate)

    def _can_fail(self, finding: Finding, query: Query | None) -> bool:
        """What is said of the run is of its environment, unless it is of the schema or of lines."""
        if query is None:
            return finding.relation is not None or bool(finding.origins)
        return query.layer is not Layer.TEST

    def _worst_first(self, finding: Finding) -> tuple[object, ...]:
        """By severity and by what fails; within, what costs production most."""
        return (
            finding.severity.rank,
            not finding.fails,
            -self.loads.get((finding.database, finding.key), 0.0),
            finding.rule,
            -finding.rows,
            finding.database,
            finding.relation or "",
            finding.key,
        )

    def why_open(self, database: str) -> str:
        """Why nothing can fail here; empty where it can."""
        if self.baseline is None:
            return "there is no baseline yet"
        if self._is_assumed(database, None):
            return "the tables' sizes are assumed"
        return ""

    def _is_assumed(self, database: str, relation: str | None) -> bool:
        """Whether nobody knows a table's size, as of one that a migration has just made.

        Without a relation, or with one that has no size of its own: whether nobody knows any.
        """
        facts = self.databases.get(database)
        if facts is None:
            return False
        table = facts.tables.get(relation or "")
        if table is not None:
            return table.source is ScaleSource.ASSUMED
        if not facts.tables:
            return facts.source is ScaleSource.ASSUMED
        return all(one.source is ScaleSource.ASSUMED for one in facts.tables.values())


def as_configured(config: Config, candidates: Iterable[Candidate]) -> tuple[Candidate, ...]:
    """Candidates with the severities the configuration gives; those of rules that are off go.

    Before they are settled: a rule that is off must not stand for another one.
    """
    chosen = ((one, config.severity_of(one.rule, one.severity)) for one in candidates)
    return tuple(
        msgspec.structs.replace(one, severity=severity)
        for one, severity in chosen
        if severity is not None
    )


def verdict(gate: Gate, findings: Sequence[Finding], incomplete: str) -> Verdict:
    """Failed if anything fails, else incomplete if the run broke off, else passed."""
    counted = [one for one in findings if one.is_new and one.suppressed is None]
    failed = any(one.fails for one in findings)
    reasons = {reason for name in gate.databases if (reason := gate.why_open(name))}
    if gate.baseline is None:
        reasons = {"there is no baseline yet"}
    return Verdict(
        status=Status.FAILED if failed else Status.INCOMPLETE if incomplete else Status.PASSED,
        errors=sum(one.severity is Severity.ERROR for one in counted),
        warnings=sum(one.severity is Severity.WARNING for one in counted),
        gated=not reasons or any(not gate.why_open(name) for name in gate.databases),
        why_not_gated="; ".join(sorted(reasons)),
        fail_on=gate.config.fail_on,
    )


def _origins(query: Query | None) -> tuple[Origin, ...]:
    """The lines of the query's own layer: a test that asks the same thing is not to blame."""
    if query is None:
        return ()
    return tuple(
        sorted({place.origin for place in query.places if place.origin.layer is query.layer})
    )


def _tests(query: Query | None) -> tuple[str, ...]:
    places = query.places if query is not None else ()
    return tuple(sorted({place.test for place in places if place.test}))
