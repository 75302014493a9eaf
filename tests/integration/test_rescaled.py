"""A copy at another size plans exactly as a fixture database that was made at that size."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_planguard.config import load
from pytest_planguard.errors import ScaleError
from pytest_planguard.fixturedb.scale import statistics_file
from pytest_planguard.fixturedb.scale.grow import grown
from pytest_planguard.model.capture import Capture
from pytest_planguard.model.plan import Planned
from pytest_planguard.model.statement import Origin, Phase, Place, Sample, Session, Statement
from pytest_planguard.pipeline import open_planner, run
from pytest_planguard.planner.growth import Followed
from pytest_planguard.sql.normalise import queries

SCHEMA = """
CREATE TABLE customers (id bigint PRIMARY KEY, email text NOT NULL);
CREATE TABLE orders (
    id bigint PRIMARY KEY,
    customer_id bigint NOT NULL REFERENCES customers,
    status text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX orders_customer_idx ON orders (customer_id);
CREATE INDEX orders_status_idx ON orders (status);
CREATE INDEX orders_created_idx ON orders (created_at);
CREATE TABLE events (id bigint, day date NOT NULL) PARTITION BY RANGE (day);
CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM ('2025-01-01') TO ('2025-07-01');
CREATE TABLE events_2 PARTITION OF events FOR VALUES FROM ('2025-07-01') TO ('2026-01-01');
CREATE INDEX events_id_idx ON events (id);
"""
SIZES = """
[tool.pytest-planguard.tables.orders]
rows = 4_000_000
[tool.pytest-planguard.tables.customers]
rows = 600_000
[tool.pytest-planguard.tables.events]
rows = 9_000_000
"""
STATUS = """
columns.status.values = { done = 0.999, open = 0.001 }
"""
TEXTS = [
    "SELECT * FROM orders WHERE id = $1",
    "SELECT * FROM orders WHERE customer_id = $1",
    "SELECT * FROM orders o JOIN customers c ON c.id = o.customer_id WHERE o.id > $1 LIMIT 9000",
    "SELECT count(*) FROM orders WHERE id > $1",
    "SELECT * FROM events WHERE id = $1",
    "SELECT count(*) FROM events WHERE id <> $1",
]


def project(folder: Path, sizes: str, more: str = "") -> Path:
    folder.mkdir(exist_ok=True)
    folder.chmod(0o755)
    (folder / "schema.sql").write_text(SCHEMA)
    head = f'[tool.pytest-planguard.database]\nschema = "schema.sql"\n{more}'
    (folder / "pyproject.toml").write_text(head + sizes)
    return folder


def captured(*texts: str) -> Capture:
    place = Place(Origin("app.py", 1, "f"), "t", Phase.CALL)
    types = {text: (20,) if "$1" in text else () for text in texts}
    statements = (
        Statement(text, types[text], Session("app", "psycopg"), (Sample(("7",)),), (place,))
        for text in texts
    )
    return Capture(tuple(statements))


def test_a_copy_at_three_times_the_size_plans_as_a_database_made_so(tmp_path: Path) -> None:
    capture = captured(*TEXTS)
    asked = queries(capture)
    tmp_path.chmod(0o755)
    config = load(project(tmp_path / "today", SIZES), environ={})
    with open_planner(config, "default", capture) as planner:
        today = planner.explainer.explain(asked)
        followed = [
            Followed(query, one.worst)
            for query, one in zip(asked, today, strict=True)
            if isinstance(one, Planned)
        ]
        assert len(followed) == len(TEXTS)
        copied = planner.sizes.plans_at(3.0, followed)
        larger = grown(planner.fixture.statistics, 3.0)

    later = project(tmp_path / "later", "", 'statistics = "statistics.json"\n')
    statistics_file.write(larger, later / "statistics.json")
    with open_planner(load(later, environ={}), "default", capture) as planner:
        made = planner.explainer.again(list(zip(asked, today, strict=True)))

    assert [one.plan.shape for one in copied] == [one.worst.shape for one in made]
    assert [one.plan.cost for one in copied] == [one.worst.cost for one in made]
    assert [one.plan.cost for one in copied] != [one.worst.cost for one in today]


def test_at_assumed_sizes_a_finding_says_where_its_plan_begins(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    sizes = "[tool.pytest-planguard.tables.orders]" + STATUS
    text = "SELECT id FROM orders WHERE status = 'open' ORDER BY created_at LIMIT 20"
    config = load(project(tmp_path / "assumed", sizes), environ={})
    report = run(config, captured(text, "SELECT id FROM customers WHERE email = 'a'")).report
    said = {one.relation: one.message for one in report.findings if one.key}
    assert "if this table has more than 10,000 rows" in said["public.customers"]
    start = int(said["public.orders"].partition("more than ")[2].split()[0].replace(",", ""))
    assert 100_000 < start < 400_000


def test_rows_that_are_there_cannot_be_made_more(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    few = "[tool.pytest-planguard.tables.orders]\nrows = 100\n" + "".join(
        f"[tool.pytest-planguard.tables.{name}]\nrows = 100\n" for name in ("customers", "events")
    )
    config = load(project(tmp_path / "rows", few, 'scale = "rows"\n'), environ={})
    with (
        open_planner(config, "default", captured(TEXTS[0])) as planner,
        pytest.raises(ScaleError, match="rows that are really there cannot be made more"),
        planner.fixture.copy_at(3.0, frozenset({"public.orders"})),
    ):
        pass
