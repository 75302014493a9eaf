"""Alembic and Django: migrations are run on a twin by their own tool, and found by their lines."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pytest_planguard.baseline import files
from pytest_planguard.config import load
from pytest_planguard.errors import ConfigurationError, SchemaError
from pytest_planguard.fixturedb.providers import open_server
from pytest_planguard.migrations.sources.program import Program
from pytest_planguard.migrations.sources.tool import ToolSource
from pytest_planguard.model.capture import Capture, Ddl
from pytest_planguard.model.finding import Finding
from pytest_planguard.model.migration import Tool
from pytest_planguard.model.report import Report, Status
from pytest_planguard.model.spec import DatabaseSpec
from pytest_planguard.model.statement import (
    Layer,
    Origin,
    Phase,
    Place,
    Sample,
    Session,
    Statement,
)
from pytest_planguard.pipeline import Options, run
from pytest_planguard.pipeline.captured_migrations import captured_migrations
from pytest_planguard.pipeline.migrations import Asked, migrations
from pytest_planguard.rules import no_lock_timeout, unbounded_pool

FIXTURES = Path(__file__).parents[2] / "fixtures"
BY_TRACKING = "SELECT * FROM orders WHERE tracking_number = $1"


@pytest.fixture(scope="module")
def server(tmp_path_factory: Any) -> Iterator[Any]:
    with open_server(DatabaseSpec(cache=tmp_path_factory.mktemp("cache"))) as found:
        yield found


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """The shop without a branch, at a state its history has."""
    root = tmp_path / "shop"
    shutil.copytree(FIXTURES / "shop", root, ignore=shutil.ignore_patterns(".planguard"))
    return root


def with_branch(shop: Path, name: str) -> Path:
    for file in (shop / "migrations" / name).iterdir():
        if file.suffix == ".py":
            shutil.copy(file, shop / "migrations" / "versions")
    return shop


def captured() -> Capture:
    """What the branch's new code asks."""
    place = Place(Origin("shop/orders.py", 68, "by_tracking_number"), "t", Phase.CALL)
    session = Session("shop", "psycopg")
    statement = Statement(BY_TRACKING, (25,), session, (Sample(("T7",)),), (place,))
    return Capture((statement,), collected=("t",), finished=("t",))


def looked_at(root: Path, tool: Tool, wanted: str, server: Any, **more: Any) -> Report:
    source = ToolSource(tool, wanted, root)
    asked = Asked("default", source.schema_before)
    return migrations(load(root, environ={}), source, asked, server=server, **more)


def found(report: Report, rule: str) -> list[Finding]:
    return [one for one in report.findings if one.rule == rule]


def test_a_branch_of_five_migrations_is_found_out_each_with_its_recipe(shop, server):
    with_branch(shop, "branch")
    report = looked_at(shop, Tool.ALEMBIC, "0001:head", server, capture=captured())

    (index,) = found(report, "MIG003")
    assert index.origins[0].file == "migrations/versions/0002_tracking_index.py"
    assert index.origins[0].line == 10
    assert "from 47,000,000 rows" in index.message
    assert "postgresql_concurrently=True" in index.remedy
    (rewrite,) = found(report, "MIG002")
    assert "45,000,000 rows" in rewrite.message
    assert "legacy_invoice_new" in rewrite.remedy
    (*broken,) = found(report, "MIG007")
    assert len(broken) == 1
    assert all("there is no column total_cents" in one.message for one in broken)
    assert all("deploy the code first" in one.remedy for one in broken)
    (backfill,) = found(report, "MIG006")
    assert backfill.origins[0].file.endswith("0005_channel.py")
    assert "for last in range" in backfill.remedy
    assert "updates 47.0M rows" in backfill.message
    (unused,) = found(report, "IDX002")
    assert "reviews_rating_idx" in unused.message
    assert report.verdict.status is Status.FAILED
    assert found(report, "MIG005") == []


def test_the_repaired_branch_is_silent(shop, server):
    with_branch(shop, "repaired")
    report = looked_at(shop, Tool.ALEMBIC, "0001:head", server, capture=captured())

    assert [(one.rule, one.message) for one in report.findings] == []
    assert report.verdict.status is Status.PASSED
    assert len(report.migrations[0].steps) >= 4


def test_two_heads_are_told_and_nothing_is_traced(shop, server):
    with_branch(shop, "branch")
    other = shop / "migrations" / "versions" / "0003_other.py"
    other.write_text((shop / "migrations/branch/0003_invoice_bigint.py").read_text()
                     .replace('revision = "0003"', 'revision = "0003b"'))  # fmt: skip
    with pytest.raises(SchemaError) as caught:
        looked_at(shop, Tool.ALEMBIC, "", server)
    assert "0003b" in str(caught.value)


