"""SARIF 2.1.0: for GitHub's code scanning, and editors that show findings at their lines.

The format is OASIS's (sarif-v2.1.0-errata01-os); what of it GitHub shows and how much it takes is
in its "SARIF support for code scanning".
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from pytest_planguard.model.finding import Finding, RuleFacts, Severity
from pytest_planguard.model.report import Report, Status
from pytest_planguard.report import _finding as about
from pytest_planguard.report import _numbers as numbers
from pytest_planguard.report import _text as words

SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)

_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}
_PROBLEMS = {
    Severity.ERROR: "error",
    Severity.WARNING: "warning",
    Severity.INFO: "recommendation",
}
"""GitHub's words for a rule's severity."""
_ROOT = "%SRCROOT%"
_MOST_RELATED = 20
"""Other lines a finding names; one helper may be called from hundreds."""
_MOST_TESTS = 20
_PLACEHOLDER = re.compile(r"\{(\d+)\}")


def render(report: Report) -> str:
    """One run with all findings, known and suppressed ones too; ASCII only."""
    value = {"$schema": SCHEMA, "version": "2.1.0", "runs": [_run(report)]}
    return json.dumps(value, indent=2, sort_keys=True) + "\n"


def _run(report: Report) -> dict[str, Any]:
    # No automationDetails: GitHub takes an upload's category from there rather than from the
    # workflow, so that several services of a repository could not have one each.
    return {
        "tool": {"driver": {"name": "pytest-planguard", "rules": [*map(_rule, report.rules)]}},
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {_ROOT: {"description": {"text": "the top of the repository"}}},
        "invocations": [_invocation(report)],
        "results": _results(report),
        "properties": {
            "databases": {
                words.clean(name): words.clean(words.server(one))
                for name, one in report.databases.items()
            },
            "tests": report.totals.tests,
            "queries": report.totals.queries,
            "notPlanned": report.totals.unexplained,
            "verdict": report.verdict.status.value,
        },
    }


def _rule(facts: RuleFacts) -> dict[str, Any]:
    parts = {
        "When": facts.condition,
        "What happens": facts.effect,
        "What to do": facts.remedy,
        "Source": facts.source,
    }
    told = {name: words.clean(text) for name, text in parts.items()}
    return {
        "id": facts.code,
        "name": facts.name,
        "shortDescription": _message(f"{facts.code} {facts.name}"),
        "fullDescription": _message(told["When"]),
        "help": {
            "text": "\n".join(f"{name}: {text}" for name, text in told.items()),
            "markdown": "\n\n".join(f"**{name}.** {text}" for name, text in told.items()),
        },
        "defaultConfiguration": {"level": _LEVELS[facts.severity]},
        "properties": {
            "tags": ["performance", "postgresql"],
            "problem.severity": _PROBLEMS[facts.severity],
        },
    }


def _invocation(report: Report) -> dict[str, Any]:
    """Whether it came to its end, and what could not be done."""
    return {
        "executionSuccessful": report.verdict.status is not Status.INCOMPLETE,
        "toolExecutionNotifications": [
            {"level": level, "message": _message(words.clean(text))}
            for level, text in _notifications(report)
        ],
        "properties": {"complete": report.complete},
    }


def _notifications(report: Report) -> Iterator[tuple[str, str]]:
    if report.verdict.status is Status.INCOMPLETE:
        yield "error", words.verdict(report)
    elif not report.complete:
        yield "warning", "tests were left out: findings of an earlier run may be missing here"
    if loud := words.assumed(report):
        yield "warning", loud
    for note in report.notes:
        yield "note", note


def _results(report: Report) -> list[dict[str, Any]]:
    places = {facts.code: position for position, facts in enumerate(report.rules)}
    identities = about.fingerprints(report.findings, report.folder)
    queries = words.by_key(report)
    results = []
    for finding, identity in zip(report.findings, identities, strict=True):
        result = _result(finding, identity, report.folder)
        told = about.told(finding, queries.get((finding.database, finding.key)))
        result["message"] = _message("\n".join(told))
        if finding.rule in places:
            result["ruleIndex"] = places[finding.rule]
        if report.baseline_found:
            result["baselineState"] = "new" if finding.is_new else "unchanged"
        results.append(result)
    return results


def _result(finding: Finding, identity: str, folder: str) -> dict[str, Any]:
    first, *others = about.locations(finding, folder) or [about.location(finding, folder)]
    result = {
        "ruleId": finding.rule,
        "level": _LEVELS[finding.severity],
        "locations": [_location(first, finding.relation)],
        "partialFingerprints": _fingerprints(identity),
        "suppressions": _suppressions(finding),
        "properties": _properties(finding),
    }
    if others:
        result["relatedLocations"] = [
            _location(one, None) | {"message": {"text": "asked here too"}}
            for one in others[:_MOST_RELATED]
        ]
    return result


def _fingerprints(identity: str) -> dict[str, str]:
    """The same under the one name GitHub matches alerts by.

    Left out, its upload would fill it with a hash of the line of code: several queries of one line
    would be one alert, and an edit of the line would make a new one. (It warns that ours is another
    one, and keeps it.)
    """
    return {"planguardFinding/v1": identity, "primaryLocationLineHash": identity}


def _location(place: about.Location, relation: str | None) -> dict[str, Any]:
    logical = []
    if place.function:
        logical.append({"name": words.clean(place.function), "kind": "function"})
    if relation:
        logical.append({"fullyQualifiedName": words.clean(relation), "kind": "table"})
    found: dict[str, Any] = {
        "physicalLocation": {
            "artifactLocation": {"uri": _uri(place.file), "uriBaseId": _ROOT},
            "region": {"startLine": place.line},
        }
    }
    return found | ({"logicalLocations": logical} if logical else {})


def _uri(file: str) -> str:
    """A relative reference; every character that means something in one is escaped."""
    return quote(file.encode("utf-8", "backslashreplace"), safe="/")


def _suppressions(finding: Finding) -> list[dict[str, str]]:
    """An empty list says that nobody suppressed it (3.27.23)."""
    if finding.suppressed is None:
        return []
    reason = words.clean(finding.suppressed.reason)
    return [{"kind": "external", "status": "accepted", "justification": reason}]


def _properties(finding: Finding) -> dict[str, Any]:
    return {
        "database": words.clean(finding.database),
        "query": finding.key,
        "relation": words.clean(finding.relation) if finding.relation else None,
        "rows": numbers.whole(finding.rows),
        "evidence": {name: numbers.whole(one) for name, one in finding.evidence.items()},
        "explainedBy": sorted(finding.explained_by),
        "tests": [words.clean(test) for test in sorted(finding.tests)[:_MOST_TESTS]],
        "fails": finding.fails,
    }


def _message(text: str) -> dict[str, str]:
    """Text in which nothing is a link (3.11.6) or a placeholder (3.11.5)."""
    if "](" in text:
        text = text.replace("\\", "\\\\").replace("[", "\\[").replace("]", "\\]")
    return {"text": _PLACEHOLDER.sub(r"{{\1}}", text)}
