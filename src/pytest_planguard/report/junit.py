"""JUnit XML: a query is a test, so that CI systems show each with its history.

As the schema of Jenkins' xUnit plugin has it (junit-10.xsd), which pytest's own reports obey, too.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple
from xml.etree import ElementTree as ET

from pytest_planguard.model.finding import Finding
from pytest_planguard.model.plan import Unexplained
from pytest_planguard.model.report import DatabaseReport, QueryReport, Report, Status
from pytest_planguard.report import _finding as about
from pytest_planguard.report import _numbers as numbers
from pytest_planguard.report import _text as words

_MOST_SQL = 2_000
"""Characters of a statement; the JSON report has all of it."""


class _Case(NamedTuple):
    classname: str
    name: str
    failure: tuple[str, str, str] | None = None
    """Type, message and text."""
    skipped: str = ""
    output: str = ""


def render(report: Report) -> str:
    """A suite for each database, and one for the run itself, so that none is ever empty.

    A test fails where one of its findings fails the run; other findings are in its output. What
    could not be planned is skipped.
    """
    root = ET.Element("testsuites", name="planguard")
    suites = [_suite(root, "planguard", {"verdict": words.verdict(report)}, [_run(report)])]
    findings = _findings(report)
    names = sorted({*report.databases, *(one.query.database for one in report.queries)})
    for name in names:
        cases = [*_queries(report, name, findings), *_of_run(report, name)]
        suites.append(_suite(root, f"planguard {name}", _facts(report.databases.get(name)), cases))
    for attribute in ("tests", "failures", "errors"):
        root.set(attribute, str(sum(int(suite.get(attribute, "0")) for suite in suites)))
    ET.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def _suite(
    root: ET.Element, name: str, facts: dict[str, str], cases: Sequence[_Case]
) -> ET.Element:
    suite = ET.SubElement(
        root,
        "testsuite",
        name=words.clean(name),
        tests=str(len(cases)),
        failures=str(sum(case.failure is not None for case in cases)),
        errors="0",
        skipped=str(sum(bool(case.skipped) for case in cases)),
    )
    properties = ET.SubElement(suite, "properties")
    for key, text in facts.items():
        ET.SubElement(properties, "property", name=key, value=words.clean(text))
    for case in cases:
        _element(suite, case)
    return suite


def _element(suite: ET.Element, case: _Case) -> None:
    element = ET.SubElement(
        suite, "testcase", classname=words.clean(case.classname), name=words.clean(case.name)
    )
    if case.failure is not None:
        kind, message, text = case.failure
        failure = ET.SubElement(element, "failure", type=kind, message=message)
        failure.text = text
    elif case.skipped:
        ET.SubElement(element, "skipped", message=words.clean(case.skipped))
    if case.output:
        ET.SubElement(element, "system-out").text = case.output


def _facts(database: DatabaseReport | None) -> dict[str, str]:
    if database is None:
        return {}
    return {
        "server": f"PostgreSQL {database.server.version_text}",
        "provider": database.provider,
        "sizes": database.source.value,
        "exact": "yes" if database.fidelity.exact else "no",
        "reasons": "; ".join(database.fidelity.reasons),
    }


def _run(report: Report) -> _Case:
    """Whether the run came to its end."""
    notes = "\n".join(words.inert(words.clean(note)) for note in report.notes)
    case = _Case("planguard", "complete run", output=notes)
    if report.verdict.status is Status.INCOMPLETE:
        verdict = words.clean(words.verdict(report))
        return case._replace(failure=("incomplete", verdict, verdict))
    return case if report.complete else case._replace(skipped="tests were left out")


def _findings(report: Report) -> dict[tuple[str, str], list[Finding]]:
    """By database and query, worst first."""
    found: dict[tuple[str, str], list[Finding]] = {}
    for one in report.findings:
        found.setdefault((one.database, one.key), []).append(one)
    return found


def _queries(
    report: Report, database: str, findings: dict[tuple[str, str], list[Finding]]
) -> Iterable[_Case]:
    for one in report.queries:
        if one.query.database == database:
            yield _query(one, findings.get((database, one.query.key), []))


def _query(one: QueryReport, findings: Sequence[Finding]) -> _Case:
    origin = min((place.origin for place in one.query.places), default=None)
    file = origin.file if origin is not None else "planguard"
    function = origin.function if origin is not None and words.has_line(origin) else "query"
    case = _Case(_dotted(file), f"{function} {one.query.key}")
    if isinstance(one.outcome, Unexplained) and not findings:
        skipped = f"not planned: {one.outcome.reason}"
        return case._replace(skipped=skipped, output="\n".join(_statement(one)))
    return _judged(case, findings, one)


def _of_run(report: Report, database: str) -> Iterable[_Case]:
    """What rules say of the run as a whole, in a test of its own each: of no query there is."""
    queries = words.by_key(report)
    for one in report.findings:
        if one.database == database and (database, one.key) not in queries:
            subject = f" {one.relation}" if one.relation else ""
            yield _judged(_Case("planguard", f"{about.title(one)}{subject}"), [one], None)


def _judged(case: _Case, findings: Sequence[Finding], query: QueryReport | None) -> _Case:
    """What fails the run is the test's failure, what does not is its output."""
    statement = [] if query is None else _statement(query)
    told: dict[bool, list[str]] = {True: [], False: []}
    for one in findings:
        told[one.fails] += _told(one, query)
    if not told[True]:
        return case._replace(output="\n".join([*told[False], *statement])) if findings else case
    first = next(one for one in findings if one.fails)
    message = words.clean(f"{about.title(first)}: {about.sentence(first)}")
    failure = (first.rule, message, "\n".join([*told[True], *statement]))
    return case._replace(failure=failure, output="\n".join(told[False]))


def _told(finding: Finding, query: QueryReport | None) -> list[str]:
    """A finding and what would help, as lines."""
    state = "known" if not finding.is_new else finding.severity.value
    if finding.suppressed is not None:
        state = f"suppressed ({words.clean(finding.suppressed.reason)})"
    places = words.clean(words.places(finding.origins))
    sentence, *rest = about.told(finding, query)
    first = f"{state} {about.title(finding)}: {sentence}"
    return [first, *(f"  {line}" for line in (places, *rest) if line)]


def _statement(one: QueryReport) -> list[str]:
    """The query, and its worst plan."""
    lines = [words.shortened(one.query.sql, _MOST_SQL)]
    if not isinstance(one.outcome, Unexplained):
        worst = one.outcome.worst
        lines += [f"cost {numbers.cost(worst.cost)}", *worst.shape]
    return [words.inert(words.clean(line)) for line in lines]


def _dotted(file: str) -> str:
    """``app.orders``: Jenkins takes what stands before the last dot for the package."""
    return file.removesuffix(".py").replace("/", ".").replace(":", ".")
