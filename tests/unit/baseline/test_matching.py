from __future__ import annotations

import msgspec
import pytest

import fix_reports
from pytest_planguard.baseline.compare import missing
from pytest_planguard.baseline.entries import entry_from
from pytest_planguard.baseline.matching import as_edited, under_todays_keys
from pytest_planguard.baseline.renormalised import as_today
from pytest_planguard.model.baseline import Baseline
from pytest_planguard.model.capture import Capture
from pytest_planguard.model.plan import Planned
from pytest_planguard.model.report import Change, ChangeKind
from pytest_planguard.model.statement import Layer, Origin

OLD = "SELECT o.id, o.total FROM orders o WHERE o.customer_id = $1"
EDITED = "SELECT o.id, o.total FROM orders o WHERE o.customer_id = $1 AND o.status = $2"
PLACE = Origin("app/orders.py", 41, "list_orders")
TEST = "tests/test_api.py::test_list"


def query(sql, key="new", place=PLACE, tests=(TEST,), **more):
    return msgspec.structs.replace(fix_reports.query(key, sql, place, tests), **more)


def baseline(*queries):
    entries = [entry_from(one, Planned((fix_reports.plan(),))) for one in queries]
    return Baseline({(one.database, one.key): one for one in entries}, {})


def run(*ended, collected=None, **more):
    return Capture((), finished=ended or (TEST,), collected=collected or ended or (TEST,), **more)


def old_keys(old, *queries, capture=None):
    """By today's key: the one its entry has."""
    found = under_todays_keys(old, queries, capture or run())
    return {key: entry.key for (_, key), entry in found.entries.items()}


WIDE = ", ".join(f"o.column_{number}" for number in range(40))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (OLD, EDITED),
        (EDITED, OLD),
        (OLD, "SELECT o.id FROM orders o WHERE upper(o.customer_id) = $1"),
        (OLD, OLD + " ORDER BY o.created_at DESC LIMIT $2"),
        (OLD, "SELECT o.id, o.total FROM orders o WHERE o.client_id = $1"),
        (OLD, OLD.replace("WHERE", "JOIN customers c ON c.id = o.customer_id WHERE")),
        ("UPDATE orders SET status = $1 WHERE id = $2",
         "UPDATE orders SET status = $1, shipped_at = now() WHERE id = $2 AND status = $3"),
    ],
)  # fmt: skip
def test_a_query_edited_in_place_keeps_its_entry(before, after):
    assert old_keys(baseline(query(before, "old")), query(after)) == {"new": "old"}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (OLD, "SELECT c.id, c.total FROM customers c WHERE c.customer_id = $1"),
        (OLD, "DELETE FROM orders o WHERE o.customer_id = $1"),
        (OLD, "SELECT o.day FROM orders o JOIN regions r ON r.code = o.region "  # noqa: ISC004
              "WHERE r.name LIKE $1 GROUP BY 1 HAVING count(*) > 5 ORDER BY 2 DESC"),
        ("SELECT o.id FROM orders o WHERE o.id IN ($1, ...5)",
         "SELECT o.id FROM orders o WHERE o.id IN ($1, ...20)"),
    ],
    ids=["another table", "another command", "another question", "a longer list"],
)  # fmt: skip
def test_another_query_in_the_same_place_is_new(before, after):
    assert old_keys(baseline(query(before, "old")), query(after)) == {"old": "old"}


def test_the_likest_gets_the_entry_and_the_other_one_is_new():
    far = query("SELECT o.id, o.total FROM orders o WHERE o.region = $1 LIMIT 5", "far")
    found = old_keys(baseline(query(OLD, "old")), far, query(EDITED, "near"))
    assert found == {"near": "old"}


def test_an_entry_whose_query_was_still_sent_goes_to_nobody():
    still = query(OLD, "old")
    assert old_keys(baseline(still), still, query(EDITED)) == {"old": "old"}


@pytest.mark.parametrize(
    ("place", "sql", "expected"),
    [
        (Origin("web/orders.py", 3, "list_orders"), EDITED, "old"),
        (Origin("app/orders.py", 3, "page_of_orders"), EDITED, "old"),
        (Origin("web/pages.py", 3, "page"), OLD.replace("o.total", "o.sum"), "old"),
        (Origin("web/pages.py", 3, "page"), "SELECT 1 FROM orders o WHERE o.region = $1", None),
        (Origin("web/orders.py", 3, "list_orders"), OLD.replace("customer_id = $1", "x"), None),
    ],
    ids=["module renamed", "function renamed", "moved, one column edited", "moved, another",
         "module renamed, another"],
)  # fmt: skip
def test_farther_away_the_text_must_be_liker(place, sql, expected):
    found = old_keys(baseline(query(OLD, "old")), query(sql, place=place))
    assert found.get("new") == expected


def test_other_types_of_parameters_alone_are_the_same_query_wherever_it_is():
    there = query(OLD, place=Origin("x.py", 1, "f"), tests=("other",), parameter_types=("text",))
    before = query(OLD, "old")
    capture = run(TEST, "other")
    found = under_todays_keys(baseline(before), [there], capture)
    entry = found.entries["default", "new"]
    change = as_edited(Change(ChangeKind.WORSE, "new", "default"), entry, there)
    assert change.causes == ("the types of its parameters changed: integer → text",)


