"""The report for programs: the same bytes for the same code, whenever and wherever it runs.

``read.py`` makes a report of it again; what it needs beyond the contract stands beside it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from pytest_planguard.model.finding import Finding
from pytest_planguard.model.migration import Built, Migration, Step, Work
from pytest_planguard.model.plan import Plan, Planned
from pytest_planguard.model.report import (
    Change,
    ChangeKind,
    DatabaseReport,
    QueryReport,
    Report,
    Verdict,
)
from pytest_planguard.model.statement import Origin
from pytest_planguard.report._numbers import whole as _number

SCHEMA_VERSION = 1

_MOVED = frozenset({ChangeKind.WORSE, ChangeKind.CHANGED, ChangeKind.BETTER})
"""Changes of which there is more to tell than their kind."""


def render(report: Report) -> str:
    """The JSON report; ASCII only, so that no terminal or editor acts on foreign text."""
    value = {
        "schema": SCHEMA_VERSION,
        "complete": report.complete,
        "databases": {name: _database(one) for name, one in report.databases.items()},
        "totals": {
            "tests": report.totals.tests,
            "statements": report.totals.statements,
            "queries": report.totals.queries,
            "explained": report.totals.explained,
            "unexplained": report.totals.unexplained,
        },
        "queries": [_query(one) for one in report.queries],
        "findings": [_finding(one) for one in report.findings],
        "changes": {kind.value: report.changes.get(kind.value, 0) for kind in ChangeKind},
        "gone": [_gone(one) for one in report.gone],
        "baseline": {
            "found": report.baseline_found,
            "known": report.known,
            "accepted": report.accepted,
        },
        "notes": sorted(report.notes),
        "gate": _gate(report.verdict),
        "incomplete_reason": report.incomplete_reason,
        "verdict": {
            "status": report.verdict.status.value,
            "errors": report.verdict.errors,
            "warnings": report.verdict.warnings,
        },
    }
    if report.migrations:
        value["migrations"] = [_migration(one) for one in report.migrations]
    return json.dumps(value, indent=2, sort_keys=True) + "\n"


def _migration(migration: Migration) -> dict[str, Any]:
    return {
        "database": migration.database,
        "tool": migration.tool.value,
        "source": migration.source,
        "failure": migration.failure or None,
        "irreversible": migration.irreversible or None,
        "steps": [_step(one) for one in migration.steps],
    }


def _step(step: Step) -> dict[str, Any]:
    """Relations are schema-qualified; rows and bytes are production's."""
    return {
        "statement": step.statement,
        "file": step.place.file,
        "line": step.place.line,
        "transaction": step.transaction,
        "locks": [{"relation": one.relation, "mode": one.mode.value} for one in step.locks],
        "held": [{"relation": one.relation, "mode": one.mode.value} for one in step.held],
        "waits": sorted({one.mode.waits for one in step.blocking}),
        "reads": [_work(one) for one in step.reads],
        "rewrites": [_work(one) for one in step.rewrites],
        "builds": [{"index": one.name, **_work(one)} for one in (*step.built, *step.rebuilt)],
        "writes": [
            {"relation": one.relation, "verb": one.verb, "rows": _number(one.rows)}
            for one in step.changes
        ],
        "writes_unseen": [_work(one) for one in step.writes_unplanned],
        "drops": [
            {"kind": one.kind.value, "relation": one.relation, "name": one.name}
            for one in step.dropped
        ],
        "lock_timeout": step.lock_timeout,
        "refusal": step.refusal.message if step.refusal is not None else None,
        "verdict": list(step.verdict),
    }


def _work(work: Work | Built) -> dict[str, Any]:
    return {
        "relation": work.relation,
        "rows": _number(work.rows),
        "bytes": _number(work.bytes),
    }


def _gate(verdict: Verdict) -> dict[str, Any]:
    """Whether findings fail the run, from which severity on, and if not, why."""
    return {
        "gated": verdict.gated,
        "why_not_gated": verdict.why_not_gated,
        "fail_on": verdict.fail_on.value if verdict.fail_on is not None else "none",
    }


def _database(database: DatabaseReport) -> dict[str, Any]:
    return {
        "server": {"version": database.server.version_text, "provider": database.provider},
        "scale": {
            "source": database.source.value,
            "clock": database.clock,
            "tables": {
                name: {
                    "rows": _number(table.rows),
                    "pages": table.pages,
                    "source": table.source.value,
                }
                for name, table in database.tables.items()
            },
        },
        "self_check": None
        if database.checked is None
        else {"tables": database.checked.tables, "btrees": database.checked.btrees},
        "fidelity": {
            "exact": database.fidelity.exact,
            "reasons": sorted(database.fidelity.reasons),
        },
    }


