from __future__ import annotations

import os
import stat

from pytest_planguard import cli
from pytest_planguard.cli import db

PSQL = """#!/bin/sh
echo "$PGPASSWORD|$1"
"""


def test_psql_gets_the_password_where_no_list_of_processes_shows_it(
    project, pipeline, monkeypatch, capfd
):
    folder = project / "bin"
    folder.mkdir()
    psql = folder / "psql"
    psql.write_text(PSQL)
    psql.chmod(psql.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    (project / "schema.sql").write_text("")
    (project / "pyproject.toml").write_text(
        '[tool.pytest-planguard.database]\nschema = "schema.sql"\n'
    )
    pipeline.conninfo = "host=127.0.0.1 password=secret dbname=planguard_1 require_auth=md5"
    assert cli.run(["db", "shell"]) == 0
    out, _ = capfd.readouterr()
    assert out == "secret|dbname=planguard_1 host=127.0.0.1\n"


def test_a_connection_without_a_password_stays_as_it_is():
    assert db._apart("dbname=planguard_1 host=/run/x") == ("dbname=planguard_1 host=/run/x", "")