@pytest.mark.parametrize(
    ("before", "types", "after", "types_after"),
    [
        ("b @> ARRAY[$1, $2]", ("text", "text"), "b @> ARRAY[$1, ...5]", ("text",)),
        ("b @> ARRAY[$1, $2] AND c = $3", ("text", "text", "date"),
         "b @> ARRAY[$1, ...5] AND c = $2", ("text", "date")),
        ("b @> ARRAY[$1, $2] AND c = $3", (), "b @> ARRAY[$1, ...5] AND c = $2", ()),
        ("a IN ($1, ...) AND b @> ARRAY[$2, $3]", ("integer", "text", "text"),
         "a IN ($1, ...) AND b @> ARRAY[$2, ...5]", ("integer", "text")),
    ],
)  # fmt: skip
def test_an_entry_of_an_earlier_normal_form_is_the_same_query_unedited(
    before, types, after, types_after
):
    there = query(
        f"SELECT o.a FROM orders o WHERE {after}", place=Origin("x.py", 1, "f"), tests=("other",),
        parameter_types=types_after,
    )  # fmt: skip
    old = query(f"SELECT o.a FROM orders o WHERE {before}", "old", parameter_types=types)
    entry = under_todays_keys(baseline(old), [there], run(TEST, "other")).entries["default", "new"]
    assert (entry.key, entry.sql, entry.parameter_types) == ("old", there.sql, types_after)
    worse = Change(ChangeKind.WORSE, "new", "default", causes=("x grew",), sql=there.sql)
    change = as_edited(worse, entry, there)
    assert (change.causes, change.renamed_from) == (("x grew",), "old")


@pytest.mark.parametrize(
    "sql",
    ["SELECT a FROM orders WHERE $1 @> ARRAY[$2, $3] FOR", OLD,
     "SELECT a FROM orders WHERE c @> ARRAY[$1, d]"],
)  # fmt: skip
def test_an_entry_whose_text_cannot_be_read_or_is_as_today_stays(sql):
    (entry,) = baseline(query(sql, "old")).entries.values()
    assert as_today(entry) is entry


def test_the_columns_an_orm_lists_do_not_make_two_questions_alike():
    before = query(f"SELECT {WIDE} FROM orders o WHERE o.customer_id = $1", "old")
    asked = f"SELECT {WIDE} FROM orders o WHERE o.region LIKE $1 ORDER BY o.day DESC"
    elsewhere = query(asked, place=Origin("app/orders.py", 9, "by_region"))
    assert old_keys(baseline(before), elsewhere) == {"old": "old"}


def test_lines_of_a_library_are_nobodys_call_site():
    place = Origin("lib:celery", 0, "", Layer.LIBRARY)
    lookup = "SELECT o.id FROM orders o WHERE o.region = $1"
    assert old_keys(baseline(query(OLD, "old", place)), query(lookup, place=place)) == {
        "old": "old"
    }


def test_what_only_the_suite_sends_has_no_entry_to_get():
    place = Origin("tests/factories.py", 4, "make", Layer.TEST)
    assert old_keys(baseline(query(OLD, "old", place)), query(EDITED, place=place)) == {
        "old": "old"
    }


@pytest.mark.parametrize(
    ("capture", "expected"),
    [
        (run(), True),
        (run("other", collected=("other",)), True),
        (run("other", collected=("other", TEST)), False),
        (run(cut_short=(TEST,)), False),
        (run(partial=True), True),
        (run("other", partial=True), False),
        (run("other", interrupted="-x", collected=("other", TEST)), False),
    ],
    ids=["its test ran", "its test is no more", "its test did not run", "its test failed",
         "part of the suite with its test", "part of the suite without", "interrupted before"],
)  # fmt: skip
def test_an_entry_is_free_only_where_a_test_that_sent_it_ended_without(capture, expected):
    found = old_keys(baseline(query(OLD, "old")), query(EDITED), capture=capture)
    assert (found == {"new": "old"}) is expected


def test_the_same_pairs_come_out_in_any_order():
    old = [query(f"{OLD} AND o.a{n} = $2", f"old{n}") for n in range(5)]
    new = [query(f"{OLD} AND o.a{n} = $2 LIMIT $3", f"new{n}") for n in range(5)]
    wanted = {f"new{n}": f"old{n}" for n in range(5)}
    assert old_keys(baseline(*old), *new) == wanted
    assert old_keys(baseline(*reversed(old)), *reversed(new)) == wanted


def test_an_edited_query_is_not_missing_and_its_edit_is_the_first_cause():
    after = query(EDITED)
    found = under_todays_keys(baseline(query(OLD, "old")), [after], run())
    assert missing(found, {("default", "new")}, run(), complete=True) == ()
    worse = Change(
        ChangeKind.WORSE, "new", "default", causes=("x grew",), statistics_only=True, sql=EDITED
    )
    entry = found.entries["default", "new"]
    change = as_edited(worse, entry, after)
    assert change.causes == ("the SQL changed: AND o.status = $2 is new", "x grew")
    assert not change.statistics_only
    assert (change.renamed_from, change.sql_before) == ("old", OLD)
    asked = as_edited(worse, entry, after, asked=True)
    assert (asked.causes, asked.renamed_from) == (("x grew",), "old")


def test_an_edit_that_moves_no_plan_is_no_cause():
    same = Change(ChangeKind.SAME, "new", "default")
    entry = next(iter(baseline(query(OLD, "old")).entries.values()))
    assert as_edited(same, entry, query(EDITED)).causes == ()
    assert as_edited(same, entry, query(OLD, "old")) is same