def _query(one: QueryReport) -> dict[str, Any]:
    query = one.query
    planned = isinstance(one.outcome, Planned)
    return {
        "key": query.key,
        "database": query.database,
        "sql": query.sql,
        "parameter_types": list(query.parameter_types),
        "executions": query.executions,
        "layer": query.layer.value,
        "phases": sorted({place.phase.value for place in query.places}),
        "origins": _origins_by_layer(place.origin for place in query.places),
        "tests": sorted({place.test for place in query.places if place.test}),
        "plans": _plans(one.outcome.plans) if isinstance(one.outcome, Planned) else [],
        "unexplained": None if planned else getattr(one.outcome, "reason", ""),
        "change": one.change.kind.value if one.change is not None else None,
        "comparison": _comparison(one.change),
        "edited_from": _edited_from(one.change),
    }


def _edited_from(change: Change | None) -> dict[str, str] | None:
    """What the query was in the baseline, where its text has changed since."""
    if change is None or not change.renamed_from:
        return None
    return {"key": change.renamed_from, "sql": change.sql_before}


def _comparison(change: Change | None) -> dict[str, Any] | None:
    """The plan before and after, where it moved or is a tie."""
    if change is None or not (change.kind in _MOVED or change.note):
        return None
    return {
        "cost_before": _number_or_none(change.cost_before),
        "cost_after": _number_or_none(change.cost_after),
        "relations": [
            {"alias": one.alias, "relation": one.relation, "before": one.before, "after": one.after}
            for one in change.relations
        ],
        "shape_before": list(change.shape_before),
        "shape_after": list(change.shape_after),
        "causes": list(change.causes),
        "statistics_only": change.statistics_only,
        "note": change.note,
    }


def _gone(change: Change) -> dict[str, Any]:
    """An entry of the baseline that no query of this run belongs to."""
    return {
        "key": change.key,
        "database": change.database,
        "sql": change.sql,
        "change": change.kind.value,
        "cost_before": _number_or_none(change.cost_before),
        "shape_before": list(change.shape_before),
    }


def _plans(plans: Iterable[Plan]) -> list[dict[str, Any]]:
    """Worst first; plans of one cost by sample and shape."""
    ordered = sorted(plans, key=lambda plan: (-plan.cost, plan.sample.value, plan.shape))
    return [
        {
            "sample": plan.sample.value,
            "cost": _number(plan.cost),
            "rows": _number(plan.rows),
            "access": {alias: path.access.value for alias, path in plan.access.items()},
            "shape": list(plan.shape),
        }
        for plan in ordered
    ]


def _finding(finding: Finding) -> dict[str, Any]:
    advice = finding.advice
    return {
        "rule": finding.rule,
        "name": finding.name,
        "severity": finding.severity.value,
        "key": finding.key,
        "database": finding.database,
        "relation": finding.relation,
        "rows": _number(finding.rows),
        "message": finding.message,
        "remedy": finding.remedy,
        "evidence": {name: _number(value) for name, value in finding.evidence.items()},
        "explained_by": sorted(finding.explained_by),
        "advice": None
        if advice is None
        else {
            "ddl": list(advice.ddl),
            "cost_before": _number(advice.cost_before),
            "cost_after": _number(advice.cost_after),
            "size_bytes": advice.size_bytes,
            "also_helps": sorted(advice.also_helps),
            "rank": advice.rank,
            "writes": list(advice.writes),
            "notes": list(advice.notes),
            "operations": {tool: list(lines) for tool, lines in advice.operations.items()},
        },
        "origins": _origins(finding.origins),
        "tests": sorted(finding.tests),
        "suppressed": None if finding.suppressed is None else {"reason": finding.suppressed.reason},
        "is_new": finding.is_new,
        "fails": finding.fails,
    }


def _origins(origins: Iterable[Origin]) -> list[dict[str, Any]]:
    found = {(origin.file, origin.line, origin.function) for origin in origins}
    return [
        {"file": file, "line": line, "function": function} for file, line, function in sorted(found)
    ]


def _number_or_none(number: float | None) -> float | int | None:
    return None if number is None else _number(number)


def _origins_by_layer(origins: Iterable[Origin]) -> list[dict[str, Any]]:
    """Likewise, with whose line each is."""
    found = {(one.file, one.line, one.function, one.layer.value) for one in origins}
    return [
        {"file": file, "line": line, "function": function, "layer": layer}
        for file, line, function, layer in sorted(found)
    ]
