from __future__ import annotations

from collections.abc import Iterator

import msgspec

import fix_plans
from pytest_planguard.model.finding import Advice, Candidate, Severity
from pytest_planguard.model.judgement import Context
from pytest_planguard.model.plan import Drawn, Planned, SampleKind
from pytest_planguard.pipeline.samples import judged
from pytest_planguard.rules import missing_index, seq_scan_large_table

ADVICE = Advice(("CREATE INDEX CONCURRENTLY x ON public.orders (customer_id);",), 6945.0, 44.0, 9)
KIND = "the most common value of public.orders.customer_id"


def asked(other: str) -> Context:
    """A scan of all of orders with a common value, and with the tests' value another plan."""
    context = fix_plans.context("seq_equality")
    (common,) = context.planned.plans
    common = msgspec.structs.replace(common, sample=SampleKind.COMMON, drawn=Drawn(KIND))
    captured = fix_plans.context(other)
    return msgspec.structs.replace(
        context,
        planned=Planned((common, *captured.planned.plans)),
        reads={0: context.reads[0], 1: captured.reads[0]},
        advice={"public.orders": ADVICE},
    )


def findings(context: Context) -> list[Candidate]:
    return list(judged(seq_scan_large_table.check, context))


def test_what_only_a_common_value_shows_says_so_and_is_a_warning() -> None:
    (found,) = findings(asked("primary_key"))

    assert found.message.endswith(f"100 % of the query's, with {KIND}")
    assert found.severity is Severity.WARNING


def test_an_index_that_helps_a_common_value_alone_is_a_warning() -> None:
    (found,) = judged(missing_index.check, asked("primary_key"))
    (needed,) = judged(missing_index.check, asked("seq_equality"))

    assert (found.severity, needed.severity) == (Severity.WARNING, Severity.ERROR)
    assert found.message.endswith(f"with {KIND}")


def test_what_the_tests_values_show_too_is_judged_as_ever() -> None:
    (found,) = findings(asked("seq_equality"))

    assert KIND not in found.message
    assert found.severity is Severity.ERROR


def test_without_common_values_nothing_is_added() -> None:
    context = fix_plans.context("seq_equality", advice={"public.orders": ADVICE})

    (found,) = findings(context)

    assert found.severity is Severity.ERROR


def test_a_message_that_happens_to_hold_the_kind_of_a_value_is_qualified_all_the_same() -> None:
    def check(context: Context) -> Iterator[Candidate]:
        for found in seq_scan_large_table.check(context):
            yield msgspec.structs.replace(found, message=f"beside {KIND}, another table is read")

    (found,) = judged(check, asked("primary_key"))

    assert found.message.endswith(f"is read, with {KIND}")
    assert found.severity is Severity.WARNING


def test_a_message_that_names_its_values_itself_stays_as_it_is() -> None:
    def check(context: Context) -> Iterator[Candidate]:
        for found in seq_scan_large_table.check(context):
            yield msgspec.structs.replace(found, names_values=True)

    (found,) = judged(check, asked("primary_key"))

    assert KIND not in found.message
