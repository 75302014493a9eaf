from __future__ import annotations

import msgspec
import pytest

import fix_reports
from pytest_planguard.baseline import files
from pytest_planguard.baseline.accept import _with_additions, update
from pytest_planguard.baseline.entries import is_known
from pytest_planguard.errors import ConfigurationError
from pytest_planguard.model.baseline import World
from pytest_planguard.model.finding import Severity
from pytest_planguard.model.plan import Planned, SampleKind
from pytest_planguard.model.report import Change, ChangeKind
from pytest_planguard.model.statement import Origin
from pytest_planguard.model.statistics import ScaleSource

KEY = ("default", "feed00000001")


def first(tmp_path, *parts):
    update(tmp_path, None, fix_reports.report(*parts or (fix_reports.missing_index(),)))
    return files.read(tmp_path)


def changed(part, kind, cost=890_000.0):
    report, finding = part
    change = Change(kind, report.query.key, report.query.database)
    outcome = Planned((fix_reports.plan(cost=cost),))
    return msgspec.structs.replace(report, change=change, outcome=outcome), finding


def test_the_first_baseline_takes_errors_without_a_reason(tmp_path):
    assert update(tmp_path, None, fix_reports.report(fix_reports.missing_index())) == 1
    baseline = files.read(tmp_path)
    assert [one.rule for one in baseline.entries[KEY].findings] == ["IDX001", "PLN001"]
    assert list(baseline.worlds) == ["default"]


NOISE = {"id": "8 bytes; unique", "status": "4 bytes; 5 distinct; common 76%, 19%"}
STANDS = NOISE | {"status": "4 bytes; 5 distinct; common 75%, 20%"}
OTHER = NOISE | {"status": "4 bytes; 40,000 distinct"}


def with_statistics(report, lines, digest):
    database = msgspec.structs.replace(
        report.databases["default"],
        statistics_digests={"public.orders": digest},
        distributions={"public.orders": lines},
    )
    return msgspec.structs.replace(report, databases={"default": database})


def texts(folder):
    return {file: file.read_text() for file in folder.rglob("*.json")}


def test_statistics_are_written_anew_only_where_they_moved_by_more_than_another_sample(tmp_path):
    report = fix_reports.report(fix_reports.missing_index(), source=ScaleSource.GENERATED)
    update(tmp_path, None, with_statistics(report, STANDS, "first"))
    before, baseline = texts(tmp_path), files.read(tmp_path)
    update(tmp_path, baseline, with_statistics(report, NOISE, "second"), reason="x")
    assert texts(tmp_path) == before
    update(tmp_path, baseline, with_statistics(report, OTHER, "third"), reason="x")
    (moved,) = [file for file, text in texts(tmp_path).items() if text != before[file]]
    assert moved.name == "public.orders.json"
    world = files.read(tmp_path).worlds["default"]
    assert (world.statistics["public.orders"], world.digests) == (OTHER, {"public.orders": "third"})


def test_accepting_a_new_error_later_needs_a_reason_and_writes_nothing_without(tmp_path):
    baseline = first(tmp_path, fix_reports.function_on_column())
    report = fix_reports.report(fix_reports.missing_index())
    with pytest.raises(
        ConfigurationError, match=r"needs a reason: IDX001 public\.events"
    ) as caught:
        update(tmp_path, baseline, report)
    assert "--planguard-reason" in caught.value.hint
    assert files.read(tmp_path) == baseline
    assert update(tmp_path, baseline, report, reason="a demo") == 1
    accepted = files.read(tmp_path).entries[KEY].findings
    assert {one.reason for one in accepted} == {"a demo"}


def test_a_warning_or_a_suppressed_error_needs_no_reason(tmp_path):
    baseline = first(tmp_path)
    report = fix_reports.report(fix_reports.function_on_column(), fix_reports.suppressed())
    assert update(tmp_path, baseline, report) == 2
    assert files.read(tmp_path).entries[("default", "feed00000003")].findings == ()


def test_only_new_leaves_old_entries_alone(tmp_path):
    baseline = first(tmp_path)
    worse = changed(fix_reports.missing_index(), ChangeKind.WORSE)
    report = fix_reports.report(worse, fix_reports.function_on_column())
    assert update(tmp_path, baseline, report, "new") == 1
    now = files.read(tmp_path)
    assert now.entries[KEY] == baseline.entries[KEY]
    assert ("default", "feed00000002") in now.entries


def test_old_reasons_stay_when_something_else_is_accepted(tmp_path):
    first(tmp_path, fix_reports.function_on_column())
    report = fix_reports.report(fix_reports.missing_index())
    update(tmp_path, files.read(tmp_path), report, reason="the old reason")
    moved = changed(fix_reports.missing_index(), ChangeKind.CHANGED)
    update(tmp_path, files.read(tmp_path), fix_reports.report(moved), reason="another")
    entry = files.read(tmp_path).entries[KEY]
    assert {one.reason for one in entry.findings} == {"the old reason"}
    assert entry.plans[0].cost == 890_000


