from __future__ import annotations

import pytest

from pytest_planguard.sql.renames import Rename, Renamed, renames


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ALTER TABLE shop.a RENAME TO b", Rename(Renamed.RELATION, "shop", "a", "a", "b")),
        ('ALTER TABLE "A b" RENAME TO "C"', Rename(Renamed.RELATION, "", "A b", "A b", "C")),
        ("alter table if exists only t rename x to y", Rename(Renamed.COLUMN, "", "t", "x", "y")),
        ("ALTER INDEX i RENAME TO j", Rename(Renamed.RELATION, "", "i", "i", "j")),
        ("ALTER MATERIALIZED VIEW m RENAME TO n", Rename(Renamed.RELATION, "", "m", "m", "n")),
        ("ALTER SCHEMA s RENAME TO t", Rename(Renamed.SCHEMA, "", "", "s", "t")),
        ("ALTER TABLE a SET SCHEMA s", Rename(Renamed.MOVED, "", "a", "a", "s")),
    ],
)
def test_each_kind_of_rename_is_read(text, expected):
    assert renames([text]) == (expected,)


@pytest.mark.parametrize(
    "text",
    [
        "ALTER TABLE t RENAME CONSTRAINT a TO b",
        "ALTER TYPE t RENAME VALUE 'a' TO 'b'",
        "ALTER TYPE t RENAME ATTRIBUTE a TO b",
        "ALTER VIEW v RENAME TO w",
        "ALTER TABLE t ADD rename text",
        "ALTER TABLE t RENAME TO",
        "SELECT 'ALTER TABLE a RENAME TO b'",
    ],
)
def test_what_no_statistics_go_by_is_left_out(text):
    assert renames([text]) == ()


def test_the_order_is_that_of_the_statements():
    texts = ["ALTER TABLE a RENAME TO b; ALTER TABLE b RENAME x TO y", "ALTER TABLE b RENAME TO c"]
    assert [(one.old, one.new) for one in renames(texts)] == [("a", "b"), ("x", "y"), ("b", "c")]
