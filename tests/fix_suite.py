"""A small project with a suite, run by a pytest of its own."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import pytest

from pytest_planguard.capture import file
from pytest_planguard.model.capture import Capture

APP = """
def find(connection, n):
    return connection.execute("SELECT %s::int AS found", [n]).fetchone()

def bad(connection):
    return connection.execute("SELECT 1 AS bad").fetchone()
"""

CONFTEST = """
import os
import psycopg
import pytest

@pytest.fixture
def connection():
    with psycopg.connect(os.environ["URL"], autocommit=True) as connection:
        yield connection
"""

TESTS = """
import app

def test_one(connection):
    app.find(connection, 1)

def test_two(connection):
    app.find(connection, 2)
"""

MODES = {"alone": ("-p", "no:xdist"), "workers": ("-p", "xdist.plugin", "-n", "2")}


class Suite:
    """A project, and ways to run its suite with planguard at hand."""

    def __init__(self, pytester: pytest.Pytester, mode: str) -> None:
        self.pytester = pytester
        self.mode = mode
        self.write(app=APP, conftest=CONFTEST, test_app=TESTS)

    def write(self, **modules: str) -> None:
        """Files of the project, by module name."""
        self.pytester.makepyfile(**modules)

    def configure(self, table: str) -> None:
        """``pyproject.toml``."""
        self.pytester.makepyprojecttoml(table)

    def run(self, *arguments: str) -> pytest.RunResult:
        """Runs pytest with the fake pipeline in a process of its own."""
        plugins = ("-p", "fake_pipeline", "-p", "pytest_planguard.plugin", *MODES[self.mode])
        return self.pytester.runpytest_subprocess(*plugins, "-W", "error", *arguments)

    @property
    def captured(self) -> Capture:
        """The capture file that was written."""
        return file.read(self.pytester.path / ".planguard" / "capture.json.gz")

    @property
    def judged(self) -> Capture:
        """What the pipeline was given."""
        return msgspec.json.decode(
            Path(self.pytester.path / "seen.json").read_bytes(), type=Capture
        )

    @property
    def snapshots(self) -> list[str]:
        """The tables seen by each reading of the schema."""
        path = self.pytester.path / "snapshots.txt"
        return path.read_text().splitlines() if path.exists() else []


@pytest.fixture(params=list(MODES))
def suite(
    request: pytest.FixtureRequest, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> Suite:
    """A project that asks a real database, run alone and by two workers."""
    monkeypatch.setenv("URL", request.getfixturevalue("database_url"))
    here = Path(__file__).parent
    paths = [str(pytester.path), str(here), str(here.parent / "src")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(paths))
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    for name in [name for name in os.environ if name.startswith(("PLANGUARD", "PYTEST_XDIST"))]:
        monkeypatch.delenv(name)
    return Suite(pytester, request.param)
