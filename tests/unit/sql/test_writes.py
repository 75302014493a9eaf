from __future__ import annotations

from typing import Any

import pytest

from pytest_planguard.sql.writes import Write, of_relation, writes

MERGE = """
MERGE INTO t USING s ON s.id = t.id
WHEN MATCHED AND s.gone THEN DELETE
WHEN MATCHED THEN UPDATE SET n = s.n
WHEN NOT MATCHED THEN INSERT VALUES (s.id)
"""


@pytest.mark.parametrize(
    ("sql", "found"),
    [
        ("DELETE FROM orders WHERE id = $1", [Write("orders")]),
        ("UPDATE shop.orders SET id = $1, note = 'x' WHERE id = $2",
         [Write("orders", ("id", "note"), "shop")]),
        ("UPDATE orders o SET id = o.id, number = number, note = upper(note)",
         [Write("orders", ("note",))]),
        ("INSERT INTO t (id, n) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET n = excluded.n + 1",
         [Write("t", ("n",))]),
        ("INSERT INTO t (id) VALUES ($1) ON CONFLICT DO NOTHING", [Write("t", ())]),
        ("INSERT INTO t (id, n) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET id = excluded.id",
         [Write("t", ())]),
        ("UPDATE t SET id = s.id FROM s", [Write("t", ("id",))]),
        (MERGE, [Write("t"), Write("t", ("n",))]),
        ("SELECT * FROM orders FOR UPDATE", []),
        ("no SQL at all", []),
    ],
)  # fmt: skip
def test_what_a_statement_deletes_and_sets(sql: str, found: list[Write]) -> None:
    assert list(writes(sql)) == found


def test_statements_in_ctes_write_too() -> None:
    sql = "WITH gone AS (DELETE FROM a RETURNING id) UPDATE b SET n = 1 FROM gone"

    assert set(writes(sql)) == {Write("a"), Write("b", ("n",))}


@pytest.mark.parametrize(
    ("sql", "sets"),
    [
        ("WITH x AS (UPDATE a.notes SET n = 1) UPDATE b.notes SET m = 1", ("n",)),
        ("WITH x AS (UPDATE notes SET n = 1) UPDATE b.notes SET m = 1", ("n",)),
        ("UPDATE template.notes SET n = 1", ("n",)),
    ],
)
def test_relations_of_one_name_are_told_apart_by_their_schemas(sql: str, sets: Any) -> None:
    assert [one.columns for one in of_relation(writes(sql), "a", "notes")] == [sets]
    assert of_relation(writes(sql), "a", "other") == []