NOTES = """
from django.db import migrations, models


def fill(apps, schema_editor):
    apps.get_model("clinic", "Patient").objects.update(note="it's 100%")


class Migration(migrations.Migration):
    dependencies = [("clinic", "0001_initial")]
    operations = [
        migrations.AddField("patient", "note", models.TextField(null=True)),
        migrations.AddIndex(
            "patient", models.Index(fields=["name"], name="patient_name_idx")
        ),
        migrations.RunPython(fill),
        migrations.AddField(  # two statements in one text
            "patient",
            "parent",
            models.ForeignKey("clinic.patient", models.CASCADE, null=True, db_index=False),
        ),
    ]
"""


def test_djangos_operations_are_found_by_their_lines(tmp_path, server):
    root = tmp_path / "clinic"
    shutil.copytree(FIXTURES / "clinic", root, ignore=shutil.ignore_patterns(".planguard"))
    (root / "clinic/migrations/0002_note.py").write_text(NOTES)
    report = looked_at(root, Tool.DJANGO, "clinic", server)

    (migration,) = report.migrations
    assert migration.failure == ""
    assert [one.statement for one in migration.steps if "parent" in one.statement]
    places = {one.rule: one.origins[0] for one in report.findings if one.origins}
    assert {place.file for place in places.values()} == {"clinic/migrations/0002_note.py"}
    assert places["MIG003"].line == 13
    assert places["MIG006"].function == "fill"
    assert found(report, "MIG003")[0].remedy.startswith("instead:\natomic = False")
    backfill = found(report, "MIG006")[0]
    assert backfill.remedy.startswith("instead, with your values for $1 …:\n")
    assert "100" not in backfill.remedy.partition("RunPython")[0]  # what it writes is not told
    assert "migrations.RunPython(in_batches" in backfill.remedy
    (irreversible,) = found(report, "MIG010")
    assert "is not reversible" in irreversible.message


TABLES = (
    "CREATE TABLE orders (id bigint PRIMARY KEY, note text)",
    "CREATE INDEX orders_note_idx ON orders (note)",
)
MORE = "ALTER TABLE orders ALTER COLUMN note SET NOT NULL"
SETTINGS = """
[tool.pytest-planguard.database]
schema = "schema.sql"
[tool.pytest-planguard.tables.orders]
rows = 47_000_000
"""


def of_a_run(*ddl: str) -> Capture:
    """What a suite sent that makes its schema from nothing."""
    place = Place(Origin("db/migrate.py", 7, "up", Layer.MIGRATION), "t", Phase.SETUP)
    asks = Place(Origin("app.py", 3, "by_note"), "t", Phase.CALL)
    session = Session("app", "psycopg")
    statement = Statement(
        "SELECT * FROM orders WHERE note = $1", (25,), session, (Sample(("a",)),), (asks,)
    )
    made = tuple(Ddl(text, "app", place) for text in ddl)
    return Capture((statement,), ddl=made, collected=("t",), finished=("t",))


@pytest.fixture
def project(tmp_path: Path, server: Any) -> Path:
    """One with a baseline, and a schema that is newer."""
    (tmp_path / "pyproject.toml").write_text(SETTINGS)
    (tmp_path / "schema.sql").write_text(";\n".join(TABLES))
    run(load(tmp_path, environ={}), of_a_run(*TABLES), Options(update=True), server=server)
    (tmp_path / "schema.sql").write_text(";\n".join((*TABLES, MORE)))
    return tmp_path


def test_of_what_a_suite_sends_only_what_the_baseline_lacks_is_traced(project, server):
    kept = f"planguard_trial_{server.run_token}_kept"
    server.create_database(kept)
    failed = "ALTER TABLE other ADD COLUMN x int"
    first = (f"{TABLES[0]} -- all", TABLES[1])
    down = (MORE.replace(" SET ", " DROP "), "DROP INDEX orders_note_idx", "DROP TABLE orders")
    sent = (*first, f'DROP DATABASE "{kept}"', failed, *TABLES, MORE, "TRUNCATE orders", *down)
    report = run(load(project, environ={}), of_a_run(*sent), server=server).report

    assert kept in server.databases()
    server.drop_database(kept)
    (migration,) = report.migrations
    assert [one.statement for one in migration.steps] == [MORE]
    (scan,) = found(report, "MIG001")
    assert (scan.origins[0].file, scan.fails) == ("db/migrate.py", True)
    assert report.verdict.status is Status.FAILED

    # by itself, without the run's report, the configured schema says where what is new ends
    config = load(project, environ={})
    baseline = files.read(config.baseline)
    up_and_down = (first[0], "DROP TABLE orders", TABLES[1], down[1], MORE, down[0])
    again = captured_migrations(config, of_a_run(*up_and_down), baseline, server=server)
    assert [one.statement for one in again.migrations[0].steps] == [MORE]


