from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SOURCE = Path(__file__).parents[2] / "src"
HEAVY = ("msgspec", "rich", "click", "pglast", "psycopg", "jinja2", "sqlalchemy")

SCRIPT = f"""
import sys
sys.path.insert(0, {str(SOURCE)!r})
import pytest
before = set(sys.modules)
import pytest_planguard.plugin
print(*sorted(set(sys.modules) - before))
status = pytest.main(["-q", "-p", "pytest_planguard.plugin", "-p", "no:cacheprovider", sys.argv[1]])
print(status, *sorted(set(sys.modules) & set({HEAVY!r})))
print(*sorted(name for name in sys.modules if name.startswith("pytest_planguard")))
"""


def test_an_idle_run_imports_the_door_only(tmp_path: Path) -> None:
    (tmp_path / "test_nothing.py").write_text("def test_nothing(): pass\n")
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
        env={"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PATH": ""},
    )
    lines = done.stdout.splitlines()
    assert lines[0] == "pytest_planguard pytest_planguard.plugin"
    assert lines[-2] == "ExitCode.OK" or lines[-2] == "0"
    assert lines[-1] == "pytest_planguard pytest_planguard.plugin"


NESTED = f"""
import sys
sys.path.insert(0, {str(SOURCE)!r})
import pytest
before = list(sys.meta_path)
for _ in range(2):
    pytest.main(["-q", "-p", "pytest_planguard.plugin", "-p", "no:cacheprovider", sys.argv[1]])
print(*[type(one).__name__ for one in sys.meta_path if one not in before])
"""


def test_nothing_stays_on_the_import_system(tmp_path: Path) -> None:
    (tmp_path / "test_nothing.py").write_text("def test_nothing(): pass\n")
    done = subprocess.run(
        [sys.executable, "-c", NESTED, str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
        env={"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PATH": ""},
    )
    assert done.stdout.splitlines()[-1] == ""
