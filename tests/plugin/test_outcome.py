from __future__ import annotations

import pytest

from fix_suite import Suite

BAD = """
import app

def test_bad(connection):
    app.bad(connection)
"""


def test_findings_fail_the_session_and_no_test(suite: Suite) -> None:
    suite.write(test_bad=BAD)
    result = suite.run("--planguard")
    assert result.ret == 1
    result.stdout.fnmatch_lines(
        ["=* planguard =*", "judged 2*", "FAIL 1 planguard error", "=*3 passed, 1 planguard error*"]
    )


def test_several_findings_are_counted(suite: Suite) -> None:
    suite.write(test_bad=BAD + "    connection.execute('SELECT 2 AS bad')\n")
    suite.run("--planguard").stdout.fnmatch_lines(["=*3 passed, 2 planguard errors*"])


def test_a_failing_test_always_wins(suite: Suite) -> None:
    suite.write(test_fails="def test_fails(): assert False\n")
    result = suite.run("--planguard")
    assert result.ret == 1
    result.stdout.fnmatch_lines(["judged*", "=*1 failed, 2 passed*"])
    assert suite.captured.complete


def test_no_server_is_an_error_of_the_session(
    suite: Suite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIPELINE", "no server")
    result = suite.run("--planguard", "--planguard-report=term", "--planguard-report=json")
    assert result.ret == 1
    result.stdout.fnmatch_lines(
        ["error: no PostgreSQL to be had", "  install one", "=*2 passed, 1 planguard error*"]
    )
    assert (suite.pytester.path / "unjudged.txt").read_text() == "no PostgreSQL to be had"


def test_a_bug_is_reported_once_with_its_cause(
    suite: Suite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIPELINE", "bug")
    result = suite.run("--planguard")
    assert result.ret == 1
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(
        ["error: internal error of planguard: ZeroDivisionError: division by zero"]
    )
    result.stdout.no_fnmatch_line("*Traceback*")
    suite.run("--planguard", "-v").stdout.fnmatch_lines(["Traceback*", "ZeroDivisionError*"])


def test_a_bug_fails_nothing_where_nothing_may_fail(
    suite: Suite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIPELINE", "bug")
    result = suite.run("--planguard", "--planguard-fail-on=none")
    assert result.ret == 0
    result.stdout.fnmatch_lines(["warning: internal error of planguard*"])


def test_ctrl_c_while_planning_ends_the_session(
    suite: Suite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIPELINE", "ctrl-c")
    result = suite.run("--planguard")
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.fnmatch_lines(
        [
            "interrupted: nothing was judged",
            "  the tests need not run again: pytest-planguard check .planguard/capture.json.gz",
        ]
    )


def test_nothing_captured_is_a_warning_that_names_the_drivers(suite: Suite) -> None:
    suite.write(test_app="def test_plain(): pass\n")
    result = suite.run("--planguard")
    assert result.ret == 0
    result.stdout.fnmatch_lines(
        ["warning: nothing was captured although 1 test ran; listened to: *psycopg*"]
    )


def test_without_tests_nothing_is_said(suite: Suite) -> None:
    suite.write(test_app="")
    result = suite.run("--planguard")
    assert result.ret == pytest.ExitCode.NO_TESTS_COLLECTED
    result.stdout.no_fnmatch_line("*warning:*")


def test_a_bug_while_starting_leaves_the_tests_to_themselves(suite: Suite) -> None:
    suite.write(
        broken="""
        import pytest_planguard.plugin.session as session
        session.Servers = lambda spec: 1 / 0
        """
    )
    result = suite.run("-p", "broken", "--planguard")
    assert result.ret == 1
    result.stdout.fnmatch_lines(["error: internal error of planguard: ZeroDivisionError*"])
    assert result.parseoutcomes()["passed"] == 2


def test_a_report_that_cannot_be_written_fails_and_the_others_are_shown(
    suite: Suite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIPELINE", "read-only")
    result = suite.run("--planguard")
    assert result.ret == 1
    result.stdout.fnmatch_lines(["judged 1*", "error: report.json cannot be written"])


def test_a_mistake_the_schema_shows_is_a_usage_error_unless_a_test_fails(
    suite: Suite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIPELINE", "unknown table")
    result = suite.run("--planguard")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.assert_outcomes(passed=2)
    result.stderr.fnmatch_lines(["ERROR: planguard: there is no table ordrs"])
    suite.write(test_fails="def test_fails(): assert False\n")
    result = suite.run("--planguard")
    assert result.ret == 1
    result.stdout.fnmatch_lines(["error: there is no table ordrs", "  did you mean orders[?]"])