def test_a_schema_made_at_once_hides_its_migrations_and_that_is_said(project, server):
    at_once = "CREATE TABLE orders (id bigint PRIMARY KEY, note text NOT NULL)"
    report = run(load(project, environ={}), of_a_run(at_once), server=server).report

    (nothing,) = found(report, "MIG000")
    assert "never stand at the baseline's schema" in nothing.message
    assert report.migrations == ()


def test_rules_that_raise_are_notes_of_a_run_that_is_judged(project, server, monkeypatch):
    def broken(_: object) -> Any:
        raise KeyError("secret")

    monkeypatch.setattr(unbounded_pool, "check_connections", broken)
    monkeypatch.setattr(no_lock_timeout, "check_migration", broken)
    report = run(load(project, environ={}), of_a_run(*TABLES, MORE), server=server).report

    assert [one.statement for one in report.migrations[0].steps] == [MORE]
    failed = [one for one in report.notes if one.startswith("rule ")]
    assert len(failed) == 2
    assert any("failed on the connections and says nothing there" in one for one in failed)
    assert any("failed on the migration and says nothing there" in one for one in failed)


PROGRAM = """
import os
import psycopg

with psycopg.connect(os.environ["DATABASE_URL"]) as connection:
    connection.execute("UPDATE orders SET note = %s WHERE note IS NULL", ["it's"])
    connection.execute("ALTER TABLE orders ALTER COLUMN note SET NOT NULL")
    connection.commit()
    connection.autocommit = True
    connection.execute("CREATE INDEX CONCURRENTLY orders_two ON orders (note, id)")
"""


def test_any_program_is_heard_at_the_door_of_the_twin(project, server):
    (project / "migrate.py").write_text(PROGRAM)
    asked = Asked("default")
    (project / "schema.sql").write_text(";\n".join(TABLES))
    source = Program("python migrate.py", project)
    report = migrations(load(project, environ={}), source, asked, server=server)

    texts = [one.statement for one in report.migrations[0].steps]
    assert texts == [
        "UPDATE orders SET note = $1 WHERE note IS NULL",
        "ALTER TABLE orders ALTER COLUMN note SET NOT NULL",
        "CREATE INDEX CONCURRENTLY orders_two ON orders (note, id)",
    ]
    assert [one.inside for one in report.migrations[0].steps] == [True, True, False]
    assert len(found(report, "MIG001")) == 1
    assert found(report, "MIG003") == []


TWO = """
import os
import psycopg

first = psycopg.connect(os.environ["DATABASE_URL"])
first.execute("ALTER TABLE orders ADD COLUMN a int")
with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as second:
    second.execute("CREATE TABLE done (id int)")
    for table in ("done", "other"):
        try:
            second.execute(f"CREATE TABLE {table} (id int)")
        except psycopg.Error:
            pass
first.commit()
"""


def test_a_program_with_two_connections_is_traced_without_what_failed(project, server):
    (project / "migrate.py").write_text(TWO)
    (project / "schema.sql").write_text(";\n".join(TABLES))
    report = migrations(
        load(project, environ={}), Program("python migrate.py", project), server=server
    )

    (migration,) = report.migrations
    assert [(one.statement, one.inside) for one in migration.steps] == [
        ("CREATE TABLE done (id int)", False),
        ("CREATE TABLE other (id int)", False),
        ("ALTER TABLE orders ADD COLUMN a int", True),
    ]
    assert migration.failure == ""
    assert "messages the server refused when the command ran, left out: 1" in report.notes


def test_a_program_that_goes_elsewhere_is_told(project, server):
    source = Program("python -c pass", project)
    with pytest.raises(SchemaError, match="sent nothing to the database"):
        migrations(load(project, environ={}), source, server=server)


STUCK = """
import os
import psycopg

first = psycopg.connect(os.environ["DATABASE_URL"])
first.execute("ALTER TABLE orders ADD COLUMN a int")
psycopg.connect(os.environ["DATABASE_URL"]).execute("ALTER TABLE orders ADD COLUMN b int")
"""


def test_a_program_that_waits_for_its_own_second_connection_is_ended_and_told_why(project, server):
    (project / "migrate.py").write_text(STUCK)
    source = Program("python migrate.py", project, time_limit=6.0)
    report = migrations(load(project, environ={}), source, server=server)

    assert report.verdict.status is Status.INCOMPLETE
    assert "took longer than 6 seconds" in report.incomplete_reason
    assert "ADD COLUMN b int waits for a lock that another connection" in report.incomplete_reason


def test_a_database_that_is_used_as_it_is_has_no_twin(project, server):
    config = load(project, environ={})
    spec = msgspec.structs.replace(config.databases["default"], as_is=True)
    config = msgspec.structs.replace(config, databases={"default": spec})
    with pytest.raises(ConfigurationError, match="has no twin"):
        migrations(config, Program("true", project), server=server)