def test_a_regression_keeps_its_reason_while_the_plan_stays(tmp_path):
    part = fix_reports.regression()
    baseline = first(tmp_path)
    update(tmp_path, baseline, fix_reports.report(part), reason="the index was too dear")
    report, _ = changed(part, ChangeKind.SAME)
    whole = msgspec.structs.replace(fix_reports.report(), queries=(report,))
    assert update(tmp_path, files.read(tmp_path), whole) == 1  # what stood behind it is gone
    entry = files.read(tmp_path).entries[("default", report.query.key)]
    assert [(one.rule, one.reason) for one in entry.findings] == [
        ("PLN003", "the index was too dear")
    ]


def test_the_same_plan_keeps_the_stored_cost(tmp_path):
    baseline = first(tmp_path)
    same = changed(fix_reports.missing_index(), ChangeKind.SAME, cost=160_000)
    known = msgspec.structs.replace(same[1], is_new=False)
    assert update(tmp_path, baseline, fix_reports.report((same[0], known))) == 0
    assert files.read(tmp_path) == baseline


def test_a_partial_run_adds_tests_and_takes_none_away(tmp_path):
    baseline = first(tmp_path)
    report, finding = changed(fix_reports.missing_index(), ChangeKind.SAME)
    query = fix_reports.query("feed00000001", report.query.sql, tests=("tests/other.py::test_x",))
    part = (
        msgspec.structs.replace(report, query=query),
        msgspec.structs.replace(finding, is_new=False),
    )
    update(tmp_path, baseline, fix_reports.report(part, complete=False))
    entry = files.read(tmp_path).entries[KEY]
    assert entry.tests == ("tests/other.py::test_x", "tests/test_feed.py::test_latest")
    assert len(entry.origins) == 2


def test_trimming_drops_what_is_gone_and_only_on_a_complete_run(tmp_path):
    baseline = first(tmp_path)
    gone = (Change(ChangeKind.GONE, KEY[1], KEY[0]),)
    report = msgspec.structs.replace(fix_reports.report(), gone=gone)
    partial = msgspec.structs.replace(report, complete=False)
    with pytest.raises(ConfigurationError, match="complete run"):
        update(tmp_path, baseline, partial, trim=True)
    assert update(tmp_path, baseline, report) == 0
    assert update(tmp_path, baseline, report, trim=True) == 1
    assert files.read(tmp_path).entries == {}


def test_one_key_alone_can_be_accepted(tmp_path):
    baseline = first(tmp_path, fix_reports.function_on_column())
    report = fix_reports.report(fix_reports.missing_index(), fix_reports.regression())
    only = frozenset({"feed00000001"})
    assert update(tmp_path, baseline, report, reason="just this", only=only) == 1
    assert set(files.read(tmp_path).entries) == {KEY, ("default", "feed00000002")}


@pytest.mark.parametrize(("other", "moved"), [(ChangeKind.SAME, True), (ChangeKind.WORSE, False)])
def test_one_query_alone_takes_todays_header_where_all_others_hold_in_it(tmp_path, other, moved):
    first(tmp_path, fix_reports.function_on_column(), fix_reports.missing_index())
    baseline = files.read(tmp_path)
    parts = (changed(fix_reports.missing_index(), ChangeKind.WORSE),
             changed(fix_reports.function_on_column(), other))  # fmt: skip
    report = fix_reports.report(*parts)
    facts = report.databases["default"]
    catalog = msgspec.structs.replace(facts.catalog, indexes={})
    report.databases["default"] = msgspec.structs.replace(facts, catalog=catalog)
    update(tmp_path, baseline, report, reason="x", only=frozenset({"feed00000001"}))
    assert (files.read(tmp_path).worlds["default"].indexes == {}) is moved


def test_a_finding_is_known_when_it_was_accepted_at_least_as_bad(tmp_path):
    entry = first(tmp_path).entries[KEY]
    events = "public.events"
    assert is_known(entry, "IDX001", events, Severity.ERROR)
    assert is_known(entry, "PLN001", events, Severity.WARNING)  # it stood behind the first
    assert not is_known(entry, "IDX001", "public.orders", Severity.ERROR)
    assert not is_known(None, "IDX001", events, Severity.ERROR)
    weaker = msgspec.structs.replace(entry.findings[0], severity="warning")
    milder = msgspec.structs.replace(entry, findings=(weaker,))
    assert not is_known(milder, "IDX001", events, Severity.ERROR)


def test_a_regression_is_never_known(tmp_path):
    part = fix_reports.regression()
    entry = first(tmp_path, part).entries[("default", part[1].key)]
    assert not is_known(entry, "PLN003", "public.orders", Severity.ERROR)


