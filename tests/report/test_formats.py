from __future__ import annotations

import json
import os
import re
from pathlib import Path

import msgspec
import pytest

import fix_reports
from pytest_planguard.errors import ConfigurationError
from pytest_planguard.report import _text as words
from pytest_planguard.report import find, formats, markdown, term

GOLDEN = Path(__file__).parent / "golden"
LONG = {"huge", "thousands"}
PINNED = [
    (sample, name)
    for sample in sorted(fix_reports.SAMPLES.keys() - LONG)
    for name in ("json", "markdown", "term")
    if (sample, name) != ("hundreds", "json")  # half a megabyte nobody reads
] + [
    (sample, name)
    for sample in ("empty", "hostile", "incomplete", "mixed", "one_finding")
    for name in ("github", "gitlab", "junit", "sarif")
]


@pytest.mark.parametrize(("sample", "name"), PINNED)
def test_the_whole_text_is_as_pinned(sample, name):
    """PLANGUARD_GOLDEN=update writes the files anew; look at the diff then."""
    text = find(name).render(fix_reports.SAMPLES[sample]())
    file = GOLDEN / f"{sample}.{name}"
    if os.environ.get("PLANGUARD_GOLDEN") == "update":
        file.write_text(text, encoding="utf-8")
    assert text == file.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", formats())
@pytest.mark.parametrize("sample", fix_reports.SAMPLES)
def test_every_format_renders_every_sample_the_same_twice(name, sample):
    make = fix_reports.SAMPLES[sample]
    text = find(name).render(make())
    assert text == find(name).render(make())
    assert text.endswith("\n") or (text, name) == ("", "github")
    text.encode()


@pytest.mark.parametrize("name", formats())
def test_no_format_lets_control_characters_through(name):
    text = find(name).render(fix_reports.hostile())
    for character in ("\x1b", "\x9b", "\u202e", "\ud800"):
        assert character not in text


def test_a_format_that_does_not_exist_is_told_with_a_guess():
    with pytest.raises(ConfigurationError, match='unknown report "jsn"; did you mean "json"'):
        find("jsn")


def test_verbose_terminal_shows_plans_suppressions_and_what_was_not_planned():
    text = term.render(fix_reports.mixed(), verbose=True)
    assert "before (cost 8.4)\n      Index Scan using orders_customer_id_idx" in text
    assert "IDX001 public.events suppressed: read once a year" in text
    assert "? dead00000001 not planned: a temporary table of the test" in text


def test_an_index_whose_absence_is_not_the_news_is_told_with_what_it_is_for():
    report = fix_reports.one_finding()
    (missing,) = report.findings
    hidden = "each row of public.accounts that is deleted has 8.1M rows of public.events read"
    foreign = msgspec.structs.replace(missing, rule="IDX005", name="fk-probe", message=hidden)

    assert missing.advice is not None
    assert missing.message not in term.render(report)
    text = term.render(msgspec.structs.replace(report, findings=(foreign,)))
    assert text.index(hidden) < text.index(missing.advice.ddl[0])


def test_nothing_to_say_is_one_line():
    assert term.render(fix_reports.empty()).count("\n") == 1


def test_colours_are_there_when_asked_for_and_change_no_word():
    report = fix_reports.mixed()
    colored = term.render(report, color=True)
    assert "\x1b[1;31mE PLN003\x1b[0m" in colored
    assert re.sub(r"\x1b\[[0-9;]*m", "", colored) == term.render(report)


def test_json_has_the_keys_of_the_contract():
    value = json.loads(find("json").render(fix_reports.mixed()))
    assert set(value) >= {
        "schema", "complete", "databases", "totals", "queries", "findings", "changes", "verdict",
    }  # fmt: skip
    assert value["schema"] == 1
    assert set(value["databases"]["default"]) == {"server", "scale", "fidelity", "self_check"}
    assert set(value["queries"][0]) == {
        "key", "database", "sql", "parameter_types", "executions", "origins", "layer", "phases",
        "tests", "plans", "unexplained", "change", "comparison", "edited_from",
    }  # fmt: skip
    assert set(value["findings"][0]) == {
        "rule", "name", "severity", "key", "database", "relation", "rows", "message", "remedy",
        "evidence", "explained_by", "advice", "origins", "tests", "suppressed", "is_new", "fails",
    }  # fmt: skip
    assert set(value["changes"]) == {
        "new", "same", "changed", "better", "worse", "gone", "not_run",
    }  # fmt: skip
    assert value["verdict"] == {"errors": 2, "status": "failed", "warnings": 1}


def test_markdown_begins_with_the_marker_and_fits_into_a_comment():
    for sample in fix_reports.SAMPLES.values():
        text = markdown.render(sample())
        assert text.startswith("<!-- pytest-planguard -->\n")
        assert len(text) <= 65_000


def test_markdown_leaves_out_plans_before_findings():
    long = fix_reports.report(
        *(fix_reports.missing_index(f"{number:012x}") for number in range(120)),
        changes={"new": 120},
    )
    text = markdown.render(long)
    assert "<details>" not in text
    assert text.count("missing-index") == 120
    assert len(text) <= 65_000


def test_a_comment_is_written_once_there_is_something_to_say_and_says_what_was_not_checked():
    text = markdown.render(fix_reports.mixed())
    assert "#### Not checked" in text
    assert "1 query: a temporary table of the test" in text
    assert "pytest --planguard --planguard-update --planguard-reason" in text


@pytest.mark.parametrize("text", ["plain", "a `b` c", "```", "`", "a``b", " x `` "])
def test_a_code_span_holds_any_backticks(text):
    span = markdown.code(text)
    ticks = re.match("`+", span)[0]
    inner = span[len(ticks) : -len(ticks)]
    assert span.endswith(ticks)
    assert ticks not in re.findall("`+", inner)
    assert inner.strip() == text.strip()


def test_a_fence_is_longer_than_any_backticks_inside():
    block = markdown.fence("a\n`````\nb", "sql").splitlines()
    assert block[0] == "``````sql"
    assert block[-1] == "``````"


@pytest.mark.parametrize(
    ("text", "dead"),
    [
        ("@octocat", "@\u200boctocat"),
        ("see #12", "see \\#\u200b12"),
        ("GH-12", "GH\u200b-12"),
        ("https://x.example", "https:\u200b//x.example"),
        ("www.x.example", "www\u200b.x.example"),
        ("<b>", "\\<b\\>"),
        ("a | b", "a \\| b"),
        ("[a](b)", "\\[a\\](b)"),
        ("- item", "\\- item"),
        ("12. item", "12\\. item"),
        ("&lt;", "\\&\u200blt;"),
    ],
)
def test_nothing_in_a_sentence_is_alive(text, dead):
    assert markdown.inline(text) == dead


def test_clean_keeps_letters_of_any_language():
    assert words.clean("größe 注文 naïve") == "größe 注文 naïve"


def test_markdown_says_once_what_changed_and_why():
    query, finding = fix_reports.regression()
    step, cause = "public.orders: index → seq", query.change.causes[0]
    finding = msgspec.structs.replace(
        finding, message=f"{step} (47.0M rows)", remedy=f"because {cause}: put that back"
    )
    text = markdown.render(fix_reports.report((query, finding))).replace("\\", "")
    assert text.count("index → seq") == 1
    assert text.count(cause) == 1
