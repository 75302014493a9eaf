"""From a capture to a report, one step after the other."""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet

import msgspec

from pytest_planguard import registry
from pytest_planguard.baseline import accept, files
from pytest_planguard.baseline.compare import missing
from pytest_planguard.baseline.entries import world_from
from pytest_planguard.baseline.matching import under_todays_keys
from pytest_planguard.config import Config, thresholds_for
from pytest_planguard.errors import BaselineError, PlanguardError, ServerError
from pytest_planguard.model.baseline import Baseline
from pytest_planguard.model.capture import Capture, name_in
from pytest_planguard.model.finding import Candidate, Finding
from pytest_planguard.model.plan import Planned
from pytest_planguard.model.ports import PostgresServer
from pytest_planguard.model.query import Query
from pytest_planguard.model.report import (
    Change,
    ChangeKind,
    DatabaseReport,
    QueryReport,
    Report,
    Status,
    Totals,
    Verdict,
)
from pytest_planguard.model.settle import settle
from pytest_planguard.model.statement import Layer
from pytest_planguard.model.tenants import Tenants
from pytest_planguard.pipeline.budgets import refuse_unknown_tables
from pytest_planguard.pipeline.confidential import unknown_columns, without_values
from pytest_planguard.pipeline.connections import said_of_connections
from pytest_planguard.pipeline.databases import databases_of
from pytest_planguard.pipeline.facts import database_report
from pytest_planguard.pipeline.fixtures import Planner, open_planner, ready
from pytest_planguard.pipeline.gate import Gate, Key, as_configured, verdict
from pytest_planguard.pipeline.judge import Judged, judge
from pytest_planguard.pipeline.judges import judges_of
from pytest_planguard.pipeline.outcome import Options, Outcome
from pytest_planguard.pipeline.roles import bound_roles, not_applied, under_their_roles
from pytest_planguard.pipeline.suppressions import refuse_malformed
from pytest_planguard.pipeline.temporary import without_temporary
from pytest_planguard.pipeline.tenants import in_schemas_there_are
from pytest_planguard.pipeline.worlds import comparable
from pytest_planguard.sql.calls import loads
from pytest_planguard.sql.deep import room_for_deep_trees
from pytest_planguard.sql.normalise import queries as normalise

Progress = Callable[[str], None]


def run(
    config: Config,
    capture: Capture,
    options: Options = Options(),  # noqa: B008 - a frozen value
    progress: Progress = lambda _: None,
    server: PostgresServer | None = None,
) -> Outcome:
    """Plans, judges and compares what was captured; updates the baseline where asked.

    Args:
        config: The configuration.
        capture: What the tests sent.
        options: What to do besides.
        progress: Told in a few words what is being done.
        server: A server that is open already, for the embedded provider; None: one is opened.

    Returns:
        The report; an update that was refused, or could not be written, stands beside it.

    Raises:
        PlanguardError: The fixture database can't be had, the baseline can't be read, or the
            configuration does not fit the schema.
    """
    baseline = files.read(config.baseline)
    report = judged(config, capture, baseline, progress, server)
    if any(one.place.origin.layer is Layer.MIGRATION for one in capture.ddl):
        # what traces migrations takes a tenth of a second to import
        from pytest_planguard.pipeline.captured_migrations import with_migrations

        report = with_migrations(report, config, capture, baseline, progress, server)
    try:
        report = _accepted(config, baseline, report, options)
    except PlanguardError as refused:
        return Outcome(report, config.root, options.verbose, refused)
    return Outcome(report, config.root, options.verbose)


def judged(
    config: Config,
    capture: Capture,
    baseline: Baseline | None,
    progress: Progress = lambda _: None,
    server: PostgresServer | None = None,
) -> Report:
    """Plans, judges and compares; arguments and errors as of ``run``."""
    parts = _Parts(capture)
    with room_for_deep_trees(), ready(config, capture) as config:
        grouped = _by_database(config, capture, parts)
        every = [query for queries in grouped.values() for query in queries]
        refuse_malformed(capture, every)
        if baseline is not None:
            baseline = under_todays_keys(baseline, every, capture)
        for database, queries in grouped.items():
            _judge_database(config, capture, database, queries, baseline, parts, progress, server)
        return _report(config, capture, baseline, parts)


def plan_now(
    config: Config, capture: Capture, server: PostgresServer | None = None
) -> list[QueryReport]:
    """The queries of a capture with their plans at scale; nothing is judged."""
    parts = _Parts(capture)
    reports = []
    with room_for_deep_trees(), ready(config, capture) as config:
        for database, captured in _by_database(config, capture, parts).items():
            tenants = Tenants(config.tenant_schemas, config.tenant_model)
            with open_planner(config, database, capture, server=server) as planner:
                placed = in_schemas_there_are(captured, planner.catalog.tables, tenants)
                asked = _in_their_sessions(placed, config, database, capture, planner)
                queries = planner.explainer.fitted(asked)
                outcomes = planner.explainer.explain(queries)
            reports += [
                QueryReport(query, outcome, None)
                for query, outcome in zip(queries, outcomes, strict=True)
            ]
    return reports


