from __future__ import annotations

import msgspec
import pytest

import fix_reports
from pytest_planguard.baseline import files
from pytest_planguard.baseline.accept import update
from pytest_planguard.baseline.entries import entry_from
from pytest_planguard.model.plan import Access, Planned, SampleKind, Unexplained
from pytest_planguard.report._beside import rows

KEY = "0a1b2c3d4e5f"


@pytest.fixture
def accepted(project):
    """A baseline from before the index went."""
    part, _ = fix_reports.regression()
    shape = ("Limit", "  Index Scan using orders_customer_id_idx on orders o")
    before = fix_reports.plan(Access.INDEX, 8.4, shape=shape)
    part = msgspec.structs.replace(part, outcome=Planned((before,)), change=None)
    report = msgspec.structs.replace(fix_reports.report(), queries=(part,))
    update(project / "planguard/baseline", None, report)
    return project


@pytest.fixture
def worse(pipeline, monkeypatch):
    """What is planned now."""
    monkeypatch.setenv("COLUMNS", "100")
    part, finding = fix_reports.regression()
    shape = ("Limit", "  Seq Scan on orders o [Filter: id]")
    after = fix_reports.plan(shape=shape)
    part = msgspec.structs.replace(part, outcome=Planned((after,)))
    pipeline.report = fix_reports.report((part, finding))
    return pipeline


def test_both_plans_stand_side_by_side_and_what_changed_is_marked(accepted, worse, say):
    said = say("explain", KEY, "--before", "--after")
    assert said.status == 0
    assert said.out.splitlines() == [
        "0a1b2c3d4e5f  SELECT * FROM orders o WHERE o.customer_id = $1",
        "",
        "captured",
        "baseline: cost 8.4                                 now: cost 890,000",
        "Limit                                              Limit",
        "  Index Scan using orders_customer_id_idx on     |   Seq Scan on orders o [Filter: id]",
        "      orders o                                   |",
        "",
        "worse",
        "  public.orders: index → seq",
        "  because index orders_customer_id_idx is gone since the baseline",
    ]  # fmt: skip


def test_the_text_of_an_edited_query_stands_beside_the_old_one(accepted, worse, say):
    part = worse.report.queries[0]
    query = msgspec.structs.replace(part.query, sql=part.query.sql + " AND o.status = $2")
    worse.report = msgspec.structs.replace(
        worse.report, queries=(msgspec.structs.replace(part, query=query),)
    )
    said = say("explain", KEY, "--before", "--after")
    assert (
        "\nSQL\nSELECT * FROM orders o WHERE o.customer_id = $1  | SELECT * FROM orders" in said.out
    )


def test_a_query_that_cannot_be_planned_now_says_why(accepted, worse, say):
    part = msgspec.structs.replace(worse.report.queries[0], outcome=Unexplained("no table orders"))
    worse.report = msgspec.structs.replace(worse.report, queries=(part,))
    assert "  not planned now: no table orders" in say("explain", KEY, "--before", "--after").out


def test_kinds_of_plans_that_are_the_same_are_left_out(accepted, worse, say):
    part = worse.report.queries[0]
    generic = fix_reports.plan(sample=SampleKind.GENERIC, cost=7.0)
    both = msgspec.structs.replace(part, outcome=Planned((*part.outcome.plans, generic)))
    worse.report = msgspec.structs.replace(worse.report, queries=(both,))
    said = say("explain", KEY, "--before", "--after")
    assert said.out.count("baseline: cost") == 1
    assert "generic" not in said.out


def test_kinds_of_plans_that_read_the_same_stand_there_once(accepted, worse, say):
    entry_now = worse.report.queries[0]
    both = [msgspec.structs.replace(entry_now.outcome.worst, sample=kind) for kind in
            (SampleKind.CAPTURED, SampleKind.GENERIC)]  # fmt: skip
    before = [msgspec.structs.replace(fix_reports.plan(Access.INDEX, 8.4), sample=one.sample)
              for one in both]  # fmt: skip
    part = msgspec.structs.replace(entry_now, outcome=Planned(tuple(before)), change=None)
    files.write_entries(accepted / "planguard/baseline", [entry_from(part.query, part.outcome)])
    now = msgspec.structs.replace(entry_now, outcome=Planned(tuple(both)))
    worse.report = msgspec.structs.replace(worse.report, queries=(now,))
    said = say("explain", KEY, "--before", "--after")
    assert "\ncaptured, generic\n" in said.out
    assert said.out.count("baseline: cost") == 1


def test_before_alone_asks_neither_a_server_nor_a_capture(accepted, pipeline, say):
    (accepted / ".planguard/capture.json.gz").unlink()
    said = say("explain", KEY, "--before")
    assert said.status == 0
    assert "  captured in the baseline: cost 8.4\n    Limit\n" in said.out
    assert pipeline.calls == []


@pytest.mark.parametrize("options", [("--before",), ("--before", "--after")])
def test_without_a_baseline_it_says_how_to_start_one(project, pipeline, say, options):
    said = say("explain", KEY, *options)
    assert said.status == 3
    assert "pytest --planguard --planguard-update" in said.err


def test_an_unknown_key_is_status_2(accepted, pipeline, say):
    assert say("explain", "nope", "--before").status == 2


def test_lines_that_went_or_came_stand_beside_nothing():
    found = [(row.before.strip(), row.mark, row.after) for row in rows("abc", "acd", 40)]
    assert found == [("a", " ", "a"), ("b", "<", ""), ("c", " ", "c"), ("", ">", "d")]


def test_no_line_is_wider_than_the_terminal():
    plan = ["Nested Loop", "  " * 30 + "Index Scan using " + "x" * 90]
    for width in (40, 80, 131):
        found = list(rows(plan, ["Seq Scan " + "y" * 70, "z"], width))
        assert max(len(f"{row.before} {row.mark} {row.after}") for row in found) <= width
        assert any(row.mark == "|" for row in found)
