"""Workflow commands for GitHub Actions: findings at their lines in a pull request.

Commands and how they are escaped are those of "Workflow commands for GitHub Actions" and of the
toolkit's ``core.error``.
"""

from __future__ import annotations

from pytest_planguard.model.finding import Finding, Severity
from pytest_planguard.model.report import QueryReport, Report, Status
from pytest_planguard.report import _finding as about
from pytest_planguard.report import _numbers as numbers
from pytest_planguard.report import _text as words

MOST = 10
"""Annotations of a kind that GitHub takes from one step; it drops the rest without a word."""


def render(report: Report) -> str:
    """A command a line, worst first; what does not fit is one notice; nothing: an empty text.

    An annotation is an error where the finding fails the run: red only where the run is red.
    """
    found = [one for one in words.open_findings(report) if one.severity is not Severity.INFO]
    errors = [one for one in found if one.fails]
    warnings = [one for one in found if not one.fails]
    queries = words.by_key(report)
    broken = _incomplete(report)
    most = MOST - len(broken)
    lines = [
        *broken,
        *(_annotation("error", one, queries, report.folder) for one in errors[:most]),
        *(_annotation("warning", one, queries, report.folder) for one in warnings[:MOST]),
        *_left(len(errors) - most, len(warnings) - MOST),
    ]
    return "".join(f"{line}\n" for line in lines)


def data(text: str) -> str:
    r"""A command's message.

    >>> data("50 %\nthen")
    '50 %25%0Athen'
    """
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def value(text: str) -> str:
    """The value of a command's property, on one line.

    >>> value("app/a,b: 1.py")
    'app/a%2Cb%3A 1.py'
    """
    return data(words.clean(text)).replace(":", "%3A").replace(",", "%2C")


def _annotation(
    kind: str, finding: Finding, queries: dict[tuple[str, str], QueryReport], folder: str
) -> str:
    place = about.location(finding, folder)
    where = f"file={value(place.file)},line={place.line}"
    told = about.told(finding, queries.get((finding.database, finding.key)))
    message = data("\n".join(told))
    return f"::{kind} {where},title={value(about.title(finding))}::{message}"


def _incomplete(report: Report) -> list[str]:
    """A run that broke off is an error of its own."""
    if report.verdict.status is not Status.INCOMPLETE:
        return []
    return [f"::error title=planguard::{data(words.clean(words.verdict(report)))}"]


def _left(errors: int, warnings: int) -> list[str]:
    counts = [
        numbers.counted(count, noun)
        for count, noun in ((errors, "error"), (warnings, "warning"))
        if count > 0
    ]
    if not counts:
        return []
    return [f"::notice title=planguard::{' and '.join(counts)} more: see the report of the run"]
