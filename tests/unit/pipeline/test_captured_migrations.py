"""A run's report with that of the migrations its tests ran."""

from __future__ import annotations

from pathlib import Path

import msgspec
import psycopg
import pytest

import fix_reports
from pytest_planguard.baseline.entries import world_from
from pytest_planguard.config import load
from pytest_planguard.errors import ServerError
from pytest_planguard.model.baseline import Baseline
from pytest_planguard.model.capture import Capture, Ddl
from pytest_planguard.model.migration import Migration, Tool
from pytest_planguard.model.report import Report, Status
from pytest_planguard.model.statement import Layer, Origin, Phase, Place
from pytest_planguard.pipeline import captured_migrations
from pytest_planguard.pipeline.captured_migrations import joined, script, with_migrations
from pytest_planguard.sql.script import split_script

LINE = Origin("db/versions/2.py", 3, "upgrade", Layer.MIGRATION)
PLACE = Place(LINE, "t", Phase.SETUP)
SENT = Capture((), ddl=(Ddl("CREATE INDEX a_i ON a (id)", "shop", PLACE),))


def older() -> Baseline:
    """One whose schema has no indexes yet."""
    world = world_from(fix_reports.empty().databases["default"])
    return Baseline({}, {"default": msgspec.structs.replace(world, indexes={})})


def failed() -> Report:
    """A migration that stopped at its second statement."""
    migration = msgspec.structs.replace(
        fix_reports.migrated().migrations[0], failure="no", notes=("a role is not known here",)
    )
    return msgspec.structs.replace(
        fix_reports.report(status=Status.INCOMPLETE, incomplete_reason="7.sql:4: no such column"),
        migrations=(migration,),
        notes=("a role is not known here", "ignore[MIG002] silences nothing: remove it"),
    )


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (psycopg.errors.QueryCanceled("secret"), "QueryCanceled in pipeline/"),
        (KeyError("secret"), "KeyError"),
        (ServerError("no server", hint="start it"), "no server"),
    ],
)
def test_an_error_on_the_way_costs_no_verdict_on_queries(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, told: str
) -> None:
    def raises(*_: object) -> Report:
        raise error

    monkeypatch.setattr(captured_migrations, "captured_migrations", raises)
    run = fix_reports.one_finding()

    report = with_migrations(run, load(tmp_path, environ={}), SENT, older())

    (note,) = report.notes
    assert note.startswith(f"new migrations could not be traced: {told}")
    assert "secret" not in note
    assert (report.verdict, report.findings) == (run.verdict, run.findings)


def test_the_schema_of_the_run_is_where_what_is_new_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[object] = []

    def heard(*arguments: object) -> Report:
        given.extend(arguments)
        return fix_reports.empty()

    monkeypatch.setattr(captured_migrations, "captured_migrations", heard)
    run = fix_reports.empty()
    with_migrations(run, load(tmp_path, environ={}), SENT, older())

    world = world_from(run.databases["default"])
    assert given[-1] == (world.tables, world.indexes)


def test_a_schema_that_the_suite_makes_itself_is_no_migration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def asked(*_: object) -> Report:
        raise AssertionError("a fixture's schema was traced")

    monkeypatch.setattr(captured_migrations, "captured_migrations", asked)
    place = Place(Origin("tests/conftest.py", 9, "database", Layer.TEST), "", Phase.SHARED)
    made = msgspec.structs.replace(SENT, ddl=(msgspec.structs.replace(SENT.ddl[0], place=place),))
    run = fix_reports.one_finding()
    assert with_migrations(run, load(tmp_path, environ={}), made, older()) == run


def test_a_migration_that_fails_is_not_passed_over() -> None:
    report = joined(fix_reports.empty(), failed())

    assert report.verdict.status is Status.INCOMPLETE
    assert report.incomplete_reason == "the migration the tests ran: 7.sql:4: no such column"
    assert report.notes == ("a role is not known here",)


def test_a_run_that_failed_stays_failed() -> None:
    assert joined(fix_reports.one_finding(), failed()).verdict.status is Status.FAILED


def test_nothing_that_was_traced_leaves_the_run_as_it_was() -> None:
    nothing = Migration("default", Tool.SQL, "the test run: nothing is new")
    more = msgspec.structs.replace(fix_reports.empty(), migrations=(nothing,))

    assert joined(fix_reports.empty(), more) == fix_reports.empty()


def test_a_statement_that_ends_in_a_comment_does_not_swallow_the_next() -> None:
    texts = ["CREATE TABLE a (id int) -- all", "CREATE TABLE b (id int)"]

    assert len(split_script(script(texts))) == 2
