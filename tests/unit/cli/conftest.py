from __future__ import annotations

import pytest

import fix_pipeline
import pytest_planguard
from pytest_planguard.capture import file
from pytest_planguard.cli import run
from pytest_planguard.model.capture import Capture


@pytest.fixture
def project(tmp_path, monkeypatch):
    """An empty project with an empty capture, as current directory."""
    (tmp_path / "pyproject.toml").write_text("[tool.pytest-planguard]\n")
    file.write(Capture(()), tmp_path / ".planguard/capture.json.gz")
    monkeypatch.chdir(tmp_path)
    for name in ("FAIL_ON", "DB", "BASELINE", "REPORT", "SELECT", "IGNORE", "CAPTURE_FILE"):
        monkeypatch.delenv(f"PLANGUARD_{name}", raising=False)
    return tmp_path


@pytest.fixture
def pipeline(monkeypatch):
    fake = fix_pipeline.FakePipeline()
    monkeypatch.setattr(pytest_planguard, "pipeline", fake, raising=False)
    return fake


class Said:
    def __init__(self, status: int, out: str, err: str) -> None:
        self.status, self.out, self.err = status, out, err


@pytest.fixture
def say(capsys):
    """Runs the command line and gives status, output and errors."""

    def run_it(*arguments: str) -> Said:
        status = run(arguments)
        captured = capsys.readouterr()
        return Said(status, captured.out, captured.err)

    return run_it
