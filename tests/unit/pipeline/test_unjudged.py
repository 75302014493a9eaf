from __future__ import annotations

import json
from pathlib import Path

import pytest

import fix_readers
from pytest_planguard.config import load
from pytest_planguard.model.capture import Capture
from pytest_planguard.pipeline import write_unjudged
from pytest_planguard.report import formats


def test_a_run_that_could_not_be_judged_leaves_no_report_of_an_earlier_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.pytest-planguard]\n")
    for name in ("json", "xml", "sarif"):
        (tmp_path / f"report.{name}").write_text("of an earlier run")
    names = ["json:report.json", "junit:report.xml", "sarif:report.sarif", "term", "github"]
    names += [f"{name}:other/{name}" for name in formats()]
    config = load(tmp_path, {"report": names}, {})

    write_unjudged(config, Capture((), finished=("a", "b")), "no PostgreSQL to be had")

    assert {file.name for file in (tmp_path / "other").iterdir()} == set(formats())
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["complete"] is False
    assert report["verdict"]["status"] == "incomplete"
    assert report["totals"]["tests"] == 2
    (run,) = fix_readers.log((tmp_path / "report.sarif").read_text())["runs"]
    (invocation,) = run["invocations"]
    assert invocation["executionSuccessful"] is False
    (notification,) = invocation["toolExecutionNotifications"]
    assert notification["message"]["text"] == "incomplete: no PostgreSQL to be had"
    root = fix_readers.suites((tmp_path / "report.xml").read_text())
    assert root.get("failures") == "1"
    assert capsys.readouterr().out == ""