def edited(part, key, old_key):
    """The part under another key, as a run sees a query whose text was edited."""
    report, finding = part
    query = msgspec.structs.replace(report.query, key=key, sql=f"{report.query.sql} -- edited")
    change = Change(ChangeKind.SAME, key, "default", renamed_from=old_key)
    return (
        msgspec.structs.replace(report, query=query, change=change),
        msgspec.structs.replace(finding, key=key, is_new=False, fails=False),
    )


def test_an_edited_query_takes_its_entry_with_the_reason_to_its_new_key(tmp_path):
    baseline = first(tmp_path, fix_reports.function_on_column())
    update(tmp_path, baseline, fix_reports.report(fix_reports.missing_index()), reason="dear")
    after = edited(fix_reports.missing_index(), "feed0000000e", "feed00000001")
    assert update(tmp_path, files.read(tmp_path), fix_reports.report(after)) == 1
    now = files.read(tmp_path).entries
    assert set(now) == {("default", "feed0000000e"), ("default", "feed00000002")}
    entry = now[("default", "feed0000000e")]
    assert {one.reason for one in entry.findings} == {"dear"}
    assert entry.sql.endswith("-- edited")
    assert len(list(tmp_path.rglob("*feed0000000*.json"))) == 2


def test_an_update_that_changes_one_query_touches_one_file(tmp_path):
    parts = [fix_reports.missing_index(f"feed{number:08}") for number in range(20)]
    baseline = first(tmp_path, *parts)
    before = {file: file.stat().st_ino for file in tmp_path.rglob("*.json")}
    known = [(report, msgspec.structs.replace(f, is_new=False)) for report, f in parts]
    known[7] = changed(known[7], ChangeKind.CHANGED, cost=7.0)
    assert update(tmp_path, baseline, fix_reports.report(*known)) == 1
    after = {file: file.stat().st_ino for file in tmp_path.rglob("*.json")}
    (touched,) = [file for file in after if after[file] != before[file]]
    assert touched.name == "latest-feed00000007.json"


def test_an_edited_query_is_none_that_has_no_entry_yet(tmp_path):
    baseline = first(tmp_path)
    after = edited(fix_reports.missing_index(), "feed0000000e", "feed00000001")
    assert update(tmp_path, baseline, fix_reports.report(after), "new") == 0
    assert files.read(tmp_path) == baseline


def test_a_function_that_moved_takes_its_entry_with_the_reason_along(tmp_path):
    baseline = first(tmp_path, fix_reports.function_on_column())
    update(tmp_path, baseline, fix_reports.report(fix_reports.missing_index()), reason="dear")
    report, finding = changed(fix_reports.missing_index(), ChangeKind.SAME)
    place = Origin("web/feeds.py", 7, "newest")
    moved = fix_reports.query("feed00000001", report.query.sql, place)
    part = (
        msgspec.structs.replace(report, query=moved),
        msgspec.structs.replace(finding, is_new=False),
    )
    assert update(tmp_path, files.read(tmp_path), fix_reports.report(part)) == 1
    assert (tmp_path / "queries/web/feeds/newest-feed00000001.json").is_file()
    assert not (tmp_path / "queries/app/feed").exists()
    entry = files.read(tmp_path).entries[KEY]
    assert {one.reason for one in entry.findings} == {"dear"}


def test_only_new_needs_a_reason_for_an_error_as_well_and_names_its_own_option(tmp_path):
    baseline = first(tmp_path, fix_reports.function_on_column())
    report = fix_reports.report(fix_reports.missing_index())
    with pytest.raises(ConfigurationError, match="accepting 1 error needs a reason: IDX001") as e:
        update(tmp_path, baseline, report, "new")
    assert "--planguard-update-new --planguard-reason" in e.value.hint
    assert files.read(tmp_path) == baseline


def test_what_an_update_leaves_alone_needs_no_reason(tmp_path):
    baseline = first(tmp_path, fix_reports.regression())
    worse = fix_reports.regression()
    report = fix_reports.report(worse, fix_reports.function_on_column())
    assert update(tmp_path, baseline, report, "new") == 1


@pytest.mark.parametrize(
    ("kind", "kept"),
    [(ChangeKind.SAME, True), (ChangeKind.CHANGED, True), (ChangeKind.BETTER, False)],
)
def test_an_accepted_regression_is_carried_on_until_the_plan_is_better(tmp_path, kind, kept):
    part = fix_reports.regression()
    update(tmp_path, first(tmp_path), fix_reports.report(part), reason="the index was too dear")
    report, _ = changed(part, kind)
    whole = msgspec.structs.replace(fix_reports.report(), queries=(report,))
    update(tmp_path, files.read(tmp_path), whole)
    entry = files.read(tmp_path).entries[("default", report.query.key)]
    reasons = [one.reason for one in entry.findings if one.rule == "PLN003"]
    assert reasons == (["the index was too dear"] if kept else [])