class _Parts:
    """What the databases of a run have come to so far."""

    def __init__(self, capture: Capture) -> None:
        self.budgets = capture.budgets
        self.models = capture.models
        self.databases: dict[str, DatabaseReport] = {}
        self.judged: list[Judged] = []
        self.notes: list[str] = []
        self.incomplete = ""
        self.unplanned: list[Query] = []
        self.loads: dict[Key, float] = {}


def _by_database(config: Config, capture: Capture, parts: _Parts) -> dict[str, list[Query]]:
    """Queries by the configured database; names that match none are noted."""
    names = {statement.session.database for statement in capture.statements}
    database_of = databases_of(config, capture)
    known = {name: database_of(name) for name in names}
    strangers = sorted({name_in(name) for name, database in known.items() if database is None})
    if strangers:
        parts.notes.append(
            f"statements on {', '.join(strangers)} were not looked at: no configured database "
            "matches that name"
        )
    ours = msgspec.structs.replace(
        capture,
        statements=tuple(
            one for one in capture.statements if known[one.session.database] is not None
        ),
    )
    grouped: dict[str, list[Query]] = defaultdict(list)
    as_is = {name for name, spec in config.databases.items() if spec.as_is}
    for query in normalise(
        ours,
        report_name=lambda name: known.get(name) or name,
        clockless=as_is,
        tenants=Tenants(config.tenant_schemas, config.tenant_model),
    ):
        grouped[query.database].append(query)
    return dict(sorted(grouped.items()))


def judged_report(config: Config, capture: Capture, planner: Planner) -> Report:
    """The report of a capture whose fixture database is open already; no baseline."""
    parts = _Parts(capture)
    for database, queries in _by_database(config, capture, parts).items():
        placed = _in_their_sessions(queries, config, database, capture, planner)
        _judge_in(planner, config, database, placed, None, parts, lambda _: None)
    return _report(config, capture, None, parts)


def _judge_database(
    config: Config,
    capture: Capture,
    database: str,
    queries: Sequence[Query],
    baseline: Baseline | None,
    parts: _Parts,
    progress: Progress,
    server: PostgresServer | None,
) -> None:
    from pytest_planguard.fixturedb.connection import lost_server

    lost: ServerError | None = None
    try:
        with lost_server(), open_planner(config, database, capture, progress, server) as planner:
            try:
                with lost_server():
                    asked = _in_their_sessions(queries, config, database, capture, planner)
                    _judge_in(planner, config, database, asked, baseline, parts, progress)
            except ServerError as error:
                lost = error
    except ServerError:  # nor can anything be dropped on a server that is gone
        if lost is None:
            raise
    if lost is not None:
        parts.incomplete = lost.message
        parts.unplanned += queries


def _in_their_sessions(
    queries: Sequence[Query], config: Config, database: str, capture: Capture, planner: Planner
) -> Sequence[Query]:
    """The queries as their sessions saw the database: its temporary tables, and their roles."""
    ddl = [
        one.text for one in capture.ddl if databases_of(config, capture)(one.database) == database
    ]
    plain = {table.name for table in planner.catalog.tables.values()}
    queries = without_temporary(queries, ddl, plain)
    if not planner.catalog.guarded:
        return queries
    return under_their_roles(queries, capture.databases, bound_roles(planner.fixture.conninfo))


def _judge_in(
    planner: Planner,
    config: Config,
    database: str,
    queries: Sequence[Query],
    baseline: Baseline | None,
    parts: _Parts,
    progress: Progress,
) -> None:
    tenants = Tenants(config.tenant_schemas, config.tenant_model)
    queries = in_schemas_there_are(queries, planner.catalog.tables, tenants)
    facts = database_report(config.databases[database], planner)
    parts.databases[database] = facts
    thresholds = thresholds_for(config, planner.catalog.tables)
    world = world_from(facts)
    if baseline is not None:
        baseline, notes = comparable(baseline, database, world)
        parts.notes += notes
    judged = judge(
        config, thresholds, planner, queries, baseline, world, progress,
        parts.budgets, parts.models,
    )  # fmt: skip
    parts.judged.append(judged)
    parts.notes += judged.notes
    if not config.databases[database].as_is:  # there the role of its URL plans, policies and all
        parts.notes += not_applied(judged.outcomes, planner.catalog)
    if planner.source is not None:  # the fixture's own statistics know no calls
        parts.loads.update(loads(planner.source.calls, judged.outcomes))


