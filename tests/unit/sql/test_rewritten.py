"""Statements written otherwise, as text."""

from __future__ import annotations

import pytest

from pytest_planguard.sql.anti_joins import not_exists
from pytest_planguard.sql.half_open import half_open
from pytest_planguard.sql.offsets import at_offset, paging


@pytest.mark.parametrize(
    ("text", "condition"),
    [
        (
            "SELECT id FROM a WHERE id NOT IN (SELECT a_id FROM b)",
            "NOT EXISTS (SELECT 1 FROM b WHERE b.a_id = a.id)",
        ),
        (
            (
                "SELECT 1 FROM a x JOIN c ON true WHERE c.k = $1 AND NOT x.id IN "
                "(SELECT DISTINCT y.a_id FROM b AS y WHERE y.at < $2 ORDER BY 1)"
            ),
            "NOT EXISTS (SELECT 1 FROM b AS y WHERE y.a_id = x.id AND y.at < $2)",
        ),
        (
            "DELETE FROM a WHERE id <> ALL (SELECT b.a_id FROM b)",
            "NOT EXISTS (SELECT 1 FROM b WHERE b.a_id = a.id)",
        ),
    ],
)
def test_not_in_becomes_an_anti_join(text, condition):
    found = not_exists(text)

    assert found is not None
    assert found.condition == condition
    assert condition in found.statement.text
    assert [table for _, table in found.columns] == ["b", "a"]
    numbers = [number for _, _, number in found.statement.spans]
    assert [found.statement.text[a:b] for a, b, _ in found.statement.spans] == [
        f"${number}" for number in numbers
    ]


@pytest.mark.parametrize(
    "text",
    [
        "SELECT id FROM a WHERE id IN (SELECT a_id FROM b)",
        "SELECT id FROM a WHERE id NOT IN (1, 2)",
        "SELECT id FROM a WHERE id NOT IN (SELECT count(*) FROM b)",
        "SELECT id FROM a WHERE id NOT IN (SELECT a_id FROM b LIMIT 5)",
        "SELECT id FROM a WHERE id NOT IN (SELECT a_id FROM b UNION SELECT a_id FROM c)",
        "SELECT id FROM a WHERE id NOT IN (SELECT parent FROM a)",  # whose id would it be?
        "SELECT 1 FROM a, c WHERE id NOT IN (SELECT a_id FROM b)",
        "SELECT id FROM a WHERE (id, k) NOT IN (SELECT a_id, k FROM b)",
        "SELECT id FROM a",
        "no SQL",
    ],
)
def test_what_may_mean_something_else_is_left_alone(text):
    assert not_exists(text) is None


@pytest.mark.parametrize(
    ("condition", "new"),
    [
        ("date(at) = $1", "at >= CAST($1 AS date) AND at < CAST($1 AS date) + 1"),
        ("o.at::date < '2026-01-02'", "o.at < CAST('2026-01-02' AS date)"),
        ("at::date >= $1 - 7", "at >= CAST($1 - 7 AS date)"),
        ("date_trunc('month', at) = $1", "at >= $1 AND at < $1 + CAST('1 month' AS interval)"),
    ],
)
def test_a_day_or_a_month_becomes_a_half_open_range(condition, new):
    found = half_open(f"SELECT 1 FROM orders o WHERE k = 3 AND {condition}")

    assert found is not None
    (one,) = found.conditions
    assert one.new.lower() == new.lower()
    assert one.begins == ("month" if "month" in condition else "")


@pytest.mark.parametrize(
    "condition",
    ["date(at) = date(paid_at)", "upper(k) = $1", "date_trunc('quarter', at) = $1", "at = $1",
     "date(at) IN ($1, $2)", "date(coalesce(at, $1)) = $2"],
)  # fmt: skip
def test_what_is_no_comparison_of_a_moment_is_left_alone(condition):
    assert half_open(f"SELECT 1 FROM orders WHERE {condition}") is None


def test_paging_is_read_off_the_statement():
    found = paging(
        "SELECT o.id, o.total AS sum, c.name FROM orders o JOIN public.customers c ON true "
        "ORDER BY 3, sum DESC, lower(c.name), o.id LIMIT $1 OFFSET ($2 - 1) * $1"
    )

    assert found is not None
    assert found.order == (
        ("c.name", False), ("o.total", True), ("lower(c.name)", False), ("o.id", False),
    )  # fmt: skip
    assert found.columns == ("name", "total", "id")
    assert found.relations == (("orders", "o"), ("customers", "c"))
    assert found.parameter


def test_another_offset_leaves_the_other_parameters_where_they_are():
    found = at_offset("SELECT 1 FROM a WHERE k = $3 LIMIT $1 OFFSET $2", 4_700_000)

    assert found is not None
    assert found.text == "SELECT 1 FROM a WHERE k = $3 LIMIT $1 OFFSET 4700000"
    assert [(found.text[a:b], n) for a, b, n in found.spans] == [("$3", 3), ("$1", 1)]


def test_what_does_not_page_has_no_pages():
    assert paging("SELECT 1 FROM a LIMIT 5") is None
    assert at_offset("DELETE FROM a", 5) is None
    constant = paging("SELECT 1 FROM a ORDER BY k LIMIT 1 OFFSET 1")
    assert constant is not None
    assert not constant.parameter
