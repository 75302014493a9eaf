from __future__ import annotations

import msgspec
import pytest

from pytest_planguard.baseline import accepted as module
from pytest_planguard.model.baseline import Accepted, Baseline, Entry, Origin, PlanEntry

SEQ = PlanEntry("captured", {"e": "seq"}, {"e": "public.events"}, {}, 150000.0, ("Seq Scan",))
MISSING = Accepted("IDX001", "public.events", "error", "read once a year")
BEHIND = Accepted("PLN001", "public.events", "error", "read once a year")


def entry(*findings, key="ab", plans=(SEQ,), function="latest"):
    return Entry(
        key, "default", "SELECT 1", (), (Origin("app/feed.py", function),), (), plans, findings
    )


def baseline(entries):
    return Baseline({(one.database, one.key): one for one in entries}, {}) if entries else None


def accepted(before, after):
    return module.accepted(baseline(before), baseline(after))


def test_a_new_entry_accepts_its_findings_in_one_line_for_each_relation_and_reason():
    other = Accepted("QRY007", None, "warning", "an export")
    found = accepted([], [entry(other, MISSING, BEHIND)])
    assert [(one.rules, one.relation, one.severity, one.reason) for one in found.findings] == [
        (("IDX001", "PLN001"), "public.events", "error", "read once a year"),
        (("QRY007",), None, "warning", "an export"),
    ]
    assert (found.new, found.changed, found.dropped) == (1, 0, 0)


def test_what_was_accepted_before_is_not_told_again_also_where_the_file_moved():
    found = accepted([entry(MISSING)], [entry(MISSING, function="newest")])
    assert not found


@pytest.mark.parametrize(
    "before",
    [
        msgspec.structs.replace(MISSING, severity="warning"),
        msgspec.structs.replace(MISSING, reason="another"),
        msgspec.structs.replace(MISSING, relation="public.orders"),
    ],
)
def test_what_is_worse_or_has_another_reason_is_told(before):
    assert len(accepted([entry(before)], [entry(MISSING)]).findings) == 1


def test_what_got_less_bad_is_not_told():
    mild = msgspec.structs.replace(MISSING, severity="warning")
    assert accepted([entry(MISSING)], [entry(mild)]).findings == ()


def test_queries_that_came_moved_and_went_are_counted():
    cheap = msgspec.structs.replace(SEQ, cost=8.4)
    before = [entry(key="moved"), entry(key="same"), entry(key="gone")]
    new = msgspec.structs.replace(entry(key="new"), sql="SELECT x FROM another")
    after = [entry(key="moved", plans=(cheap,)), entry(key="same"), new]
    found = accepted(before, after)
    assert (found.new, found.changed, found.dropped) == (1, 1, 1)


def test_what_an_edited_query_carries_on_is_not_told_again():
    edited = msgspec.structs.replace(entry(MISSING, key="edited"), sql="SELECT 1 + 1")
    found = accepted([entry(MISSING)], [edited])
    assert (found.findings, found.new, found.dropped) == ((), 0, 0)


def test_the_worst_comes_first():
    mild = Accepted("QRY007", None, "warning")
    found = accepted([], [entry(mild, key="a"), entry(MISSING, key="b")])
    assert [one.key for one in found.findings] == ["b", "a"]


def test_the_first_baseline_is_told_as_such_and_one_that_went_drops_all():
    assert accepted([], [entry()]).begins
    assert not accepted([entry()], [entry(MISSING)]).begins
    assert accepted([entry()], []).dropped == 1
