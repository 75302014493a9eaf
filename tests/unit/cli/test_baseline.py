from __future__ import annotations

import subprocess

import msgspec
import pytest

import fix_reports
from pytest_planguard.baseline import files
from pytest_planguard.baseline.accept import update
from pytest_planguard.model.report import Change, ChangeKind


@pytest.fixture
def accepted(project):
    update(project / "planguard/baseline", None, fix_reports.report(fix_reports.missing_index()))
    return project


def test_update_accepts_everything_and_new_only_what_is_new(project, pipeline, say):
    say("baseline", "update", "--reason", "x")
    say("baseline", "update", "--new")
    first, second = (call.options for call in pipeline.calls)
    assert (first.update, first.update_new, first.reason) == (True, False, "x")
    assert (second.update, second.update_new) == (False, True)


def test_show_lists_entries_and_one_with_its_plans(accepted, say):
    said = say("baseline", "show")
    assert said.out.startswith("feed00000001  app/feed.py latest\n    SELECT * FROM events")
    said = say("baseline", "show", "feed00000001")
    assert "  captured: cost 150,000; e seq\n    Limit\n" in said.out
    assert "accepted IDX001 public.events" in said.out


def test_an_unknown_key_is_status_2_with_a_guess(accepted, say):
    said = say("baseline", "show", "feed00000002")
    assert said.status == 2
    assert 'did you mean "feed00000001"?' in said.err


def test_without_a_baseline_show_says_how_to_start_one(project, say):
    said = say("baseline", "show")
    assert said.status == 3
    assert "pytest --planguard --planguard-update" in said.err


def test_diff_shows_plans_before_and_after_and_writes_nothing(project, pipeline, say):
    pipeline.report = fix_reports.from_the_contract()
    said = say("baseline", "diff")
    assert said.status == 0
    assert "worse 0a1b2c3d4e5f  cost 8.4 → 890,000  app/orders.py:41 list_orders" in said.out
    assert "  - Index Scan using orders_customer_id_idx on orders o" in said.out
    assert "  + Seq Scan on orders o [Filter: customer_id = $1]" in said.out
    assert "    because index orders_customer_id_idx is gone since the baseline" in said.out
    assert not pipeline.calls[0].options.update
    assert files.read(project / "planguard/baseline") is None


def test_diff_says_when_nothing_changed(project, pipeline, say):
    assert say("baseline", "diff").out == "nothing changed\n"


def test_accept_takes_one_query_and_needs_a_reason(accepted, pipeline, say):
    pipeline.report = fix_reports.from_the_contract()
    assert say("baseline", "accept", "0a1b2c3d4e5f").status == 2
    said = say("baseline", "accept", "0a1b2c3d4e5f", "--reason", "dear index")
    assert (said.status, said.out) == (0, "0a1b2c3d4e5f is accepted; commit planguard/baseline\n")
    entries = files.read(accepted / "planguard/baseline").entries
    assert entries[("default", "0a1b2c3d4e5f")].findings[0].reason == "dear index"


def test_accept_says_so_where_the_baseline_has_the_query_as_it_is(accepted, pipeline, say):
    pipeline.report = msgspec.structs.replace(fix_reports.from_the_contract(), findings=())
    arguments = ("baseline", "accept", "0a1b2c3d4e5f", "--reason", "dear index")
    assert say(*arguments).out.startswith("0a1b2c3d4e5f is accepted")
    assert say(*arguments).out.startswith(
        "nothing to accept: 0a1b2c3d4e5f stands in planguard/baseline"
    )


def test_trim_says_how_many_it_dropped(accepted, pipeline, say):
    gone = (Change(ChangeKind.GONE, "feed00000001", "default"),)
    pipeline.report = msgspec.structs.replace(fix_reports.empty(), gone=gone)
    assert say("baseline", "trim").out == "1 of 1 entries dropped\n"


def test_diff_of_revisions_asks_neither_a_database_nor_a_capture(accepted, pipeline, say):
    def git(*arguments):
        who = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"]
        subprocess.run(["git", *who, *arguments], cwd=accepted, check=True, capture_output=True)

    git("init", "-q", "-b", "main")
    git("add", "planguard")
    git("commit", "-q", "-m", "first")
    (accepted / ".planguard/capture.json.gz").unlink()
    assert say("baseline", "diff", "main").out == "nothing changed\n"
    baseline = files.read(accepted / "planguard/baseline")
    report = fix_reports.report(fix_reports.regression())
    update(accepted / "planguard/baseline", baseline, report, reason="too dear")
    said = say("baseline", "diff", "main")
    assert said.status == 0
    assert said.out == (
        "new 0a1b2c3d4e5f  app/orders.py list_orders\n"
        "    SELECT * FROM orders o WHERE o.customer_id = $1\n"
        "    accepted IDX001 public.orders: too dear\n"
        "    accepted PLN001 public.orders: too dear\n"
        "    accepted PLN003 public.orders: too dear\n"
    )
    git("add", "planguard")
    git("commit", "-q", "-m", "second")
    assert say("baseline", "diff", "main").out == "nothing changed\n"
    assert say("baseline", "diff", "main~1..main").out == said.out
    assert say("baseline", "diff", "main~1", "main").out == said.out
    assert say("baseline", "diff", "main", "main~1").out.startswith("gone 0a1b2c3d4e5f")
    assert pipeline.calls == []


def test_diff_of_what_is_neither_a_file_nor_a_revision_is_told(accepted, pipeline, say):
    said = say("baseline", "diff", "nowhere.gz")
    assert said.status == 3
    assert "git says: not a git repository" in said.err
    assert say("baseline", "diff", "a", "b", "c").status == 2


def test_an_edited_query_is_accepted_by_either_key_and_shown_with_both_texts(
    accepted, pipeline, say
):
    report, finding = fix_reports.missing_index("feed0000000e")
    change = Change(
        ChangeKind.CHANGED,
        "feed0000000e",
        "default",
        sql="SELECT 2",
        renamed_from="feed00000001",
        sql_before="SELECT 1",
    )
    part = (msgspec.structs.replace(report, change=change), finding)
    pipeline.report = fix_reports.report(part)
    said = say("baseline", "diff")
    assert "changed feed0000000e (was feed00000001)" in said.out
    assert "  - SELECT 1\n  + SELECT 2\n" in said.out
    assert say("baseline", "accept", "feed00000001", "--reason", "x").status == 0
    assert set(files.read(accepted / "planguard/baseline").entries) == {("default", "feed0000000e")}
