from __future__ import annotations

import sys
from pathlib import Path

import pytest

from pytest_planguard.errors import SchemaError
from pytest_planguard.fixturedb.schema import command

pytest.importorskip("psycopg")

URL = "postgresql://me@/shop?host=%2Frun%2Fpg"
CONNINFO = "host=/run/pg port=5433 user=me dbname=shop"


def test_a_command_gets_the_database_in_its_environment():
    variables = command.environment({"PATH": "/bin", "HOME": "/h"}, URL, CONNINFO)
    assert variables["DATABASE_URL"] == variables["PLANGUARD_DATABASE_URL"] == URL
    assert (variables["PGHOST"], variables["PGPORT"]) == ("/run/pg", "5433")
    assert (variables["PGUSER"], variables["PGDATABASE"]) == ("me", "shop")
    assert variables["HOME"] == "/h"
    assert variables["PATH"].startswith(str(Path(sys.executable).parent))


def test_a_failing_command_shows_the_last_lines_it_wrote(tmp_path: Path):
    with pytest.raises(SchemaError, match="ended with status 3") as caught:
        command.run("seq 100 && echo oh >&2 && exit 3", tmp_path, URL, CONNINFO)
    assert caught.value.hint.startswith("it wrote:\n  82\n")
    assert caught.value.hint.endswith("\n  100\n  oh")


def test_a_failing_command_shows_no_password_it_wrote(tmp_path: Path):
    text = "echo no route to postgresql://me:hunter2@db/shop, password=hunter2; exit 1"
    with pytest.raises(SchemaError, match="ended with status 1") as caught:
        command.run(text, tmp_path, URL, CONNINFO)
    assert caught.value.hint == "it wrote:\n  no route to postgresql://me:…@db/shop, password=…"


def test_a_command_that_is_not_there_is_named(tmp_path: Path):
    with pytest.raises(SchemaError, match="no-such-program"):
        command.run("no-such-program", tmp_path, URL, CONNINFO)


def test_a_command_that_takes_too_long_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(command, "TIME_LIMIT", 0)
    with pytest.raises(SchemaError, match="took longer"):
        command.run("sleep 60 | sleep 60", tmp_path, URL, CONNINFO)


def test_an_open_quote_is_an_error():
    with pytest.raises(SchemaError, match="not understood"):
        command.arguments("python 'x")
