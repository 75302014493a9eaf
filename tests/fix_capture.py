"""Running an application in a process of its own, with planguard listening to its drivers."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import msgspec
import pytest

from pytest_planguard.model.capture import Capture

_HARNESS = """
import sys
from pathlib import Path
import msgspec
from pytest_planguard.capture.files import Files
from pytest_planguard.capture.listening import listen
from pytest_planguard.capture.origin import OriginFinder
from pytest_planguard.capture.recorder import Recorder
from pytest_planguard.model.statement import Phase

root = Path.cwd()
sys.path[:0] = [str(root), str(root / "site-packages")]
recorder = Recorder(OriginFinder(Files(root)))
recorder.enter("test_app.py::test_app", Phase.CALL)
for name in ("psycopg", "psycopg2", "asyncpg", "sqlalchemy", "django"):
    assert name not in sys.modules
listening = listen(recorder)
import app
app.main(sys.argv[1])
listening.stop()
assert not any(type(finder).__name__ == "_Watch" for finder in sys.meta_path)
sys.stdout.buffer.write(msgspec.json.encode(recorder.take()))
"""


@pytest.fixture
def capture_of(tmp_path: Path, database_url: str) -> Callable[..., Capture]:
    """Runs ``main(url)`` of an application and gives what was captured.

    Other files of the project go by name: ``capture_of(app, shop="…")``; those of ``library``
    are installed, so that none of their lines is the project's.
    """

    def run(app: str, *, library: dict[str, str] | None = None, **modules: str) -> Capture:
        for name, source in {"app": app, **modules}.items():
            (tmp_path / f"{name}.py").write_text(dedent(source))
        packages = tmp_path / "site-packages"
        packages.mkdir(exist_ok=True)
        for name, source in (library or {}).items():
            (packages / f"{name}.py").write_text(dedent(source))
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", _HARNESS, database_url],
            cwd=tmp_path,
            capture_output=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr.decode()
        return msgspec.json.decode(done.stdout, type=Capture)

    return run
