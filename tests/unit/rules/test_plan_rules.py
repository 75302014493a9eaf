from __future__ import annotations

import msgspec
import pytest

import fix_plans
from pytest_planguard.model.finding import Advice, Candidate, Severity
from pytest_planguard.model.judgement import Rewrite
from pytest_planguard.model.report import Change, ChangeKind, RelationChange
from pytest_planguard.model.spec import Thresholds
from pytest_planguard.model.statement import Layer
from pytest_planguard.rules import (
    full_read_large_table,
    missing_index,
    plan_regression,
    seq_scan_large_table,
    unbounded_result,
)

ADVICE = Advice(("CREATE INDEX CONCURRENTLY x ON public.orders (customer_id);",), 6945.0, 44.0, 9)


def seq(name: str, **facts: object) -> list[Candidate]:
    return list(seq_scan_large_table.check(fix_plans.context(name, **facts)))


@pytest.mark.parametrize("major", fix_plans.MAJORS)
def test_a_scan_for_few_rows_is_a_warning_with_rows_bytes_and_cost_in_this_order(
    major: int,
) -> None:
    (found,) = seq("seq_equality", major=major)

    assert found.severity is Severity.WARNING
    assert found.message == (
        "reads 200,000 rows (36.4 MB) of public.orders to keep 10; cost 6,940, 100 % of the query's"
    )
    assert found.evidence["rows_read"] == 200_000


def test_with_a_verified_index_it_is_an_error_that_brings_the_ddl() -> None:
    (found,) = seq("seq_equality", advice={"public.orders": ADVICE})

    assert (found.severity, found.remedy, found.advice) == (Severity.ERROR, ADVICE.ddl[0], ADVICE)


def test_with_a_verified_rewrite_it_is_an_error_too() -> None:
    rewrite = Rewrite("QRY002", "public.orders", "pass an integer", 7445.0, 8.0)

    (found,) = seq("numeric_cast", rewrites=(rewrite,))

    assert (found.severity, found.remedy) == (Severity.ERROR, "pass an integer")
    assert found.message == (
        "reads 200,000 rows (36.4 MB) of public.orders and tests each; the query costs 7,440, "
        "written otherwise 8"
    )


def test_what_the_planner_guesses_is_no_number_of_rows() -> None:
    (found,) = seq("numeric_cast")
    assert found.message.startswith(
        "reads 200,000 rows (36.4 MB) of public.orders and tests each; cost 7,440, 100 %"
    )


def test_without_proof_it_says_why_no_index_helps() -> None:
    (found,) = seq("leading_wildcard")

    assert found.severity is Severity.WARNING
    assert "does not begin with fixed text" in found.remedy


def test_where_nothing_was_proven_it_says_what_would_have_been_a_proof() -> None:
    (found,) = seq("seq_equality")

    assert found.remedy == (
        "no index was proven to help: none was found that makes the query at least 30 % "
        "and 100 cost units cheaper with every value that reads too much"
    )


@pytest.mark.parametrize(
    "silent",
    [
        "primary_key",
        "limit_seq_stops_early",
        "limit_stops_early",
        "unbounded",  # it keeps most of what it reads
        "full_read",
        "relabel",
        "wrong_order_index",  # an index is walked: PLN004
    ],
)
def test_it_is_silent_where_a_scan_is_not_the_fault(silent: str) -> None:
    assert seq(silent) == []


def test_a_scan_with_a_small_share_of_the_cost_is_left_alone() -> None:
    found = {one.relation for one in seq("init_plan")}

    assert found == {"public.orders"}  # customers: 6 % of the cost


def test_a_critical_table_is_judged_without_gates_but_the_first() -> None:
    critical = Thresholds(critical_tables=frozenset({"public.customers"}))
    tiny = Thresholds(large_table_rows=50_000, critical_tables=frozenset({"public.customers"}))

    assert {one.relation for one in seq("init_plan", thresholds=critical)} == {
        "public.orders", "public.customers",
    }  # fmt: skip
    assert {one.relation for one in seq("init_plan", thresholds=tiny)} == {"public.orders"}


def test_a_scan_that_no_index_is_proven_to_help_fails_on_a_critical_table_alone() -> None:
    critical = Thresholds(critical_tables=frozenset({"public.customers"}))

    found = {one.relation: one for one in seq("init_plan", thresholds=critical)}
    assert not any(one.verified for one in found.values())
    assert found["public.orders"].severity is Severity.WARNING
    assert found["public.customers"].severity is Severity.ERROR


