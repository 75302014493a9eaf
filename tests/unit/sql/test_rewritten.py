"""Statements written otherwise, as text."""

from __future__ import annotations

import pytest

from pytest_planguard.sql.alternatives import narrowed, united
from pytest_planguard.sql.anti_joins import not_exists
from pytest_planguard.sql.decorrelated import decorrelated
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


BOUGHT = "SELECT l.order_id FROM lines AS l WHERE l.sku = $2"


@pytest.mark.parametrize(
    ("text", "new"),
    [
        (
            f"SELECT total FROM orders o WHERE o.at > $3 AND (o.buyer = $1 OR o.id IN ({BOUGHT}))",
            (
                "o.id IN (SELECT o.id FROM orders AS o WHERE o.buyer = $1 UNION "
                f"SELECT o.id FROM orders AS o WHERE o.id IN ({BOUGHT}))"
            ),
        ),
        (
            (
                "DELETE FROM orders WHERE buyer = $1 OR "
                "EXISTS (SELECT 1 FROM lines WHERE sku = orders.sku)"
            ),
            (
                "orders.id IN (SELECT orders.id FROM orders WHERE buyer = $1 UNION SELECT "
                "orders.id FROM orders WHERE EXISTS (SELECT 1 FROM lines WHERE sku = orders.sku))"
            ),
        ),
        (
            (
                "SELECT count(*) FROM orders JOIN lines l ON l.order_id = orders.id "
                "WHERE orders.buyer = $1 OR orders.seller = $1"
            ),
            (
                "orders.id IN (SELECT orders.id FROM orders WHERE orders.buyer = $1 UNION "
                "SELECT orders.id FROM orders WHERE orders.seller = $1)"
            ),
        ),
    ],
)
def test_the_sides_of_an_or_become_searches_for_keys(text, new):
    found = united(text, "orders", "id")

    assert found is not None
    assert found.new == new
    assert found.new in found.statement.text
    assert found.old not in found.statement.text


@pytest.mark.parametrize(
    "text",
    [
        "SELECT 1 FROM orders WHERE buyer = $1 AND seller = $2",
        "SELECT 1 FROM orders o, lines l WHERE o.buyer = $1 OR l.sku = $2",  # of two tables
        "SELECT 1 FROM orders o, lines l WHERE buyer = $1 OR o.seller = $2",  # whose is buyer?
        "SELECT 1 FROM lines l LEFT JOIN orders o ON true WHERE o.id IS NULL OR o.buyer = $1",
        "SELECT 1 FROM orders a, orders b WHERE a.buyer = $1 OR a.seller = $2",  # which of them?
        "SELECT 1 FROM orders WHERE buyer = $1 OR $2",  # all rows or none: no search
        "WITH orders AS (SELECT 1 AS id) SELECT 1 FROM orders WHERE id = 1 OR id = 2",
        (
            "SELECT 1 FROM orders o JOIN lines l ON l.order_id = o.id "
            "WHERE o.buyer = $1 OR EXISTS (SELECT 1 FROM gifts g WHERE g.sku = l.sku)"
        ),
        "SELECT 1 FROM customers WHERE id = 1 OR name = 'x'",
        "no SQL",
    ],
)
def test_an_or_that_may_mean_something_else_as_keys_is_left_alone(text):
    assert united(text, "orders", "id") is None


MEMBERS = "members m ON m.project_id = p.id"


@pytest.mark.parametrize(
    ("text", "new"),
    [
        (
            (
                f"SELECT DISTINCT p.id, count(c.id) FROM projects p LEFT JOIN {MEMBERS} "
                "LEFT JOIN checks c ON c.project_id = p.id WHERE p.owner = $1 OR m.user_id = $1"
            ),
            (
                "p.id IN (SELECT p.id FROM projects AS p WHERE p.owner = $1 UNION SELECT p.id "
                "FROM projects AS p LEFT JOIN members AS m ON m.project_id = p.id "
                "WHERE m.user_id = $1)"
            ),
        ),
        (
            (
                "SELECT 1 FROM projects JOIN users u ON u.id = projects.owner "
                "WHERE projects.name = $1 OR u.name = $2"
            ),
            (
                "projects.id IN (SELECT projects.id FROM projects JOIN users AS u ON u.id = "
                "projects.owner WHERE projects.name = $1 UNION SELECT projects.id FROM projects "
                "JOIN users AS u ON u.id = projects.owner WHERE u.name = $2)"
            ),
        ),
        (
            (  # what a kept join needs is kept
                "SELECT 1 FROM projects p LEFT JOIN users u ON u.id = p.owner "
                "LEFT JOIN teams t ON t.id = u.team WHERE p.name = $1 OR t.name = $1"
            ),
            (
                "p.id IN (SELECT p.id FROM projects AS p WHERE p.name = $1 UNION SELECT p.id "
                "FROM projects AS p LEFT JOIN users AS u ON u.id = p.owner "
                "LEFT JOIN teams AS t ON t.id = u.team WHERE t.name = $1)"
            ),
        ),
    ],
)
def test_an_or_of_several_tables_gets_the_keys_of_its_sides_beside_it(text, new):
    found = narrowed(text, "projects", "id")

    assert found is not None
    assert found.new.replace("INNER JOIN", "JOIN") == new
    assert f"({found.old}) AND {found.new}" in found.statement.text
    spans = found.statement.spans
    assert [found.statement.text[a:b] for a, b, _ in spans] == [f"${n}" for _, _, n in spans]


