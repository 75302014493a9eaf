"""What production's statistics file says reaches the report: under new names, and by its load."""

from __future__ import annotations

import pytest

from pytest_planguard.config import load
from pytest_planguard.fixturedb.scale import statistics_file
from pytest_planguard.model.capture import Capture, Ddl
from pytest_planguard.model.report import Report
from pytest_planguard.model.statement import Origin, Phase, Place, Sample, Session, Statement
from pytest_planguard.model.statistics import (
    ColumnStatistics,
    ProductionCall,
    ScaleSource,
    Statistics,
    TableStatistics,
)
from pytest_planguard.pipeline import run

SCHEMA = """
CREATE TABLE sales (id bigint NOT NULL, code bigint NOT NULL);
CREATE TABLE events (id bigint NOT NULL, code bigint NOT NULL);
"""
RENAMES = ("ALTER TABLE orders RENAME COLUMN number TO code", "ALTER TABLE orders RENAME TO sales")
SALES, EVENTS = "SELECT id FROM sales WHERE code = $1", "SELECT id FROM events WHERE code = $1"
PLACE = Place(Origin("app.py", 1, "f"), "t", Phase.CALL)


def table(column: str, rows: int) -> TableStatistics:
    known = ColumnStatistics(avg_width=8, n_distinct=5_000)
    return TableStatistics(
        rows,
        rows // 150,
        columns={"id": known, column: known},
        types={"id": "bigint not null", column: "bigint not null"},
    )


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    """What a suite's run says, whose migrations renamed what production has not renamed yet."""
    folder = tmp_path_factory.mktemp("production")
    folder.chmod(0o755)
    statistics = Statistics(
        {"public.orders": table("number", 4_000_000), "public.events": table("code", 9_000_000)},
        "2026-01-01",
        ScaleSource.PRODUCTION,
        calls=(ProductionCall(SALES, 1_000, 1.0, 1), ProductionCall(EVENTS, 1, 1.0, 1)),
    )
    statistics_file.write(statistics, folder / "statistics.json")
    (folder / "schema.sql").write_text(SCHEMA)
    (folder / "pyproject.toml").write_text(
        '[tool.pytest-planguard.database]\nschema = "schema.sql"\nstatistics = "statistics.json"\n'
    )
    session = Session("app", "psycopg")
    capture = Capture(
        tuple(
            Statement(text, (20,), session, (Sample(("7",)),), (PLACE,)) for text in (EVENTS, SALES)
        ),
        ddl=tuple(Ddl(text, "app", PLACE) for text in RENAMES),
    )
    return run(load(folder, environ={}), capture).report


def test_what_captured_ddl_renamed_has_productions_statistics(report: Report) -> None:
    sizes = report.databases["default"].tables
    assert {name: (one.rows, one.source) for name, one in sizes.items()} == {
        "public.sales": (4_000_000, ScaleSource.PRODUCTION),
        "public.events": (9_000_000, ScaleSource.PRODUCTION),
    }
    messages = {one.relation: one.message for one in report.findings if one.key}
    # 4,000,000 rows of 5,000 values, as the renamed column's statistics say; workers round down.
    assert "to keep 799;" in messages["public.sales"]


def test_what_costs_production_most_is_told_first(report: Report) -> None:
    # Without production's calls the larger table would be.
    found = [one.relation for one in report.findings if one.key]
    assert found == ["public.sales", "public.events"]
