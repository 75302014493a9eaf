"""What is read of a tool's journal."""

from __future__ import annotations

from pathlib import Path

from pytest_planguard.migrations.sources.tool import Line, ToolSource
from pytest_planguard.model.migration import Tool


def test_what_a_tool_says_of_its_failure_quotes_no_password(tmp_path: Path) -> None:
    said = "no such host in postgresql+psycopg://me:hunter2@db/shop"
    lines = [Line(failure=said), Line(irreversible=f"downgrade: {said}")]
    recording = ToolSource(Tool.ALEMBIC, "head", tmp_path)._recording(lines)
    assert recording.failure == "no such host in postgresql+psycopg://me:…@db/shop"
    assert recording.irreversible == f"downgrade: {recording.failure}"
