from __future__ import annotations

from fix_suite import Suite

BLOCKED = """
import sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"asyncpg", "psycopg", "psycopg2", "sqlalchemy"}:
            raise ModuleNotFoundError(name)
        return None

sys.meta_path.insert(0, Blocked())
"""


def test_without_a_driver_a_suite_runs_and_a_warning_says_so(suite: Suite) -> None:
    suite.write(blocked=BLOCKED, conftest="", test_app="def test_plain(): pass\n")
    result = suite.run("-p", "blocked", "--planguard", "--planguard-capture-only")
    result.assert_outcomes(passed=1)
    assert result.ret == 0
    result.stdout.fnmatch_lines(["warning: nothing was captured*listened to: no driver*"])
    assert suite.captured.drivers == ()