@pytest.mark.parametrize(
    "text",
    [
        f"SELECT 1 FROM projects p LEFT JOIN {MEMBERS} WHERE p.owner = $1 OR p.name = $2",
        f"SELECT 1 FROM projects p LEFT JOIN {MEMBERS} WHERE p.owner = $1 OR user_id = $2",
        f"SELECT 1 FROM projects p LEFT JOIN {MEMBERS} WHERE p.owner = $1 AND m.user_id = $2",
        f"SELECT 1 FROM projects p LEFT JOIN {MEMBERS} WHERE p.owner = m.user_id OR $1",
        # an outer join makes projects of NULLs, which have no key
        "SELECT 1 FROM members m LEFT JOIN projects p ON true WHERE p.owner = 1 OR m.user_id = 2",
        "SELECT 1 FROM projects p FULL JOIN members m ON true WHERE p.owner = 1 OR m.user_id = 2",
        "SELECT 1 FROM projects p RIGHT JOIN members m ON true WHERE p.owner = 1 OR m.user_id = 2",
        "SELECT 1 FROM projects p, members m WHERE p.owner = $1 OR m.user_id = $2",
        "UPDATE projects p SET name = '' FROM members m WHERE p.owner = $1 OR m.user_id = $2",
        "SELECT 1 FROM checks c JOIN members m ON true WHERE c.id = 1 OR m.user_id = 2",
        "SELECT 1",
    ],
)
def test_an_or_that_keys_would_not_serve_or_change_gets_none(text):
    assert narrowed(text, "projects", "id") is None


@pytest.mark.parametrize(
    ("condition", "new"),
    [
        (
            "(SELECT count(*) FROM lines l WHERE l.order_id = o.id) > 0",
            "EXISTS (SELECT 1 FROM lines AS l WHERE l.order_id = o.id)",
        ),
        (
            "0 = (SELECT count(*) FROM lines l WHERE l.order_id = o.id AND l.sku = $1)",
            "NOT EXISTS (SELECT 1 FROM lines AS l WHERE l.order_id = o.id AND l.sku = $1)",
        ),
        (
            "1 <= (SELECT count(*) FROM lines l WHERE l.order_id = o.id)",
            "EXISTS (SELECT 1 FROM lines AS l WHERE l.order_id = o.id)",
        ),
        (
            "o.at = (SELECT max(x.at) FROM orders x WHERE o.buyer = x.buyer)",
            "(o.buyer, o.at) IN (SELECT x.buyer, max(x.at) FROM orders AS x GROUP BY x.buyer)",
        ),
        (
            (
                "(SELECT min(x.at) FROM orders x WHERE x.shop = o.shop AND x.buyer = o.buyer "
                "AND (x.paid OR x.free)) = o.at"
            ),
            (
                "(o.shop, o.buyer, o.at) IN (SELECT x.shop, x.buyer, min(x.at) FROM orders AS x "
                "WHERE x.paid OR x.free GROUP BY x.shop, x.buyer)"
            ),
        ),
    ],
)
def test_a_sub_select_that_is_run_for_each_row_becomes_one_that_is_joined(condition, new):
    found = decorrelated(f"SELECT o.id FROM orders o WHERE o.total > 5 AND {condition}")

    assert found is not None
    assert (found.new, found.place) == (new, 1)
    assert new in found.statement.text


def test_in_a_normal_form_the_constant_is_known_from_the_statement():
    normal = (
        "SELECT o.id FROM orders o WHERE (SELECT count(*) FROM lines WHERE lines.id = o.id) = $1"
    )

    assert decorrelated(normal) is None
    found = decorrelated(normal, 0, "NOT EXISTS")
    assert found is not None
    assert found.new == "NOT EXISTS (SELECT 1 FROM lines WHERE lines.id = o.id)"


@pytest.mark.parametrize(
    "condition",
    [
        "(SELECT count(*) FROM lines l WHERE l.order_id = o.id) > 3",
        "(SELECT count(l.sku) FROM lines l WHERE l.order_id = o.id) > 0",  # NULLs do not count
        "(SELECT count(*) FROM lines l WHERE l.order_id = o.id HAVING true) > 0",
        "o.total = (SELECT count(*) FROM lines l WHERE l.order_id = o.id)",  # none is 0, no group
        "o.at < (SELECT max(x.at) FROM orders x WHERE x.buyer = o.buyer)",
        "o.at = (SELECT max(x.at) FROM orders x WHERE x.buyer > o.buyer)",
        "o.at = (SELECT max(x.at) FROM orders x WHERE x.buyer = o.buyer LIMIT 1)",
        "o.at = (SELECT max(at) FROM lines l WHERE l.order_id = o.id)",  # whose is at?
        "o.at = (SELECT max(x.at) FROM orders x)",  # it is run once as it is
        "o.total = 5",
    ],
)
def test_a_sub_select_that_would_select_other_rows_joined_is_left_alone(condition):
    assert decorrelated(f"SELECT o.id FROM orders o WHERE {condition}") is None