def test_a_scan_that_keeps_much_is_a_fault_where_a_search_was_proven() -> None:
    rewrite = Rewrite("PLN001", "public.orders", "write orders.id IN (…)", 6_900.0, 17.0)
    other = msgspec.structs.replace(rewrite, rule="QRY005")

    (found,) = seq("unbounded", rewrites=(rewrite,))

    assert (found.severity, found.remedy) == (Severity.ERROR, "write orders.id IN (…)")
    assert found.message == (
        "reads 200,000 rows (36.4 MB) of public.orders and tests each; the query costs 6,900, "
        "written otherwise 17"
    )
    assert seq("unbounded", rewrites=(other,)) == []


def test_partitions_are_named_as_one_table() -> None:
    (found,) = seq("partitions_all")

    assert found.relation == "public.events"
    assert "in 4 partitions" in found.message


def test_a_full_read_is_an_information_and_a_limit_or_condition_silences_it() -> None:
    def full(name: str) -> list[str | None]:
        return [one.relation for one in full_read_large_table.check(fix_plans.context(name))]

    assert full("full_read") == ["public.orders"]
    assert full("index_only_count") == ["public.orders"]
    assert full("seq_equality") == full("limit_seq_stops_early") == []


def test_a_missing_index_is_given_only_where_it_was_verified() -> None:
    bare = fix_plans.context("seq_equality")
    advised = fix_plans.context("seq_equality", advice={"public.orders": ADVICE})

    assert list(missing_index.check(bare)) == []
    (found,) = missing_index.check(advised)
    assert found.verified
    assert found.message == (
        "reads 200,000 rows (36.4 MB) of public.orders to keep 10; "
        "an index brings the cost from 6,940 to 44"
    )


WORSE = Change(
    ChangeKind.WORSE,
    "abc",
    "default",
    relations=(
        RelationChange("orders", "public.orders", "index", "seq"),
        RelationChange("c", "public.customers", "index-only", "index"),
    ),
    cost_before=8.4,
    cost_after=6900.0,
    causes=("index orders_customer_id_idx is gone since the baseline",),
)


def test_a_regression_names_table_access_rows_factor_and_cause() -> None:
    (found,) = plan_regression.check(fix_plans.context("seq_equality", change=WORSE))

    assert found.severity is Severity.ERROR
    assert found.relation == "public.orders"
    assert found.message == (
        "public.orders: index → seq (200,000 rows, cost ×821); public.customers index-only → index"
    )
    assert found.remedy.startswith("because index orders_customer_id_idx is gone")


def test_without_a_known_cause_none_is_made_up() -> None:
    change = msgspec.structs.replace(WORSE, causes=(), relations=())

    (found,) = plan_regression.check(fix_plans.context("seq_equality", change=change))

    assert found.relation is None
    assert found.remedy.startswith("cause unknown")


@pytest.mark.parametrize(
    "change",
    [
        None,
        msgspec.structs.replace(WORSE, kind=ChangeKind.CHANGED),
        msgspec.structs.replace(WORSE, kind=ChangeKind.BETTER),
    ],
)
def test_ties_and_gains_are_no_regression(change: Change | None) -> None:
    assert list(plan_regression.check(fix_plans.context("seq_equality", change=change))) == []


def test_what_growth_made_worse_is_listed_as_a_warning() -> None:
    causes = ("public.orders grew from 4,700,000 to 47,000,000 rows",)
    change = msgspec.structs.replace(WORSE, causes=causes, statistics_only=True)

    (found,) = plan_regression.check(fix_plans.context("seq_equality", change=change))

    assert found.severity is Severity.WARNING
    assert found.remedy.startswith(f"because {causes[0]}: nobody's change; see ")


def unbounded(name: str, **facts: object) -> list[Candidate]:
    return list(unbounded_result.check(fix_plans.context(name, **facts)))


def test_a_list_without_an_end_is_a_warning_of_the_query() -> None:
    (found,) = unbounded("unbounded")

    assert (found.relation, found.severity) == (None, Severity.WARNING)
    assert found.message.startswith("returns 159,947 rows")


def test_a_list_a_library_asks_for_is_information_only() -> None:
    (found,) = unbounded("unbounded", layer=Layer.LIBRARY)

    assert found.severity is Severity.INFO


@pytest.mark.parametrize("name", ["grouped", "max_of", "seq_equality", "wrong_order_index"])
def test_aggregates_limits_and_short_lists_have_an_end(name: str) -> None:
    assert unbounded(name) == []


def test_a_stream_is_held_by_nobody() -> None:
    assert unbounded("unbounded", stream=True) == []


def test_a_fixed_guess_of_the_planner_is_no_evidence_of_many_rows() -> None:
    low = Thresholds(unbounded_rows=500)

    assert unbounded("date_function", thresholds=low) == []
    assert unbounded("numeric_cast", thresholds=low) == []
    assert unbounded("unbounded", thresholds=low) != []
