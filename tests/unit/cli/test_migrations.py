"""The command line of migrations: which source is asked, and how it ends."""

from __future__ import annotations

from types import SimpleNamespace

import msgspec
import pytest

import fix_reports
from pytest_planguard.errors import ServerError
from pytest_planguard.fixturedb.twin import twin
from pytest_planguard.migrations.sources.program import Program
from pytest_planguard.migrations.sources.sql import SqlFiles
from pytest_planguard.migrations.sources.tool import ToolSource
from pytest_planguard.model.migration import Migration, Tool
from pytest_planguard.pipeline import captured_migrations, migrations


@pytest.fixture
def asked(monkeypatch):
    """What the pipeline was given; it answers with a report of one traced migration."""
    given = SimpleNamespace(source=None, how=None, report=fix_reports.migrated())

    def answer(config, source, how, *_):
        given.source, given.how = source, how
        return given.report

    monkeypatch.setattr(migrations, "migrations", answer)
    monkeypatch.setattr(captured_migrations, "captured_migrations", lambda *_: given.report)
    return given


def test_files_are_taken_with_and_without_the_option(project, say, asked):
    assert say("migrations", "--sql", "a.sql", "b.sql", "--single-transaction").status == 1
    assert isinstance(asked.source, SqlFiles)
    assert [path.name for path in asked.source._files] == ["a.sql", "b.sql"]


@pytest.mark.parametrize(
    ("arguments", "kind", "wanted"),
    [
        (("--alembic",), ToolSource, ""),
        (("--alembic", "1:2"), ToolSource, "1:2"),
        (("--django", "shop"), ToolSource, "shop"),
        (("--command", "dbmate up"), Program, "dbmate up"),
    ],
)
def test_each_way_has_its_source(project, say, asked, arguments, kind, wanted):
    say("migrations", *arguments)
    assert isinstance(asked.source, kind)
    assert wanted in (getattr(asked.source, "_wanted", None), getattr(asked.source, "_text", None))


def test_the_schema_before_is_the_tools_own_unless_one_is_named(project, say, asked):
    say("migrations", "--alembic", "1:2")
    assert asked.how.schema.startswith("command: ")
    assert " before 1:2" in asked.how.schema
    say("migrations", "--alembic", "1:2", "--schema", "old.sql")
    assert asked.how.schema == "old.sql"


def test_two_ways_at_once_are_refused(project, say, asked):
    said = say("migrations", "--sql", "a.sql", "--alembic", "1:2")
    assert said.status == 2
    assert "found alembic and sql, wanted one of them" in said.err


def test_nothing_that_was_traced_is_no_success(project, say, asked):
    nothing = Migration("default", Tool.SQL, "the test run: no DDL was captured")
    asked.report = msgspec.structs.replace(fix_reports.empty(), migrations=(nothing,))
    assert say("migrations").status == 3


def test_a_twin_that_cannot_be_made_is_told_with_the_servers_words(database_url):
    import psycopg

    dropped: list[str] = []

    class Full:
        run_token = "0" * 8

        def conninfo(self, _: str) -> str:
            return database_url

        def create_database(self, name: str, template: str) -> None:
            raise psycopg.errors.DiskFull("no space left on device")

        def drop_database(self, name: str) -> None:
            dropped.append(name)

    with pytest.raises(ServerError, match="cannot be made: no space left"), twin(Full(), "t"):
        pass
    assert dropped == ["planguard_trial_00000000_1"]
