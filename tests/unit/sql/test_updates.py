from __future__ import annotations

import pytest

from pytest_planguard.sql.updates import updated_columns


@pytest.mark.parametrize(
    ("sql", "columns"),
    [
        ("UPDATE orders SET state = $1 WHERE id = $2", {("orders", "state")}),
        ("UPDATE orders SET (a, b) = ($1, $2)", {("orders", "a"), ("orders", "b")}),
        (
            "INSERT INTO stock (id, n) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET n = $2",
            {("stock", "n")},
        ),
        (
            "WITH x AS (UPDATE a SET b = 1 RETURNING id) UPDATE c SET d = 1 FROM x",
            {("a", "b"), ("c", "d")},
        ),
        (
            "MERGE INTO t USING s ON t.id = s.id WHEN MATCHED THEN UPDATE SET v = 1",
            {("t", "v")},
        ),
        ("SELECT 1 FROM orders WHERE state = $1", set()),
        ("INSERT INTO stock (id, n) VALUES ($1, $2) ON CONFLICT DO NOTHING", set()),
        ("DELETE FROM orders", set()),
        ("MERGE INTO t USING s ON t.id = s.id WHEN NOT MATCHED THEN INSERT VALUES (1)", set()),
        ("no SQL at all", set()),
    ],
)
def test_columns_that_are_set(sql: str, columns: set[tuple[str, str]]) -> None:
    assert updated_columns(sql) == columns
