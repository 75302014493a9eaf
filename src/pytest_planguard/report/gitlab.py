"""GitLab's code quality report: the fields of "Code Quality report format" in its documentation."""

from __future__ import annotations

import json
from typing import Any

from pytest_planguard.model.finding import Finding, Severity
from pytest_planguard.model.report import QueryReport, Report, Status
from pytest_planguard.report import _finding as about
from pytest_planguard.report import _text as words

_SEVERITIES = {Severity.ERROR: "critical", Severity.WARNING: "minor", Severity.INFO: "info"}
"""Of info, minor, major, critical and blocker."""


def render(report: Report) -> str:
    """A list of all findings that nobody suppressed, known ones too; ASCII only.

    GitLab compares the list with the target branch's by fingerprints: what is in both is not shown,
    and what only the branch's has is called resolved.
    """
    identities = about.fingerprints(report.findings, report.folder)
    queries = words.by_key(report)
    issues = [_incomplete(report)] if report.verdict.status is Status.INCOMPLETE else []
    issues += [
        _issue(
            finding,
            identity,
            queries.get((finding.database, finding.key)),
            about.location(finding, report.folder),
        )
        for finding, identity in zip(report.findings, identities, strict=True)
        if finding.suppressed is None
    ]
    return json.dumps(issues, indent=2, sort_keys=True) + "\n"


def _incomplete(report: Report) -> dict[str, Any]:
    """A run that broke off: without a word what is missing would be taken for resolved."""
    said = words.clean(words.verdict(report))
    return {
        "description": f"planguard is {said}; findings may be missing here",
        "check_name": "planguard",
        "fingerprint": about.INCOMPLETE,
        "severity": "critical",
        "location": {"path": about.path(about.CONFIGURATION, report.folder), "lines": {"begin": 1}},
    }


def _issue(
    finding: Finding, identity: str, query: QueryReport | None, place: about.Location
) -> dict[str, Any]:
    said = "; ".join(about.told(finding, query))
    return {
        "description": f"{about.title(finding)}: {said}",
        "check_name": finding.rule,
        "fingerprint": identity,
        "severity": _SEVERITIES[finding.severity],
        "location": {"path": words.clean(place.file), "lines": {"begin": place.line}},
    }