def _report(config: Config, capture: Capture, baseline: Baseline | None, parts: _Parts) -> Report:
    outcomes = [pair for judged in parts.judged for pair in judged.outcomes]
    queries = {(query.database, query.key): query for query, _ in outcomes}
    changes = {key: one for judged in parts.judged for key, one in judged.changes.items()}
    growth = {key: one for judged in parts.judged for key, one in judged.growth.items()}
    candidates: list[Candidate] = [one for judged in parts.judged for one in judged.candidates]
    judges = judges_of(config)
    candidates += said_of_connections(config, capture, parts.databases, judges)
    if capture.complete:
        catalogs = [one.catalog for one in parts.databases.values()]
        refuse_unknown_tables(config, parts.budgets, catalogs, outcomes)
    today = dt.datetime.now(dt.UTC).date()
    gate = Gate(config, baseline, parts.databases, changes, capture, today, parts.loads)
    findings = gate.findings(settle(as_configured(config, candidates)), queries)
    complete = capture.complete and not parts.incomplete
    silent = gate.suppressions(queries).notes(
        findings, queries, complete=complete, looked_at=looked_at
    )
    findings = without_values(findings, queries)
    incomplete = parts.incomplete or capture.interrupted
    absent = _absent(baseline, queries, capture, parts)
    return Report(
        complete=complete,
        databases=parts.databases,
        totals=_totals(capture, parts, outcomes),
        queries=tuple(
            QueryReport(query, outcome, changes.get(where), growth.get(where))
            for query, outcome in outcomes
            for where in ((query.database, query.key),)
        ),
        findings=findings,
        changes=_counted(changes, absent),
        gone=absent,
        verdict=verdict(gate, findings, incomplete),
        notes=(
            *capture.notes,
            *parts.notes,
            *judges.notes,
            *silent,
            *gate.growth_note(findings),
            *unknown_columns(config, parts.databases, capture),
        ),
        incomplete_reason=incomplete,
        baseline_found=baseline is not None,
        known=sum(not one.is_new for one in findings),
        cut_short=frozenset(capture.cut_short),
        rules=tuple(one.FACTS for code, one in registry.rules().items() if config.wants(code)),
        folder=capture.folder or config.folder,
    )


def looked_at(code: str) -> bool:
    """Whether a run of tests asks a rule: some are on migrations alone."""
    rule = registry.rules()[code]
    return hasattr(rule, "check") or hasattr(rule, "check_run")


def _totals(capture: Capture, parts: _Parts, outcomes: Sequence[tuple[Query, object]]) -> Totals:
    explained = sum(isinstance(outcome, Planned) for _, outcome in outcomes)
    total = len(outcomes) + len(parts.unplanned)
    asked = [query for query, _ in outcomes]  # no drivers' probes, no DDL: workers repeat them
    return Totals(
        tests=len(capture.finished),
        statements=sum(query.executions for query in (*asked, *parts.unplanned)),
        queries=total,
        explained=explained,
        unexplained=total - explained,
    )


def _absent(
    baseline: Baseline | None, queries: dict[Key, Query], capture: Capture, parts: _Parts
) -> tuple[Change, ...]:
    if baseline is None:
        return ()
    seen = queries.keys() | {(query.database, query.key) for query in parts.unplanned}
    return missing(baseline, seen, capture, complete=capture.complete)


def _counted(changes: dict[Key, Change], absent: Sequence[Change]) -> dict[str, int]:
    counts = Counter(one.kind.value for one in (*changes.values(), *absent))
    return {kind.value: counts.get(kind.value, 0) for kind in ChangeKind}


def _accepted(
    config: Config, baseline: Baseline | None, report: Report, options: Options
) -> Report:
    """Writes the baseline where asked; what it accepts no longer fails."""
    if not (options.update or options.update_new or options.trim):
        return report
    lost = report.totals.queries > len(report.queries)  # their database was
    if report.incomplete_reason and (options.trim or lost):
        action = "trimmed" if options.trim else "updated"
        raise BaselineError(
            f"the baseline is not {action}: the run is incomplete ({report.incomplete_reason})",
            hint="run the whole suite to its end, then do it again",
        )
    mode: accept.Mode = "all" if options.update else "new"
    # to trim alone accepts nothing
    only = None if options.update or options.update_new else frozenset[str]()
    written = accept.update(
        config.baseline, baseline, report, mode, options.reason, trim=options.trim, only=only
    )
    taken = accept.accepted_keys(report, baseline, mode, only)
    findings = tuple(
        msgspec.structs.replace(finding, fails=finding.fails and not _is_in(finding, taken, only))
        for finding in report.findings
    )
    return msgspec.structs.replace(
        report, findings=findings, accepted=written, verdict=_lifted(report, findings)
    )


def _is_in(finding: Finding, taken: AbstractSet[Key], only: frozenset[str] | None) -> bool:
    """Whether an update accepted a finding; one of the run as a whole goes with everything."""
    return (finding.database, finding.key) in taken or (not finding.key and only is None)


def _lifted(report: Report, findings: tuple[Finding, ...]) -> Verdict:
    status = report.verdict.status
    if status is Status.FAILED and not any(finding.fails for finding in findings):
        status = Status.INCOMPLETE if report.incomplete_reason else Status.PASSED
    return msgspec.structs.replace(report.verdict, status=status)
