"""What is read of a tool's journal."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_planguard.migrations.recorded import Sent
from pytest_planguard.migrations.sources.tool import Line, ToolSource, singly
from pytest_planguard.model.migration import Tool


def test_what_a_tool_says_of_its_failure_quotes_no_password(tmp_path: Path) -> None:
    said = "no such host in postgresql+psycopg://me:hunter2@db/shop"
    lines = [Line(failure=said), Line(irreversible=f"downgrade: {said}")]
    recording = ToolSource(Tool.ALEMBIC, "head", tmp_path)._recording(lines)
    assert recording.failure == "no such host in postgresql+psycopg://me:…@db/shop"
    assert recording.irreversible == f"downgrade: {recording.failure}"


ADDED = "ALTER TABLE t ADD COLUMN o int CONSTRAINT f REFERENCES o"
CHECKED = 'SET CONSTRAINTS "f" IMMEDIATE'


@pytest.mark.parametrize(
    ("sent", "single"),
    [
        (["BEGIN", f"{ADDED}; {CHECKED}", "COMMIT"], ["BEGIN", ADDED, CHECKED, "COMMIT"]),
        ([f"{ADDED}; {CHECKED};"], ["BEGIN", ADDED, CHECKED, "COMMIT"]),
        (["BEGIN; DROP TABLE t; COMMIT", "DROP TABLE u; DROP TABLE v"],
         ["BEGIN", "DROP TABLE t", "COMMIT", "BEGIN", "DROP TABLE u", "DROP TABLE v", "COMMIT"]),
        (["BEGIN", "DROP TABLE t", "ROLLBACK", "DROP TABLE u; DROP TABLE v"],
         ["BEGIN", "DROP TABLE t", "ROLLBACK",
          "BEGIN", "DROP TABLE u", "DROP TABLE v", "COMMIT"]),
        (["DO $$ BEGIN DELETE FROM t; END $$;", "SELECT ';'"],
         ["DO $$ BEGIN DELETE FROM t; END $$;", "SELECT ';'"]),
        ([r"SELECT 1; \d"], [r"SELECT 1; \d"]),
    ],
)  # fmt: skip
def test_several_statements_of_one_text_are_sent_one_by_one_in_one_transaction(sent, single):
    assert [one.text for one in singly(map(Sent, sent))] == single
