"""The section as a terminal shows it: its width, its colours, and how much of it."""

from __future__ import annotations

import re

import msgspec
import pytest

import fix_reports
from pytest_planguard.model.report import Report
from pytest_planguard.model.statement import Layer, Origin
from pytest_planguard.report import _text as words
from pytest_planguard.report import term
from pytest_planguard.report._lines import paint


@pytest.mark.parametrize("color", [False, True])
@pytest.mark.parametrize("sample", ["at_assumed_sizes", "from_the_contract", "hostile", "mixed"])
def test_eighty_columns_are_kept_and_no_word_is_lost(sample: str, color: bool) -> None:
    report = fix_reports.SAMPLES[sample]()
    wrapped = term.render(report, wrap=True, color=color)
    plain = re.sub(r"\x1b\[[0-9;]*m", "", wrapped)
    assert [line for line in plain.splitlines() if len(line) > 80 and " " in line.strip()] == []
    assert plain.split() == term.render(report).split()
    assert all(line.startswith("accept") for line in plain.splitlines() if "accept with" in line)


def test_a_second_row_is_indented_deeper_than_its_line() -> None:
    lines = term.render(fix_reports.from_the_contract(), wrap=True).splitlines()
    assert lines[2:4] == [
        "PostgreSQL 18.6 · exact: production statistics of 2026-11-02 · orders 47.0M rows",
        "    · 143 tests, 214 queries, 9 not plannable",
    ]


def test_wide_letters_count_as_two_columns() -> None:
    (line,) = paint([[("文" * 30 + " " + "字" * 30, "")]], color=False, columns=121).splitlines()
    assert line == "文" * 30 + " " + "字" * 30
    assert paint([[(line, "")]], color=False, columns=80).splitlines() == [
        "文" * 30, "    " + "字" * 30,
    ]  # fmt: skip


def test_quiet_is_the_verdict_one_line_a_finding_with_its_place_and_how_to_go_on() -> None:
    verdict, *found, last = term.render(fix_reports.mixed(), quiet=True, title=False).splitlines()
    assert verdict == "failed: 2 errors, 1 warning"
    assert [line[:8] for line in found] == ["E PLN003", "E IDX001", "W PLN001"]
    assert found[0].endswith("(47.0M rows, cost ×106,000)   app/orders.py:41 list_orders")
    assert found[1].count("app/feed.py:88") == 1
    assert "accept with: pytest" in last


@pytest.mark.parametrize(
    ("report", "text"),
    [
        (fix_reports.empty(), "planguard: passed\n"),
        (fix_reports.hundreds(), "… 250 more"),
        (fix_reports.at_assumed_sizes(), "! sizes are assumed"),
    ],
)
def test_quiet_still_says_what_matters(report: Report, text: str) -> None:
    assert text in term.render(report, quiet=True)


@pytest.mark.parametrize(
    "line", ["::error::x", "  ::stop-commands::x", "a ##[group]b", "##vso[task.setvariable]"]
)
def test_a_log_reader_takes_no_line_for_its_command(line: str) -> None:
    dead = words.inert(line)
    assert not dead.lstrip().startswith("::")
    assert "##" not in dead
    assert dead.replace(" ", "") == line.replace(" ", "")


@pytest.mark.parametrize("text", ["a::text", "now() ::date", "a ## b", "# comment", "arr[1]"])
def test_sql_stays_as_it_is(text: str) -> None:
    assert words.inert(text) == text


def test_a_run_that_failed_and_did_not_reach_its_end_says_both() -> None:
    report = fix_reports.one_finding()
    broken = msgspec.structs.replace(report, complete=False, incomplete_reason="a worker crashed")
    first = term.render(broken).splitlines()[1]
    assert first == "failed: 1 error; incomplete: a worker crashed"


def test_queries_that_only_the_suite_sends_are_counted_in_a_line_of_their_own() -> None:
    line = "1 query of the suite's own (fixtures, factories, helpers): "
    report = fix_reports.first_run()
    assert line not in term.render(report)
    origin = Origin("tests/factories.py", 3, "order", Layer.TEST)
    sent = msgspec.structs.replace(
        report.queries[0], query=fix_reports.query("feed00000007", origin=origin)
    )
    report = msgspec.structs.replace(report, queries=(*report.queries, sent))
    assert line in term.render(report)


def test_a_query_is_shown_where_its_line_does_not_tell_which_one_it_is() -> None:
    first = fix_reports.missing_index("00000000000a")
    second = fix_reports.missing_index("00000000000b")
    text = term.render(fix_reports.report(first, second))
    assert "    00000000000a SELECT * FROM events" in text
    assert "    00000000000b SELECT * FROM events" in text
    assert "SELECT" not in term.render(fix_reports.report(first))
    assert "    00000000000a SELECT * FROM events" in term.render(
        fix_reports.report(first), verbose=True
    )


def test_what_a_library_asks_has_its_query_and_a_test_that_made_it_ask() -> None:
    query, finding = fix_reports.missing_index("00000000000a")
    library = msgspec.structs.replace(finding, origins=(Origin("lib:django", 0, ""),))
    text = term.render(fix_reports.report((query, library)))
    assert "    00000000000a SELECT * FROM events" in text
    assert "    1 test tests/test_feed.py::test_latest" in text


def test_one_row_is_not_told() -> None:
    query, finding = fix_reports.missing_index()
    loop = msgspec.structs.replace(finding, relation=None, rows=1, advice=None)
    assert "1 rows" not in term.render(fix_reports.report((query, loop)))


def test_nothing_can_be_accepted_where_only_the_database_is_warned_of() -> None:
    query, finding = fix_reports.missing_index()
    report = fix_reports.report((query, finding), changes={"same": 1})
    assert "accept with:" in term.render(report)
    doubt = msgspec.structs.replace(finding, rule="ENV003", key="", relation=None, origins=())
    report = msgspec.structs.replace(report, findings=(doubt,))
    assert "accept with:" not in term.render(report)
