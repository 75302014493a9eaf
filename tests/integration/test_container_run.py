"""A whole run of pytest whose server is a container."""

from __future__ import annotations

import json
import time

import pytest

from fix_containers import docker, need_image
from pytest_planguard.fixturedb.providers.keeper import LABEL

TESTS = """
import psycopg
import pytest

@pytest.fixture(scope="session")
def connection(planguard_database_url):
    with psycopg.connect(planguard_database_url, autocommit=True) as connection:
        connection.execute("CREATE TABLE orders (id int PRIMARY KEY, customer int)")
        yield connection

@pytest.mark.parametrize("n", range(6))
def test_orders(connection, n):
    connection.execute("SELECT id FROM orders WHERE customer = %s", [n])

def test_plans_are_there_in_a_worker_too(connection, planguard):
    with planguard.watch() as seen:
        connection.execute("SELECT * FROM orders WHERE id = 5")
    (query,) = seen.queries
    assert query.plans[0].root.node_type == "Index Scan"
"""


@pytest.mark.parametrize("workers", [(), ("-n2",)])
def test_one_container_serves_the_whole_run(
    pytester: pytest.Pytester, workers: tuple[str, ...]
) -> None:
    pytest.importorskip("psycopg")
    configuration = (
        f'[tool.pytest-planguard.database]\nprovider = "container"\nimage = "{need_image()}"\n'
    )
    pytester.makepyprojecttoml(configuration)
    pytester.makepyfile(test_app=TESTS)
    begin = int(time.time()) - 1
    result = pytester.runpytest_subprocess(
        "--planguard", "--planguard-report=json", "-p", "no:randomly", *workers
    )
    result.assert_outcomes(passed=7)
    report = json.loads((pytester.path / ".planguard" / "report.json").read_text())
    database = report["databases"]["default"]
    assert database["server"]["provider"] == "container"
    assert database["server"]["version"].startswith("15.")
    assert report["verdict"]["status"] == "passed"
    assert report["totals"]["explained"] == report["totals"]["queries"] > 0
    (folder,) = (pytester.path / ".planguard" / "servers").iterdir()
    identity = (folder / "identity").read_text()
    events = docker(
        "events", f"--since={begin}", f"--until={int(time.time()) + 1}", "--filter=event=create",
        f"--filter=label={LABEL}={identity}", "--format={{.ID}}",
    )  # fmt: skip
    assert len(events.split()) == 1
    assert docker("ps", "--all", "--quiet", f"--filter=label={LABEL}={identity}") == ""
