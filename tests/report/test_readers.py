"""What each format's readers make of every sample."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

import fix_readers
import fix_reports
from pytest_planguard.model.finding import Severity
from pytest_planguard.model.plan import Planned, Unexplained
from pytest_planguard.model.query import Variant
from pytest_planguard.model.report import Report, Status
from pytest_planguard.model.statement import Origin, Sample, Session
from pytest_planguard.report import find, formats, github, gitlab, junit, sarif, term

READERS: dict[str, Callable[[str], Any]] = {
    "github": fix_readers.commands,
    "gitlab": fix_readers.issues,
    "json": json.loads,
    "junit": fix_readers.suites,
    "markdown": fix_readers.comment,
    "sarif": fix_readers.log,
    "term": fix_readers.lines,
}
LONGEST = {
    "github": 100_000,
    "gitlab": 2_000_000,
    "json": 25_000_000,  # it alone has whole statements
    "junit": 4_000_000,
    "markdown": 65_000,
    "sarif": 6_000_000,
    "term": 40_000,
}
"""Characters, with 2,000 queries or a statement of ten megabytes."""


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize("sample", fix_reports.SAMPLES)
def test_every_sample_is_understood_and_nothing_in_it_is_alive(name: str, sample: str) -> None:
    text = find(name).render(fix_reports.SAMPLES[sample]())
    READERS[name](text)
    assert len(text) <= LONGEST[name]


def test_every_format_has_a_reader() -> None:
    assert set(formats()) - {"html"} == READERS.keys()  # that one is read by a browser


def with_values(secret: str) -> Report:
    """Values are in the plan and in the samples."""
    report = fix_reports.mixed()
    variant = Variant("SELECT $1", ("25",), Session("app", "psycopg"), (Sample((secret,)),))
    queries = []
    for one in report.queries:
        outcome = one.outcome
        if isinstance(outcome, Planned):
            plans = tuple(
                msgspec.structs.replace(
                    plan,
                    values=(secret,),
                    root=msgspec.structs.replace(plan.root, filter=f"(token = '{secret}'::text)"),
                )
                for plan in outcome.plans
            )
            outcome = Planned(plans)
        query = msgspec.structs.replace(one.query, variants=(variant,))
        queries.append(msgspec.structs.replace(one, query=query, outcome=outcome))
    return msgspec.structs.replace(report, queries=tuple(queries))


@pytest.mark.parametrize("name", formats())
def test_no_format_shows_a_parameters_value(name: str) -> None:
    assert "hunter2" not in find(name).render(with_values("hunter2"))
    assert "hunter2" not in term.render(with_values("hunter2"), verbose=True)


def moved(report: Report) -> Report:
    """The same findings after the code and the tables have moved on."""
    findings = [
        msgspec.structs.replace(
            one,
            origins=tuple(Origin(at.file, at.line + 30, at.function) for at in one.origins),
            rows=one.rows * 3,
            message=re.sub(r"\d", "7", one.message),
            evidence={},
        )
        for one in report.findings
    ]
    return msgspec.structs.replace(report, findings=tuple(reversed(findings)))


def identities(report: Report) -> list[set[str]]:
    results = json.loads(sarif.render(report))["runs"][0]["results"]
    issues = fix_readers.issues(gitlab.render(report))
    return [
        {one["partialFingerprints"]["planguardFinding/v1"] for one in results},
        {one["partialFingerprints"]["primaryLocationLineHash"] for one in results},
        {one["fingerprint"] for one in issues},
    ]


def test_a_finding_stays_itself_when_lines_move_and_tables_grow() -> None:
    report = fix_reports.mixed()
    assert identities(report) == identities(moved(report))
    assert len(identities(report)[0]) == 4


@pytest.mark.parametrize(
    "change",
    [
        {"rule": "PLN001"},
        {"key": "feed00000099"},
        {"database": "archive"},
        {"relation": "public.x"},
    ],
)
def test_another_rule_query_or_table_is_another_finding(change: dict[str, str]) -> None:
    report = fix_reports.one_finding()
    (finding,) = report.findings
    other = msgspec.structs.replace(report, findings=(msgspec.structs.replace(finding, **change),))
    assert all(a.isdisjoint(b) for a, b in zip(identities(report), identities(other), strict=True))


def of_the_run(*messages: str) -> Report:
    report = fix_reports.one_finding()
    (finding,) = report.findings
    found = tuple(
        msgspec.structs.replace(
            finding, rule="ENV003", key="", relation=None, message=text, origins=(), tests=(),
            advice=None, fails=False,
        )
        for text in messages
    )  # fmt: skip
    return msgspec.structs.replace(report, findings=found)


def test_what_one_rule_says_of_a_run_is_told_apart_by_its_words_without_their_numbers() -> None:
    before = of_the_run("statistics are 31 days old", "index a is gone", "index a is gone")
    after = of_the_run("statistics are 45 days old", "index a is gone", "index a is gone")
    assert identities(before) == identities(after)
    assert len(identities(before)[0]) == 3


def test_a_finding_without_a_line_stands_at_its_test_and_one_of_the_run_at_the_configuration() -> (
    None
):
    report = of_the_run("old")
    (finding,) = fix_reports.one_finding().findings
    library = msgspec.structs.replace(finding, origins=(Origin("lib:celery", 1, ""),))
    report = msgspec.structs.replace(report, findings=(library, *report.findings))
    places = [one["location"]["path"] for one in fix_readers.issues(gitlab.render(report))]
    assert places == ["tests/test_feed.py", "pyproject.toml"]
    results = json.loads(sarif.render(report))["runs"][0]["results"]
    uris = [one["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for one in results]
    assert uris == places


def test_what_hosts_read_names_files_from_the_top_of_the_repository_and_people_do_not() -> None:
    report = msgspec.structs.replace(fix_reports.mixed(), folder="services/shop")
    (_, where, _), *_ = fix_readers.commands(github.render(report))
    issue, *_ = fix_readers.issues(gitlab.render(report))
    first, _, third, _ = json.loads(sarif.render(report))["runs"][0]["results"]
    (related,) = third["relatedLocations"]
    assert where["file"] == issue["location"]["path"] == "services/shop/app/orders.py"
    for one in (*first["locations"], related):
        uri = one["physicalLocation"]["artifactLocation"]["uri"]
        assert uri.startswith("services/shop/app/")
    for name in ("term", "markdown", "json", "html", "junit"):
        assert "services/shop" not in find(name).render(report)


def test_two_services_of_a_repository_that_send_one_query_have_a_finding_each() -> None:
    report = fix_reports.one_finding()
    services = [msgspec.structs.replace(report, folder=name) for name in ("orders", "payments")]
    assert identities(services[0])[0].isdisjoint(identities(services[1])[0])


@pytest.mark.parametrize(
    ("message", "said"),
    [
        (
            "reads 900 rows of public.events to keep 2",
            "reads 900 rows of public.events (8.1M rows)",
        ),
        ("reads 8.1M rows of public.events to keep 2", "reads 8.1M rows of public.events to keep"),
        ("reads 900 rows to keep 2", "public.events (8.1M rows): reads 900 rows to keep 2"),
        ("reads public.events_2025", "public.events (8.1M rows): reads public.events_2025"),
    ],
)
def test_a_table_and_its_size_are_named_once(message: str, said: str) -> None:
    report = fix_reports.one_finding()
    found = tuple(msgspec.structs.replace(one, message=message) for one in report.findings)
    (issue,) = fix_readers.issues(gitlab.render(msgspec.structs.replace(report, findings=found)))
    assert issue["description"].startswith(f"IDX001 missing-index: {said}")


# SARIF


def run_of(report: Report) -> dict[str, Any]:
    (run,) = json.loads(sarif.render(report))["runs"]
    return dict(run)


def test_sarif_has_line_rule_help_state_and_suppression_of_each_finding() -> None:
    run = run_of(fix_reports.mixed())
    first, _, third, last = run["results"]
    assert first["locations"][0]["physicalLocation"] == {
        "artifactLocation": {"uri": "app/orders.py", "uriBaseId": "%SRCROOT%"},
        "region": {"startLine": 41},
    }
    assert (first["level"], third["level"]) == ("error", "warning")
    assert {one["baselineState"] for one in run["results"]} == {"new"}
    assert third["relatedLocations"][0]["physicalLocation"]["region"] == {"startLine": 7}
    assert first["suppressions"] == []
    assert last["suppressions"][0]["justification"] == "read once a year"
    rule = run["tool"]["driver"]["rules"][first["ruleIndex"]]
    assert rule["id"] == first["ruleId"] == "PLN003"
    assert "What to do: an index" in rule["help"]["text"]


def test_sarif_calls_what_the_baseline_knows_unchanged_and_says_nothing_without_one() -> None:
    report = fix_reports.one_finding()
    known = tuple(msgspec.structs.replace(one, is_new=False) for one in report.findings)
    run = run_of(msgspec.structs.replace(report, findings=known))
    assert run["results"][0]["baselineState"] == "unchanged"
    assert "baselineState" not in run_of(fix_reports.first_run())["results"][0]


@pytest.mark.parametrize(
    ("report", "complete", "successful", "levels"),
    [
        (fix_reports.empty(), True, True, []),
        (fix_reports.mixed(), False, True, ["warning", "note"]),
        (fix_reports.incomplete(), False, False, ["error"]),
    ],
)
def test_sarif_says_whether_the_run_is_complete(
    report: Report, complete: bool, successful: bool, levels: list[str]
) -> None:
    (invocation,) = run_of(report)["invocations"]
    assert invocation["properties"] == {"complete": complete}
    assert invocation["executionSuccessful"] is successful
    assert [one["level"] for one in invocation["toolExecutionNotifications"]] == levels


# GitHub


def findings(*kinds: tuple[Severity, bool]) -> Report:
    """Findings of a severity each that fail or do not."""
    parts = []
    for number, (severity, fails) in enumerate(kinds):
        query, finding = fix_reports.missing_index(f"{number:012x}")
        finding = msgspec.structs.replace(finding, severity=severity, fails=fails)
        parts.append((query, finding))
    return fix_reports.report(*parts)


def test_github_takes_ten_of_a_kind_worst_first_and_is_told_how_many_are_left() -> None:
    report = findings(*[(Severity.ERROR, True)] * 13, *[(Severity.WARNING, False)] * 11)
    found = fix_readers.commands(github.render(report))
    assert [kind for kind, _, _ in found] == ["error"] * 10 + ["warning"] * 10 + ["notice"]
    assert found[-1][2] == "3 errors and 1 warning more: see the report of the run"


def test_github_is_red_only_where_the_run_is() -> None:
    report = findings((Severity.ERROR, False), (Severity.INFO, False))
    assert [kind for kind, _, _ in fix_readers.commands(github.render(report))] == ["warning"]


def test_github_gets_file_line_title_and_what_to_do() -> None:
    ((kind, where, message),) = fix_readers.commands(github.render(fix_reports.one_finding()))
    title = "IDX001 missing-index"
    assert (kind, where) == ("error", {"file": "app/feed.py", "line": "88", "title": title})
    assert message.splitlines()[0].startswith("public.events: reads 8.1M rows")
    assert "CREATE INDEX CONCURRENTLY ON public.events" in message


def test_github_unescapes_to_the_text_itself() -> None:
    (finding,) = fix_reports.one_finding().findings
    odd = msgspec.structs.replace(
        finding, message="50 % of a,b: c%0Ad", origins=(Origin("a,b:c%.py", 1, "f"),)
    )
    report = msgspec.structs.replace(fix_reports.one_finding(), findings=(odd,))
    ((_, where, message),) = fix_readers.commands(github.render(report))
    assert where["file"] == "a,b:c%.py"
    assert "50 % of a,b: c%0Ad" in message.splitlines()[0]


def test_github_and_gitlab_say_that_a_run_broke_off() -> None:
    report = fix_reports.incomplete()
    said = "incomplete: the server was lost while planning"
    assert fix_readers.commands(github.render(report)) == [("error", {"title": "planguard"}, said)]
    (issue,) = fix_readers.issues(gitlab.render(report))
    assert issue["description"] == f"planguard is {said}; findings may be missing here"

    verdict = msgspec.structs.replace(report.verdict, status=Status.INCOMPLETE)
    many = findings(*[(Severity.ERROR, True)] * 10)
    broken = msgspec.structs.replace(many, verdict=verdict)
    found = fix_readers.commands(github.render(broken))
    assert [kind for kind, _, _ in found] == ["error"] * 10 + ["notice"]


# JUnit


def cases(report: Report) -> dict[str, Any]:
    root = fix_readers.suites(junit.render(report))
    return {case.get("name"): case for case in root.iter("testcase")}


def test_junit_has_a_test_for_each_query_that_fails_where_the_run_does() -> None:
    found = cases(fix_reports.mixed())
    worse = found["list_orders 0a1b2c3d4e5f"]
    assert worse.get("classname") == "app.orders"
    failure = worse.find("failure")
    assert failure.get("type") == "PLN003"
    assert failure.get("message").startswith("PLN003 plan-regression: public.orders: reads 47.0M")
    assert "bring orders_customer_id_idx back" in failure.text
    warned = found["by_email feed00000002"]
    assert warned.find("failure") is None
    assert "warning PLN001" in warned.find("system-out").text
    silenced = found["latest feed00000003"]
    assert silenced.find("failure") is None
    assert "suppressed (read once a year) IDX001" in silenced.find("system-out").text
    skipped = found["fill dead00000001"].find("skipped")
    assert skipped.get("message") == "not planned: a temporary table of the test"


def test_junit_tells_of_a_run_that_broke_off_and_of_one_that_left_tests_out() -> None:
    broken = cases(fix_reports.incomplete())["complete run"].find("failure")
    assert broken.get("message") == "incomplete: the server was lost while planning"
    assert cases(fix_reports.mixed())["complete run"].find("skipped") is not None
    assert len(cases(fix_reports.empty())["complete run"]) == 0


def test_junit_has_what_is_said_of_the_run_as_a_test() -> None:
    case = cases(of_the_run("statistics are 31 days old"))["ENV003 missing-index"]
    assert "statistics are 31 days old" in case.find("system-out").text


def test_junit_loses_no_finding_of_a_query_without_a_plan_or_that_is_not_there() -> None:
    part, finding = fix_reports.missing_index()
    unplanned = msgspec.structs.replace(part, outcome=Unexplained("the server refused it"))
    case = cases(fix_reports.report((unplanned, finding)))["latest feed00000001"]
    assert case.find("failure").get("type") == "IDX001"
    alone = msgspec.structs.replace(fix_reports.report((part, finding)), queries=())
    case = cases(alone)["IDX001 missing-index public.events"]
    assert case.find("failure") is not None


def test_junit_names_server_and_sizes_as_properties() -> None:
    root = fix_readers.suites(junit.render(fix_reports.mixed()))
    suite = next(one for one in root if one.get("name") == "planguard default")
    properties = {one.get("name"): one.get("value") for one in suite.iter("property")}
    assert properties["server"] == "PostgreSQL 18.6"
    assert (properties["sizes"], properties["exact"]) == ("declared", "no")
