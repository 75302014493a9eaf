"""The JSON report back as a report, so that it can be shown elsewhere than where it was made.

What the file does not hold is empty: catalogs, parameter values, plans' trees. Every format that
shows a report shows the same of one that was read back.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Literal, TypeVar

import msgspec

from pytest_planguard.errors import ReportError
from pytest_planguard.model.catalog import Catalog, Server
from pytest_planguard.model.finding import Advice, Finding, Severity, Suppressed
from pytest_planguard.model.plan import (
    Access,
    AccessPath,
    Plan,
    Planned,
    PlanNode,
    SampleKind,
    Unexplained,
)
from pytest_planguard.model.query import Query
from pytest_planguard.model.report import (
    Change,
    ChangeKind,
    DatabaseReport,
    Fidelity,
    QueryReport,
    RelationChange,
    Report,
    SelfCheck,
    Status,
    TableScale,
    Totals,
    Verdict,
)
from pytest_planguard.model.statement import Layer, Origin, Phase, Place
from pytest_planguard.model.statistics import ScaleSource
from pytest_planguard.report._read_migrations import ToldMigration, migration
from pytest_planguard.report.json import SCHEMA_VERSION

_Value = TypeVar("_Value")


class _Version(msgspec.Struct):
    schema: int


class _Origin(msgspec.Struct):
    file: str
    line: int
    function: str
    layer: Layer | None = None


class _Plan(msgspec.Struct):
    sample: SampleKind
    cost: float
    rows: float
    access: dict[str, Access]
    shape: tuple[str, ...]


class _Comparison(msgspec.Struct):
    cost_before: float | None = None
    cost_after: float | None = None
    relations: tuple[RelationChange, ...] = ()
    shape_before: tuple[str, ...] = ()
    shape_after: tuple[str, ...] = ()
    causes: tuple[str, ...] = ()
    statistics_only: bool = False
    note: str = ""


class _Edited(msgspec.Struct):
    key: str = ""
    sql: str = ""


class _Query(msgspec.Struct):
    key: str
    database: str
    sql: str
    parameter_types: tuple[str, ...]
    executions: int
    origins: tuple[_Origin, ...]
    tests: tuple[str, ...]
    plans: tuple[_Plan, ...]
    unexplained: str | None
    change: ChangeKind | None
    comparison: _Comparison | None = None
    edited_from: _Edited | None = None
    phases: tuple[Phase, ...] = ()


class _Gone(msgspec.Struct):
    key: str
    database: str
    change: ChangeKind
    sql: str = ""
    cost_before: float | None = None
    shape_before: tuple[str, ...] = ()


class _Finding(msgspec.Struct):
    rule: str
    name: str
    severity: Severity
    key: str
    database: str
    relation: str | None
    rows: float
    message: str
    remedy: str
    evidence: dict[str, float]
    explained_by: tuple[str, ...]
    advice: Advice | None
    origins: tuple[_Origin, ...]
    tests: tuple[str, ...]
    suppressed: Suppressed | None
    is_new: bool
    fails: bool


class _Server(msgspec.Struct):
    version: str
    provider: str


class _Scale(msgspec.Struct):
    source: ScaleSource
    tables: dict[str, TableScale]
    clock: str = ""


class _Database(msgspec.Struct):
    server: _Server
    scale: _Scale
    fidelity: Fidelity
    self_check: SelfCheck | None = None


class _Baseline(msgspec.Struct):
    found: bool = False
    known: int = 0
    accepted: int = 0


class _Gate(msgspec.Struct):
    gated: bool = True
    why_not_gated: str = ""
    fail_on: Literal["none", "error", "warning", "info"] = "error"


class _Verdict(msgspec.Struct):
    status: Status
    errors: int
    warnings: int


class _Document(msgspec.Struct):
    """The file; fields with a default are not part of the contract."""

    complete: bool
    databases: dict[str, _Database]
    totals: Totals
    queries: tuple[_Query, ...]
    findings: tuple[_Finding, ...]
    changes: dict[str, int]
    verdict: _Verdict
    gone: tuple[_Gone, ...] = ()
    baseline: _Baseline = msgspec.field(default_factory=_Baseline)
    gate: _Gate = msgspec.field(default_factory=_Gate)
    notes: tuple[str, ...] = ()
    incomplete_reason: str = ""
    migrations: tuple[ToldMigration, ...] = ()


def read(file: Path) -> Report:
    """The report a JSON file holds.

    Raises:
        ReportError: It is not there, truncated, of a newer planguard, or no JSON report.
    """
    try:
        data = file.read_bytes()
    except OSError as error:
        raise ReportError(
            f"{file} cannot be read: {error.strerror or error}",
            hint="write it with: pytest --planguard --planguard-report=json",
        ) from None
    return parse(data, str(file))


def parse(data: bytes, name: str) -> Report:
    """The report in a file's bytes.

    Args:
        data: UTF-8.
        name: Of the file, for messages.

    Raises:
        ReportError: As ``read``.
    """
    try:
        value = json.loads(data)  # not msgspec's: SQL may hold half of a surrogate pair
    except (ValueError, RecursionError) as error:
        raise ReportError(
            f"{name} is truncated or no JSON: {_lower(error)}",
            hint="write it again with --planguard-report=json",
        ) from None
    try:
        version = msgspec.convert(value, _Version).schema
        if version <= SCHEMA_VERSION:
            return _report(msgspec.convert(value, _Document))
    except msgspec.ValidationError as error:
        raise ReportError(
            f"{name} is no JSON report of planguard: {_lower(error)}",
            hint="name a file that --planguard-report=json wrote",
        ) from None
    raise ReportError(
        f"{name} has schema {version}, this planguard reads up to {SCHEMA_VERSION}",
        hint="upgrade pytest-planguard to the version that wrote it",
    )


def _lower(error: Exception) -> str:
    """Its words as a part of a sentence.

    >>> _lower(ValueError("Expecting value"))
    'expecting value'
    """
    text = str(error)
    return text[:1].lower() + text[1:]


def _report(document: _Document) -> Report:
    gate, verdict = document.gate, document.verdict
    return Report(
        complete=document.complete,
        databases={name: _database(one) for name, one in document.databases.items()},
        totals=document.totals,
        queries=tuple(map(_query, document.queries)),
        findings=tuple(map(_finding, document.findings)),
        changes=document.changes,
        gone=tuple(map(_gone, document.gone)),
        verdict=Verdict(
            verdict.status,
            verdict.errors,
            verdict.warnings,
            gated=gate.gated,
            why_not_gated=gate.why_not_gated,
            fail_on=None if gate.fail_on == "none" else Severity(gate.fail_on),
        ),
        notes=document.notes,
        incomplete_reason=document.incomplete_reason,
        baseline_found=document.baseline.found,
        accepted=document.baseline.accepted,
        known=document.baseline.known,
        migrations=tuple(map(migration, document.migrations)),
    )


def _database(one: _Database) -> DatabaseReport:
    server = Server(_version_number(one.server.version), one.server.version)
    return DatabaseReport(
        server=server,
        provider=one.server.provider,
        source=one.scale.source,
        tables=one.scale.tables,
        fidelity=one.fidelity,
        catalog=Catalog(server, {}, {}),
        clock=one.scale.clock,
        checked=one.self_check,
    )


def _version_number(text: str) -> int:
    """``server_version_num`` of a version's text; 0 where it is none.

    >>> _version_number("18.6"), _version_number("19beta1"), _version_number("?")
    (180006, 190000, 0)
    """
    found = re.match(r"(\d{1,3})(?:\.(\d{1,4}))?", text)
    return int(found[1]) * 10_000 + int(found[2] or 0) if found else 0


def _query(one: _Query) -> QueryReport:
    query = Query(
        key=one.key,
        database=one.database,
        sql=one.sql,
        parameter_types=one.parameter_types,
        variants=(),
        places=_places(one),
    )
    outcome = Planned(tuple(map(_plan, one.plans))) if one.plans else Unexplained(_why(one))
    return QueryReport(query, outcome, _change(one))


def _why(one: _Query) -> str:
    return one.unexplained or "no plan is in the report"


def _places(one: _Query) -> tuple[Place, ...]:
    """Every line, test and phase once: which belong to each other is not in the file."""
    if not one.origins:
        return ()
    phases = one.phases or (Phase.CALL if one.tests else Phase.OUTSIDE,)
    number = max(len(one.origins), len(one.tests), len(phases))
    return tuple(
        Place(
            origin=_origin(_at(one.origins, place)),
            test=_at(one.tests, place) if one.tests else "",
            phase=_at(phases, place),
            executions=one.executions if place == 0 else 0,
        )
        for place in range(number)
    )


def _at(values: tuple[_Value, ...], place: int) -> _Value:
    """The one there, or the last."""
    return values[min(place, len(values) - 1)]


def _origin(one: _Origin) -> Origin:
    library = Layer.LIBRARY if one.file.startswith("lib:") else Layer.APPLICATION
    return Origin(one.file, one.line, one.function, one.layer or library)


def _plan(one: _Plan) -> Plan:
    root = PlanNode(node_type="", total_cost=one.cost, rows=one.rows)
    access = {alias: AccessPath("", way) for alias, way in one.access.items()}
    return Plan(one.sample, root, access, one.shape)


def _change(one: _Query) -> Change | None:
    if one.change is None:
        return None
    told, before = one.comparison or _Comparison(), one.edited_from or _Edited()
    return Change(
        kind=one.change,
        key=one.key,
        database=one.database,
        relations=told.relations,
        cost_before=told.cost_before,
        cost_after=told.cost_after,
        shape_before=told.shape_before,
        shape_after=told.shape_after,
        causes=told.causes,
        statistics_only=told.statistics_only,
        note=told.note,
        sql=one.sql,
        renamed_from=before.key,
        sql_before=before.sql,
    )


def _gone(one: _Gone) -> Change:
    return Change(
        kind=one.change,
        key=one.key,
        database=one.database,
        cost_before=one.cost_before,
        shape_before=one.shape_before,
        sql=one.sql,
    )


def _finding(one: _Finding) -> Finding:
    values = {name: getattr(one, name) for name in one.__struct_fields__}
    return Finding(**{**values, "origins": tuple(map(_origin, one.origins))})
