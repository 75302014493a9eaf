from __future__ import annotations

import pytest

from fix_suite import Suite
from pytest_planguard.model.capture import Budget, Suppression
from pytest_planguard.model.silence import Silence


def test_a_test_may_ask_not_to_be_captured(suite: Suite) -> None:
    suite.write(
        test_app="""
        import app, pytest

        @pytest.mark.planguard(capture=False)
        class TestQuiet:
            def test_off(self, connection):
                app.bad(connection)

            @pytest.mark.planguard(capture=True)
            def test_on(self, connection):
                app.find(connection, 1)

        def test_other(connection):
            app.find(connection, 2)
        """
    )
    assert suite.run("--planguard").ret == 0
    (statement,) = suite.captured.statements
    assert statement.executions == 2


def test_suppressions_and_budgets_travel(suite: Suite) -> None:
    suite.write(
        test_app="""
        import pytest
        pytestmark = pytest.mark.planguard(ignore=["PLN001"], reason="small")

        @pytest.mark.planguard(max_cost=100, access={"orders": "index"})
        def test_a():
            pass
        """
    )
    suite.run("--planguard")
    assert suite.captured.suppressions == (
        Suppression("test_app.py::test_a", ("PLN001",), "small"),
    )
    assert suite.captured.budgets == (
        Budget("test_app.py::test_a", max_cost=100, access={"orders": "index"}),
    )


def test_comments_on_the_lines_that_asked_travel(suite: Suite) -> None:
    suite.write(
        test_app="""
        def test_a(connection):
            connection.execute(  # planguard: ignore[PLN001] 42 rows
                "SELECT 1 AS one"
            )
        """
    )
    assert suite.run("--planguard").ret == 0
    (remark,) = suite.captured.remarks
    assert (remark.file, remark.last - remark.first) == ("test_app.py", 2)
    assert remark.silence == Silence(("PLN001",), "42 rows")


def test_mistakes_in_markers_are_usage_errors_all_at_once(suite: Suite) -> None:
    suite.write(
        test_app="""
        import pytest

        @pytest.mark.planguard(ignore=["PLN001"])
        def test_a():
            pass

        @pytest.mark.planguard(ignore=["PLN001", "PLM001"], reason="small")
        @pytest.mark.planguard(max_costs=1, max_rows="many")
        def test_b():
            pass
        """
    )
    result = suite.run("--planguard")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    text = result.stderr.str() + result.stdout.str()
    assert "test_a: marker planguard: ignore needs a reason" in text
    assert 'test_b: marker planguard: ignore: there is no rule "PLM001"; did you mean' in text
    assert "test_b: marker planguard: unknown argument 'max_costs'" in text
    assert "max_rows: found 'many', wanted a number" in text
    assert suite.run().ret == 0
