"""A suite that runs pytest in its own process, as suites of pytest plugins do."""

from __future__ import annotations

from fix_suite import Suite


def test_a_run_within_a_run_imports_the_driver_and_both_hear_it(suite: Suite) -> None:
    suite.write(
        conftest="pytest_plugins = ['pytester']",
        test_app="""
        import sys

        def test_outer(pytester):
            pytester.makepyfile(
                '''
                import os, psycopg
                def test_inner():
                    with psycopg.connect(os.environ["URL"]) as connection:
                        connection.execute("SELECT 1 AS inner")
                '''
            )
            assert "psycopg" not in sys.modules
            inner = pytester.inline_run(
                "-p", "pytest_planguard.plugin", "-p", "no:xdist",
                "--planguard", "--planguard-capture-only",
            )
            assert inner.ret == 0
            inner.assertoutcome(passed=1)
            assert (pytester.path / ".planguard" / "capture.json.gz").exists()
        """,
    )
    result = suite.run("--planguard", "--planguard-capture-only")
    assert result.ret == 0
    assert [item.text for item in suite.captured.statements] == ["SELECT 1 AS inner"]
    assert suite.captured.notes == ()
