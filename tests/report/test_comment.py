from __future__ import annotations

import re

import msgspec
import pytest

import fix_readers
import fix_reports
from pytest_planguard.errors import ConfigurationError
from pytest_planguard.model.acceptance import Acceptance, Acceptances
from pytest_planguard.model.baseline import Origin
from pytest_planguard.model.report import ChangeKind
from pytest_planguard.report import comment, markdown
from pytest_planguard.report.comment import Section

ORIGINS = (Origin("app/feed.py", "latest"),)
LONG = fix_reports.report(
    *(fix_reports.missing_index(f"{number:012x}") for number in range(300)), changes={"new": 300}
)


def accepts(**given):
    one = Acceptance(
        ("IDX001", "PLN001"), "public.events", "error", "read once a year", "ab", "default", ORIGINS
    )
    return Acceptances(**({"findings": (one,), "new": 3} | given))


@pytest.mark.parametrize("sample", fix_reports.SAMPLES)
def test_of_one_report_it_is_the_markdown_report(sample):
    report = fix_reports.SAMPLES[sample]()
    assert comment.render([Section("", report)]) == markdown.render(report)


def test_what_was_accepted_is_listed_once_for_a_rule_and_those_it_stands_for():
    text = comment.render([Section("", fix_reports.empty(), accepts())])
    assert "#### Accepted by this pull request\n\n1 finding accepted; 3 new queries.\n" in text
    line = "- error IDX001, PLN001 `public.events` · `app/feed.py latest`: read once a year\n"
    assert line in text


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"findings": (), "new": 0, "changed": 1, "dropped": 2}, "1 changed plan, 2 queries dropp"),
        ({"begins": True}, "The baseline begins here: 1 finding accepted; 3 new queries."),
    ],
)
def test_what_was_accepted_is_counted(given, sentence):
    assert sentence in comment.render([Section("", fix_reports.empty(), accepts(**given))])


def test_acceptances_beyond_fifty_are_counted():
    one = accepts().findings[0]
    text = comment.render([Section("", fix_reports.empty(), accepts(findings=(one,) * 64))])
    assert text.count("read once a year") == 50
    assert "- and 14 more\n" in text


def test_a_reason_nobody_gave_and_what_is_not_known_are_said():
    silent = msgspec.structs.replace(accepts().findings[0], reason="", relation=None)
    text = comment.render([Section("", fix_reports.empty(), accepts(findings=(silent,)))])
    assert "- error IDX001, PLN001 · `app/feed.py latest`: no reason was given\n" in text
    unknown = Section("", fix_reports.empty(), why_unknown="there is no git history to ask")
    assert "is not known: there is no git history to ask.\n" in comment.render([unknown])


def test_several_reports_have_a_section_each_below_one_verdict():
    sections = [Section("orders", fix_reports.mixed()), Section("billing", fix_reports.empty())]
    lines = comment.render(sections, tag="all").splitlines()
    assert lines[:2] == [
        "<!-- pytest-planguard: all -->",
        "## ❌ planguard: 1 of 2 reports failed",
    ]
    heads = [line for line in lines if line.startswith("### ")]
    assert heads == ["### ❌ orders: failed: 2 errors, 1 warning", "### ✅ billing: passed"]
    assert sum("<!--" in line for line in lines) == 1


@pytest.mark.parametrize(
    ("samples", "head"),
    [
        (("empty", "empty"), "## ✅ planguard passed: 2 reports"),
        (("empty", "incomplete"), "## ⚠️ planguard: 1 of 2 reports incomplete"),
        (("incomplete", "mixed", "mixed"), "## ❌ planguard: 2 of 3 reports failed"),
    ],
)
def test_the_verdict_over_all_is_the_worst(samples, head):
    sections = [Section(name, fix_reports.SAMPLES[name]()) for name in samples]
    assert comment.render(sections).splitlines()[1] == head


def test_the_longest_section_is_told_in_less_detail_and_the_run_is_linked():
    sections = [Section("small", fix_reports.mixed()), Section("large", LONG)]
    text = comment.render(sections, link="https://ci.example/run/1")
    assert len(text) <= markdown.LONGEST
    small, large = text.split("### ❌ large")
    assert "<details>" in small
    assert "<details>" not in large
    assert text.endswith("All of it is in [the run](https://ci.example/run/1).\n")


def test_what_is_told_whole_has_no_link_so_that_it_is_the_same_in_every_run():
    assert "ci.example" not in comment.render(
        [Section("", fix_reports.mixed())], link="https://ci.example/run/1"
    )


