from __future__ import annotations

import msgspec
import pytest

import fix_plans
from pytest_planguard.model.finding import Candidate, Severity
from pytest_planguard.model.judgement import Context, Rewrite
from pytest_planguard.rules import cast_on_indexed_column, function_on_indexed_column
from pytest_planguard.sql.rewriting import day_range


def functions(name: str) -> list[Candidate]:
    return list(function_on_indexed_column.check(fix_plans.context(name)))


def casts(name: str) -> list[Candidate]:
    return list(cast_on_indexed_column.check(fix_plans.context(name)))


def filtered(name: str, alias: str, text: str) -> Context:
    """A captured plan's context whose read has another filter."""
    context = fix_plans.context(name)
    reads = tuple(
        msgspec.structs.replace(read, filter=(text,), conditions=(text,))
        if read.alias == alias
        else read
        for read in context.reads[0]
    )
    return msgspec.structs.replace(context, reads={0: reads})


@pytest.mark.parametrize("major", fix_plans.MAJORS)
def test_the_day_of_a_timestamp_is_rewritten_as_a_half_open_range(major: int) -> None:
    (found,) = function_on_indexed_column.check(fix_plans.context("date_function", major=major))

    assert "date(created_at) is computed for every row of public.orders" in found.message
    assert "orders_created_at_idx" in found.message
    assert found.remedy == (
        "instead of date(created_at) write created_at >= <day> AND created_at < <day> + 1 day"
    )


def test_a_function_is_explained_with_the_users_own_expression() -> None:
    (found,) = functions("function_on_column")

    assert "upper((email)::text)" in found.remedy


@pytest.mark.parametrize("name", ["seq_equality", "relabel", "leading_wildcard", "numeric_cast"])
def test_no_function_no_explanation(name: str) -> None:
    assert functions(name) == []


def test_a_function_of_a_column_without_an_index_explains_nothing() -> None:
    context = filtered("seq_equality", "orders", "(upper(orders.note) = 'X'::text)")

    assert list(function_on_indexed_column.check(context)) == []


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("((orders.legacy_number + 1) = 5)", "legacy_number = <value> - 1"),
        ("(COALESCE(orders.legacy_number, 0) = 5)", "OR legacy_number IS NULL"),
        ("(date_trunc('month'::text, orders.created_at) = $1)", "created_at < <month> + 1 month"),
        ("(EXTRACT(year FROM orders.created_at) = '2025'::numeric)", "a half-open range"),
        ("(lower((orders.status)::text) = 'x'::text)", "stored in one case"),
        ("(abs(orders.legacy_number) = 5)", "an index on (abs(legacy_number))"),
    ],
)
def test_each_kind_of_function_has_its_own_remedy(text: str, says: str) -> None:
    (found,) = function_on_indexed_column.check(filtered("seq_equality", "orders", text))

    assert says in found.remedy


@pytest.mark.parametrize("major", fix_plans.MAJORS)
def test_a_numeric_parameter_is_named_with_the_type_to_pass(major: int) -> None:
    context = fix_plans.context("numeric_cast", major=major)
    sql = "SELECT * FROM orders WHERE total <> $1 AND legacy_number = $2"
    query = msgspec.structs.replace(context.query, sql=sql, parameter_types=("numeric",))

    (found,) = cast_on_indexed_column.check(msgspec.structs.replace(context, query=query))

    assert "legacy_number of public.orders is cast from integer to numeric" in found.message
    assert found.remedy == (
        "pass an integer, int(value): parameter $2 is sent as numeric (a Decimal in Python), and "
        "legacy_number is integer; or cast it: legacy_number = CAST($2 AS integer)"
    )


def test_a_relabel_is_no_cast() -> None:
    assert casts("relabel") == []
    context = filtered("seq_equality", "orders", "((orders.status)::text = 'open'::text)")
    assert list(cast_on_indexed_column.check(context)) == []


def test_the_day_of_a_timestamp_by_a_cast_is_a_half_open_range_too() -> None:
    (found,) = casts("date_cast")

    assert found.remedy == (
        "instead of (created_at)::date write created_at >= <day> AND created_at < <day> + 1 day"
    )


def test_a_cast_written_by_hand_moves_to_the_value() -> None:
    context = filtered("seq_equality", "orders", "((orders.id)::text = '5'::text)")

    (found,) = cast_on_indexed_column.check(context)

    assert found.remedy == "cast the value, not the column: id = CAST(<value> AS bigint)"


def test_a_proven_rewrite_is_told_as_proven() -> None:
    rewrite = Rewrite("QRY002", "public.orders", "send it as integer", 7445.0, 8.4)

    (found,) = cast_on_indexed_column.check(fix_plans.context("numeric_cast", rewrites=(rewrite,)))

    assert (found.remedy, found.verified, found.severity) == (
        "send it as integer", True, Severity.ERROR,
    )  # fmt: skip
    assert found.evidence == {"cost_before": 7445.0, "cost_after": 8.4}


@pytest.mark.parametrize(
    ("operator", "range_"),
    [
        ("<", "at < <day>"),
        ("<=", "at < <day> + 1 day"),
        (">", "at >= <day> + 1 day"),
        (">=", "at >= <day>"),
    ],
)
def test_each_comparison_of_a_day_has_its_own_end(operator: str, range_: str) -> None:
    assert day_range("date(at)", "at", operator) == range_
