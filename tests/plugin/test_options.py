from __future__ import annotations

import pytest

from fix_suite import Suite


def test_actions_reach_the_pipeline(suite: Suite) -> None:
    result = suite.run(
        "--planguard", "--planguard-update", "--planguard-trim", "--planguard-reason=known",
        "--planguard-fail-on-growth",
    )  # fmt: skip
    result.stdout.fnmatch_lines(
        ["*Options(update=True, update_new=False, trim=True, reason='known', *and growth fails"]
    )


def test_the_environment_gives_actions_and_reasons(
    suite: Suite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLANGUARD_UPDATE_NEW", "true")
    monkeypatch.setenv("PLANGUARD_REASON", "from outside")
    result = suite.run("--planguard", "-v")
    result.stdout.fnmatch_lines(["*update_new=True*reason='from outside', verbose=True)"])
    result = suite.run("--planguard", "--planguard-reason=mine")
    result.stdout.fnmatch_lines(["*reason='mine'*"])


def test_two_kinds_of_update_exclude_each_other(suite: Suite) -> None:
    result = suite.run("--planguard", "--planguard-update", "--planguard-update-new")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*exclude each other*"])


def test_reports_are_repeatable(suite: Suite) -> None:
    result = suite.run("--planguard", "--planguard-report=term", "--planguard-report=json:a.json")
    result.stdout.fnmatch_lines(["reports term json:a.json"])


def test_mistakes_of_configuration_and_options_come_together(suite: Suite) -> None:
    suite.configure("[tool.pytest-planguard]\nlarge-table-row = 5\n")
    result = suite.run("--planguard", "--planguard-fail-on=never", "--planguard-select=XYZ")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    text = result.stderr.str()
    assert "large-table-row" in text
    assert "never" in text
    assert suite.run("--planguard-select=XYZ").ret == 0


def test_a_report_format_that_does_not_exist_is_known_before_the_tests_run(suite: Suite) -> None:
    result = suite.run("--planguard", "--planguard-report=jsn:a.json")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "jsn" in result.stderr.str()
    result.stdout.no_fnmatch_line("*passed*")