def test_every_step_down_is_taken_before_anything_is_cut():
    texts = [markdown.body(LONG, detail) for detail in markdown.Detail]
    assert [len(one) for one in texts] == sorted((len(one) for one in texts), reverse=True)
    assert "300 findings IDX001" in texts[-1]
    assert texts[-2].count("- **error IDX001 missing-index**") == 300


@pytest.mark.parametrize("number", [2, 20, 400])
def test_it_fits_however_many_reports_there_are(number):
    report = LONG if number < 100 else fix_reports.one_finding()
    text = comment.render([Section(f"service {at}", report) for at in range(number)])
    assert len(text) <= 65_000


THREE = [fix_reports.missing_index(f"feed0000000{number}") for number in range(3)]


def better(number):
    one, _ = fix_reports.regression()
    query = msgspec.structs.replace(one.query, key=f"{number:012x}")
    change = msgspec.structs.replace(one.change, key=query.key, kind=ChangeKind.BETTER)
    return msgspec.structs.replace(one, query=query, change=change)


def test_many_better_queries_push_no_finding_out():
    report = fix_reports.report(*THREE)
    report = msgspec.structs.replace(
        report, queries=(*report.queries, *map(better, range(700))),
        notes=tuple(f"{number}: {'a note ' * 20}" for number in range(300)),
    )  # fmt: skip
    text = comment.render([Section("", report, accepts())])
    assert text.count("CREATE INDEX CONCURRENTLY") >= 3
    assert text.count("query and plans") == 3
    assert "- and 680 more" in text
    assert "- and 280 more" in text


@pytest.mark.parametrize("each", [500, 1])
def test_many_statements_of_migrations_push_no_finding_out(each):
    migrated = fix_reports.migrated()
    (migration,) = migrated.migrations
    plain, told, _ = migration.steps
    steps = (*[plain] * (each - 1), told)
    migrations = (msgspec.structs.replace(migration, steps=steps),) * (500 // each)
    report = msgspec.structs.replace(fix_reports.report(*THREE), migrations=migrations)
    text = comment.render([Section("", report, accepts())])
    assert text.count("query and plans") == 3
    assert "| MIG003 |" in text
    left = "450 more statements" if each == 500 else "450 more migrations"
    assert f"And {left}." in text


HOSTILE = (
    *fix_reports.HOSTILE.splitlines(),
    "</summary></details><script>alert(1)</script>",
    "a | b\n--|--\n1 | 2",
    "~~gone~~ ![x](https://evil.example/x.png)",
    "::error::x %0A ]]>",
    "/close x",
    "SELECT 1;\n```\n  /close",
    fix_reports.HOSTILE,
)


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_that_comes_from_outside_is_alive(text):
    one = msgspec.structs.replace(
        accepts().findings[0], reason=text, relation=text, rules=(text,), key=text,
        origins=(Origin(text, text),),
    )  # fmt: skip
    report = fix_reports.report(
        fix_reports.missing_index(text=text, function=text),
        fix_reports.regression((text,)),
        notes=(text,),
        unexplained=(fix_reports.unplanned(text),),
        changes={"new": 1},
    )
    sections = [
        Section(text, report, accepts(findings=(one,))),
        Section("b", fix_reports.empty(), why_unknown=text),
    ]
    written = comment.render(sections)
    fix_readers.comment(written)
    assert not re.search(r"^\s*/\w", written, re.MULTILINE)  # GitLab's quick actions


@pytest.mark.parametrize("tag", ["orders", "a", "A.b_c-d", "x" * 50])
def test_a_tag_stands_in_the_marker(tag):
    assert comment.marker(tag) == f"<!-- pytest-planguard: {tag} -->"


@pytest.mark.parametrize("tag", ["a--b", "-->", "a b", "-a", "a-", "x" * 51, "a\n"])
def test_a_tag_that_would_end_the_marker_is_a_mistake(tag):
    with pytest.raises(ConfigurationError, match="cannot be used"):
        comment.marker(tag)


@pytest.mark.parametrize(
    ("given", "findings"),
    [({}, True), ({"findings": ()}, False), ({"findings": (), "new": 0, "dropped": 1}, False)],
)
def test_accepted_findings_are_to_be_seen_and_entries_without_are_a_change(given, findings):
    sections = [Section("", fix_reports.empty(), accepts(**given))]
    assert comment.has_findings(sections) is findings
    assert comment.has_changes(sections)
