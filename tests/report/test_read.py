from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

import fix_reports
from pytest_planguard.errors import ReportError
from pytest_planguard.model.migration import Built, Dropped, DroppedKind, Work
from pytest_planguard.model.report import Change, ChangeKind
from pytest_planguard.report import find, markdown, read, term
from pytest_planguard.report import json as as_json


def again(report):
    return read.parse(as_json.render(report).encode(), "report.json")


def sorted_as_a_run_does(report):
    findings = (
        msgspec.structs.replace(one, origins=tuple(sorted(one.origins))) for one in report.findings
    )
    return msgspec.structs.replace(report, findings=tuple(findings))


@pytest.mark.parametrize("sample", fix_reports.SAMPLES)
def test_a_report_that_was_read_back_is_shown_as_the_one_that_was_written(sample):
    report = sorted_as_a_run_does(fix_reports.SAMPLES[sample]())
    found = again(report)
    assert as_json.render(found) == as_json.render(report)
    assert markdown.render(found) == markdown.render(report)
    assert term.render(found) == term.render(report)


def test_what_went_and_what_moved_is_read_back():
    gone = Change(ChangeKind.GONE, "ab", "default", cost_before=8.4, shape_before=("Seq",), sql="S")
    report = msgspec.structs.replace(fix_reports.mixed(), gone=(gone,))
    found = again(report)
    assert found.gone == (gone,)
    moved = {one.query.key: one.change for one in report.queries}
    for one in found.queries:
        change = moved[one.query.key]
        if change is not None and change.kind is ChangeKind.WORSE:
            assert one.change == change


def test_lines_and_tests_of_a_query_are_all_there_however_many():
    (report, _) = fix_reports.regression()
    places = report.query.places
    other = msgspec.structs.replace(fix_reports.ORDERS, file="lib:celery", line=0)
    query = msgspec.structs.replace(
        report.query, places=(*places, msgspec.structs.replace(places[0], origin=other))
    )
    whole = msgspec.structs.replace(
        fix_reports.from_the_contract(), queries=(msgspec.structs.replace(report, query=query),)
    )
    assert as_json.render(again(whole)) == as_json.render(whole)
    assert again(whole).queries[0].query.executions == query.executions


def test_a_report_of_the_contract_alone_is_read():
    value = msgspec.json.decode(as_json.render(fix_reports.mixed()))
    for name in ("gone", "baseline", "gate", "incomplete_reason", "notes"):
        del value[name]
    for query in value["queries"]:
        del query["comparison"]
    value["from a newer planguard of the same schema"] = True
    found = read.parse(msgspec.json.encode(value), "report.json")
    assert markdown.render(found).startswith("<!-- pytest-planguard -->\n### ❌")


@pytest.mark.parametrize("length", [0, 1, 100, 5_000, -2])
def test_a_file_that_was_cut_off_is_one_clear_error(length):
    data = as_json.render(fix_reports.mixed()).encode()[:length]
    with pytest.raises(ReportError, match=r"report\.json is truncated or no JSON"):
        read.parse(data, "report.json")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"schema": 2}, "has schema 2, this planguard reads up to 1"),
        ({"schema": "1"}, "is no JSON report of planguard: expected `int`"),
        ({"totals": {}}, "object missing required field `tests` - at `$.totals`"),
        ({"verdict": {"status": "well", "errors": 0, "warnings": 0}}, "invalid enum value 'well'"),
        ({"queries": None}, "expected `array`, got `null` - at `$.queries`"),
    ],
)
def test_what_is_wrong_in_a_report_is_named_with_its_place(change, words):
    value = msgspec.json.decode(as_json.render(fix_reports.mixed())) | change
    with pytest.raises(ReportError) as caught:
        read.parse(msgspec.json.encode(value), "report.json")
    assert words in caught.value.message
    assert caught.value.hint


def test_a_file_that_is_not_there_is_told_with_the_option_that_writes_one():
    with pytest.raises(ReportError, match="--planguard-report=json"):
        read.read(Path("nowhere/report.json"))


def test_bytes_that_are_no_text_are_one_clear_error():
    with pytest.raises(ReportError, match="truncated or no JSON"):
        read.parse(b'{"schema": 1, "notes": ["\xff"]', "report.json")


def test_reading_is_no_format():
    assert not {"read", "comment", "write"} & set(find.__globals__["formats"]())


def test_a_migration_is_read_back_with_all_its_file_holds():
    report = fix_reports.migrated()
    (migration,) = report.migrations
    last = msgspec.structs.replace(
        migration.steps[-1],
        dropped=(Dropped(DroppedKind.COLUMN, "public.orders", "note"),),
        writes_unplanned=(Work("public.orders", 47_000_000, 6_600_000_000),),
        rebuilt=(Built("public.j", "public.orders", 47_000_000, 1_500_000_000),),
        lock_timeout="2s",
    )
    migration = msgspec.structs.replace(
        migration, steps=(*migration.steps[:-1], last), failure="stopped", irreversible="no way"
    )
    report = msgspec.structs.replace(report, migrations=(migration,))
    assert as_json.render(again(report)) == as_json.render(report)
    assert markdown.render(again(report)) == markdown.render(report)
