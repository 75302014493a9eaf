"""pytest-queryguard's index check on the same queries, run as tests on an empty database."""

from __future__ import annotations

import json
import os
import re
import subprocess
import tempfile
from pathlib import Path
from xml.etree import ElementTree

from fidelity_parts.source import Source, Stopwatch
from fidelity_parts.workloads import Workload

from advice_parts.sets import Advised
from pytest_planguard.fixturedb.connection import connect
from pytest_planguard.fixturedb.providers import open_server
from pytest_planguard.model.spec import DatabaseSpec

QUERYGUARD = "pytest-queryguard"
MAJOR = 18
"""It asks for 16 or newer."""

_FIX = re.compile(r"fix: (CREATE INDEX ON .+)")
_VIEWS = (
    "SELECT format('REFRESH MATERIALIZED VIEW %I.%I', schemaname, matviewname) FROM pg_matviews"
)
_TESTS = """
import json, os, pathlib
import psycopg, pytest, sqlalchemy

QUERIES = json.loads(pathlib.Path("queries.json").read_text())

@pytest.fixture(scope="session")
def engine():
    made = sqlalchemy.create_engine(
        "postgresql+psycopg://", creator=lambda: psycopg.connect(os.environ["DSN"])
    )
    yield made
    made.dispose()

@pytest.mark.parametrize("name", list(QUERIES))
def test_query(engine, name, record_property):
    record_property("query", name)
    with engine.connect() as connection:
        connection.exec_driver_sql(QUERIES[name].replace("%", "%%"))
        connection.rollback()
"""


def queryguard(source: Source, workload: Workload, python: Path, folder: Path) -> Advised:
    """What it reports, and the indexes it suggests.

    Args:
        source: Whose schema is taken.
        workload: Loaded there.
        python: An interpreter with pytest-queryguard, SQLAlchemy and psycopg.
        folder: For server and tests.
    """
    with tempfile.TemporaryDirectory(dir=folder) as name:
        root = Path(name)
        root.chmod(0o755)
        (root / "test_queries.py").write_text(_TESTS, encoding="utf-8")
        (root / "queries.json").write_text(json.dumps(workload.queries), encoding="utf-8")
        spec = DatabaseSpec(version=MAJOR, root=root, cache=root / ".planguard")
        with open_server(spec) as server:
            database = f"planguard_run_{server.run_token}_other"
            server.create_database(database)
            with connect(server, database) as connection:
                connection.execute(_schema(source, workload))
                for (refresh,) in connection.execute(_VIEWS).fetchall():
                    connection.execute(refresh)
            watch = Stopwatch()
            _run(python, root, server.conninfo(database))
            taken = watch.seconds
            server.drop_database(database)
        return _read(root / "report.xml", taken)


def _schema(source: Source, workload: Workload) -> str:
    """The dump without what only psql knows."""
    lines = source.dump_schema(workload.database).splitlines()
    return "\n".join(line for line in lines if not line.startswith("\\"))


def _run(python: Path, root: Path, conninfo: str) -> None:
    command = [str(python), "-m", "pytest", "-q", "-p", "no:cacheprovider",
               "--queryguard-index-check", "--junitxml=report.xml"]  # fmt: skip
    environment = {key: one for key, one in os.environ.items() if not key.startswith("PYTHON")}
    subprocess.run(
        command, cwd=root, env={**environment, "DSN": conninfo}, capture_output=True, check=False
    )


def _read(report: Path, taken: float) -> Advised:
    ddl: dict[str, None] = {}
    failed, reports = [], []
    for case in ElementTree.parse(report).iter("testcase"):
        (name,) = [one.get("value", "") for one in case.iter("property")] or [case.get("name", "")]
        text = " ".join(one.text or "" for one in (*case.iter("failure"), *case.iter("error")))
        if "queryguard: missing index" in text:
            reports.append(name)
            ddl |= dict.fromkeys(found.strip() for found in _FIX.findall(text))
        elif text:
            failed.append(f"{name}: {text.splitlines()[-1]}")
    return Advised(QUERYGUARD, tuple(ddl), taken, tuple(failed), tuple(reports))
