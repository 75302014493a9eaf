"""How judging and advice grow: synthetic suites of queries over tables, one in twenty at fault."""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from fidelity_parts.table import seconds, table

from pytest_planguard.baseline.entries import world_from
from pytest_planguard.config import load, thresholds_for
from pytest_planguard.model.capture import Capture
from pytest_planguard.model.statement import Origin, Phase, Place, Sample, Session, Statement
from pytest_planguard.pipeline.facts import database_report
from pytest_planguard.pipeline.fixtures import open_planner
from pytest_planguard.pipeline.judge import judge
from pytest_planguard.sql.normalise import queries as normalised

SIZES = ((10, 10), (100, 10), (1_000, 10), (1_000, 100), (1_000, 1_000), (100, 100), (10, 1_000))
"""Distinct queries, tables."""
FAULTY_EVERY = 20
ROUNDS = 3
COLUMNS = 20
"""Plain columns of a table, none of them indexed."""


def grown() -> str:
    """Seconds by queries and tables: planning, and what judging and advice add.

    What is more than our own processor time is the server's: it copies the database, makes the
    candidates, and plans.
    """
    lines = []
    for queries, tables in SIZES:
        found = [_measured(queries, tables) for _ in range(ROUNDS)]
        findings = found[0].advised
        planning = statistics.median(one.planning for one in found)
        judging = statistics.median(one.judging for one in found)
        own = statistics.median(one.own for one in found)
        lines.append([f"{queries:,}", f"{tables:,}", str(findings), seconds(planning),
                      seconds(judging), seconds(own), f"{judging / planning:.2f}"])  # fmt: skip
    head = ["queries", "tables", "advised", "planning", "judging and advice", "own CPU", "ratio"]
    return table(head, lines)


class _Taken(NamedTuple):
    """Seconds, and how many queries got advice."""

    planning: float
    judging: float
    own: float
    """Processor time of this process for judging and advice."""
    advised: int


def _measured(queries: int, tables: int) -> _Taken:
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        root.chmod(0o755)
        (root / "schema.sql").write_text(_schema(tables), encoding="utf-8")
        (root / "pyproject.toml").write_text(_configuration(tables), encoding="utf-8")
        config, capture = load(root), _capture(queries, tables)
        with open_planner(config, "default", capture) as planner:
            thresholds = thresholds_for(config, planner.catalog.tables)
            world = world_from(database_report(config.databases["default"], planner))
            marks: list[tuple[str, float, float]] = []
            asked = normalised(capture)
            start = time.perf_counter()
            judged = judge(
                config, thresholds, planner, asked, None, world,
                lambda text: marks.append((text, time.perf_counter(), time.process_time())),
            )  # fmt: skip
            end, own = time.perf_counter(), time.process_time()
    planned, before = next(
        (at, used) for text, at, used in marks if text.startswith("looking for indexes")
    )
    advised = {one.key for one in judged.candidates if one.advice is not None}
    return _Taken(planned - start, end - planned, own - before, len(advised))


def _schema(tables: int) -> str:
    columns = ", ".join(f"c{n} integer NOT NULL" for n in range(COLUMNS))
    return "\n".join(
        f"CREATE TABLE t{n} (id bigint PRIMARY KEY, parent_id bigint NOT NULL, at timestamptz, "
        f"name text NOT NULL, {columns});\nCREATE INDEX t{n}_parent_idx ON t{n} (parent_id, at);"
        for n in range(tables)
    )


def _configuration(tables: int) -> str:
    sizes = "\n".join(
        f"[tool.pytest-planguard.tables.t{n}]\nrows = {(n % 10 + 1) * 1_000_000}"
        for n in range(tables)
    )
    return f'[tool.pytest-planguard.database]\nschema = "schema.sql"\nversion = 18\n{sizes}\n'


def _capture(queries: int, tables: int) -> Capture:
    session = Session("bench", "psycopg", prepares=True)
    place = Place(Origin("app/queries.py", 1, "load"), "tests/test_app.py::test", Phase.CALL)
    return Capture(
        tuple(
            Statement(_text(n, tables), (20,), session, (Sample(("4711",)),), (place,))
            for n in range(queries)
        ),
        captured_at="2026-10-01T00:00:00+00:00",
    )


def _text(number: int, tables: int) -> str:
    """Distinct by what is selected; one in twenty asks for a column without an index."""
    faulty, nth = number % FAULTY_EVERY == FAULTY_EVERY - 1, number // FAULTY_EVERY
    one = (nth if faulty else number) % tables
    other = (one + 1) % tables
    wanted = ", ".join(f"a.c{n}" for n in range(COLUMNS) if number >> n & 1) or "a.id"
    if faulty:
        return f"SELECT {wanted} FROM t{one} a WHERE a.c{nth // tables % COLUMNS} = $1"
    shapes = (
        f"FROM t{one} a WHERE a.id = $1",
        f"FROM t{one} a WHERE a.parent_id = $1 ORDER BY a.at DESC LIMIT 20",
        f"FROM t{one} a JOIN t{other} b ON b.id = a.parent_id WHERE a.parent_id = $1",
        f"FROM t{one} a JOIN t{other} b ON b.parent_id = a.id WHERE a.id = $1",
    )
    return f"SELECT {wanted} {shapes[number // tables % len(shapes)]}"