def test_a_plan_that_gets_worse_again_takes_the_new_reason(tmp_path):
    part = fix_reports.regression()
    update(tmp_path, first(tmp_path), fix_reports.report(part), reason="the first time")
    with pytest.raises(ConfigurationError, match="PLN003"):
        update(tmp_path, files.read(tmp_path), fix_reports.report(part))
    update(tmp_path, files.read(tmp_path), fix_reports.report(part), reason="the second time")
    entry = files.read(tmp_path).entries[("default", part[0].query.key)]
    (again,) = [one for one in entry.findings if one.rule == "PLN003"]
    assert again.reason == "the second time"


def test_a_partial_run_keeps_reasons_and_plans_it_did_not_come_to(tmp_path):
    baseline = first(tmp_path)
    report, _ = changed(fix_reports.missing_index(), ChangeKind.CHANGED)
    generic = fix_reports.plan(cost=7.0, sample=SampleKind.GENERIC)
    report = msgspec.structs.replace(report, outcome=Planned((generic,)))
    part = msgspec.structs.replace(fix_reports.report(complete=False), queries=(report,))
    update(tmp_path, baseline, part)
    entry = files.read(tmp_path).entries[KEY]
    assert [plan.sample for plan in entry.plans] == ["captured", "generic"]
    assert [one.rule for one in entry.findings] == ["IDX001", "PLN001"]


def test_a_test_that_failed_before_its_query_was_sent_takes_nothing_away(tmp_path):
    baseline = first(tmp_path)
    report, _ = changed(fix_reports.missing_index(), ChangeKind.SAME)
    query = fix_reports.query("feed00000001", report.query.sql, tests=("tests/other.py::test_x",))
    part = msgspec.structs.replace(report, query=query)
    failed = frozenset({"tests/test_feed.py::test_latest"})
    whole = msgspec.structs.replace(fix_reports.report(), queries=(part,), cut_short=failed)
    update(tmp_path, baseline, whole)
    entry = files.read(tmp_path).entries[KEY]
    assert entry.tests == ("tests/other.py::test_x", "tests/test_feed.py::test_latest")
    assert [one.rule for one in entry.findings] == ["IDX001", "PLN001"]


def test_a_kind_of_plan_that_is_new_is_added_where_the_others_are_the_same(tmp_path):
    baseline = first(tmp_path)
    report, _ = changed(fix_reports.missing_index(), ChangeKind.SAME, cost=160_000)
    generic = fix_reports.plan(cost=7.0, sample=SampleKind.GENERIC)
    report = msgspec.structs.replace(report, outcome=Planned((*report.outcome.plans, generic)))
    whole = msgspec.structs.replace(fix_reports.report(), queries=(report,))
    update(tmp_path, baseline, whole)
    entry = files.read(tmp_path).entries[KEY]
    assert [(plan.sample, plan.cost) for plan in entry.plans] == [
        ("captured", 150_000),
        ("generic", 7.0),
    ]


def test_a_test_more_that_sends_a_known_query_writes_nothing(tmp_path):
    baseline = first(tmp_path)
    report, finding = changed(fix_reports.missing_index(), ChangeKind.SAME)
    more = [
        msgspec.structs.replace(one, test="tests/new.py::test_x") for one in report.query.places
    ]
    places = msgspec.structs.replace(report.query, places=(*report.query.places, *more))
    part = (
        msgspec.structs.replace(report, query=places),
        msgspec.structs.replace(finding, is_new=False),
    )
    assert update(tmp_path, baseline, fix_reports.report(part)) == 0
    assert files.read(tmp_path) == baseline


def test_one_query_accepted_leaves_an_index_that_came_to_a_known_table_new():
    known = {"public.a_pkey": "CREATE UNIQUE INDEX a_pkey ON public.a USING btree (id)"}
    old = World(
        server_major=18,
        collation="C",
        settings={},
        tables={"public.a": ("id bigint",)},
        indexes=known,
        rows={"public.a": 9.0},
        scale_source="declared",
        digests={},
    )
    now = msgspec.structs.replace(
        old,
        tables={**old.tables, "public.ab": ("id bigint",)},
        indexes={
            **known,
            "public.a_note": "CREATE INDEX a_note ON public.a USING btree (note)",
            "public.a_all": "CREATE INDEX a_all ON ONLY public.a USING btree (note)",
            "public.ab_pkey": "CREATE UNIQUE INDEX ab_pkey ON public.ab USING btree (id)",
        },
    )
    assert set(_with_additions(old, now).indexes) == {"public.a_pkey", "public.ab_pkey"}
