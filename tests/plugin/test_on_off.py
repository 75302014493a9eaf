from __future__ import annotations

import pytest

from fix_suite import Suite


def ran(suite: Suite) -> bool:
    return (suite.pytester.path / ".planguard").exists()


def test_planguard_is_off_unless_asked(suite: Suite) -> None:
    result = suite.run()
    result.assert_outcomes(passed=2)
    assert not ran(suite)
    result.stdout.no_fnmatch_line("*planguard*==*")


def test_the_option_switches_it_on(suite: Suite) -> None:
    result = suite.run("--planguard")
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["=* planguard =*", "judged 1 statements*"])
    assert result.ret == 0
    (statement,) = suite.captured.statements
    assert statement.executions == 2
    assert {place.test for place in statement.places} == {
        "test_app.py::test_one",
        "test_app.py::test_two",
    }
    assert suite.captured.complete
    assert suite.captured.finished == suite.captured.collected


def test_the_ini_file_switches_it_on_and_the_option_off(suite: Suite) -> None:
    suite.pytester.makeini("[pytest]\nplanguard = true\n")
    suite.run("--no-planguard")
    assert not ran(suite)
    suite.run()
    assert ran(suite)


@pytest.mark.parametrize(("value", "on"), [("1", True), ("0", False)])
def test_the_environment_beats_the_ini_file(
    suite: Suite, monkeypatch: pytest.MonkeyPatch, value: str, on: bool
) -> None:
    suite.pytester.makeini(f"[pytest]\nplanguard = {str(not on).lower()}\n")
    monkeypatch.setenv("PLANGUARD", value)
    suite.run()
    assert ran(suite) is on


def test_collecting_only_judges_nothing(suite: Suite) -> None:
    result = suite.run("--planguard", "--collect-only")
    assert result.ret == 0
    assert not ran(suite)


def test_an_action_without_planguard_is_a_mistake(suite: Suite) -> None:
    result = suite.run("--planguard-update")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*--planguard-update does nothing without --planguard*"])
    assert suite.run("--planguard-update", "--no-planguard").ret == 0


def test_the_marker_is_known_with_planguard_off(suite: Suite) -> None:
    suite.write(
        test_app="""
        import pytest

        @pytest.mark.planguard(capture=False)
        def test_marked():
            pass
        """
    )
    suite.run("--strict-markers").assert_outcomes(passed=1)
