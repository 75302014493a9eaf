"""No value a suite sent is in any report, message or baseline; what is redacted in no file."""

from __future__ import annotations

import gzip

from fix_small import project, small_folder
from pytest_planguard.report import formats

__all__ = ["project", "small_folder"]

APP = """\
import psycopg
from psycopg import ClientCursor


def ask(connection):
    def refused(query, values=None):
        try:
            with connection.transaction():
                connection.execute(query, values)
        except psycopg.Error:
            pass

    for number in ("canary-1", "canary-2"):
        connection.execute("SELECT * FROM orders WHERE number = %s", [number])
    connection.execute("SELECT * FROM orders WHERE number LIKE %s", ["%canary%"])
    connection.execute("SELECT * FROM orders WHERE number = 'canary'")
    connection.execute("SELECT * FROM orders WHERE coalesce(number, %s) = %s", ["canary", "x"])
    connection.execute("UPDATE orders SET number = 'canary' WHERE id = 1")
    ClientCursor(connection).execute("SELECT * FROM orders WHERE number = %s", ["canary"])
    connection.execute("DO $$BEGIN PERFORM 'canary'; END$$")
    connection.execute("SELECT set_config('app.canary', 'canary', true)")
    connection.execute("SELECT * FROM orders WHERE customer_id = 5 AND number <> 'canary'")
    refused("SELEC 'canary'")
    refused("SELECT 'canary")
    refused("SELECT * FROM orders WHERE id = 'canary'")
    refused("SELECT * FROM orders WHERE id = %s::text::int", ["canary"])
    refused("SELECT 'canary'::timestamptz")
"""

TESTS = """\
import app


def test_ask(connection):
    app.ask(connection)
"""

HIDDEN = """\
[tool.pytest-planguard]
redact = ["orders.number", "app.*", "order.nmuber"]
redact-values = ["canary"]
[tool.pytest-planguard.database]"""


def test_no_value_is_shown_and_what_is_redacted_is_in_no_file(project):
    project.write(app__py=APP, test_app__py=TESTS)
    reports = [f"--planguard-report={name}:reports/{name}" for name in formats()]
    ran = project.pytest("-v", "--planguard-report=term", *reports, "--planguard-update")
    assert ran.status == 0, ran.out + ran.err
    shown = {name: (project.root / "reports" / name).read_text() for name in formats()}
    files = [path for path in (project.root / "planguard").rglob("*") if path.is_file()]
    shown |= {path.name: path.read_text() for path in files}
    shown |= {"terminal": ran.out, "explain": project.command("explain", _key(project)).out}
    shown |= {"baseline": project.command("baseline", "show").out}
    told = {name: [line for line in text.splitlines() if "canary" in line.lower()]
            for name, text in shown.items()}  # fmt: skip
    assert {name: lines for name, lines in told.items() if lines} == {}
    assert len(files) > 5
    assert "LIKE $1" in shown["explain"]
    assert shown["json"].count('"unexplained": "the server says: invalid input syntax') >= 2
    assert b"canary" in _captured(project)  # planning needs them, unless somebody says otherwise

    project.configure("[tool.pytest-planguard.database]", HIDDEN)
    ran = project.pytest("--planguard-report=json", "--planguard-report=term")
    assert ran.status == 0, ran.out + ran.err
    captured = _captured(project)
    assert b"canary" not in captured.replace(b"app.canary", b"")
    note = 'redact: "order.nmuber" names no column of the schema and no setting: it hides nothing'
    assert f"! {note}" in ran.out
    assert project.report()["notes"] == [note]
    assert project.report()["changes"]["worse"] == 0


def _captured(project) -> bytes:
    return gzip.decompress((project.root / ".planguard" / "capture.json.gz").read_bytes())


def _key(project) -> str:
    import json

    queries = json.loads((project.root / "reports" / "json").read_text())["queries"]
    return next(one["key"] for one in queries if "LIKE" in one["sql"])
