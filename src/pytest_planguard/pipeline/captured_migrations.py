"""Migrations among the DDL that a test run captured: what is new since the baseline is traced."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from pytest_planguard.baseline.entries import schema_facts
from pytest_planguard.config import Config
from pytest_planguard.errors import PlanguardError, described
from pytest_planguard.fixturedb.connection import connect, drop, lost_server
from pytest_planguard.fixturedb.providers import open_server
from pytest_planguard.fixturedb.providers.server import Server
from pytest_planguard.migrations.recorded import Sent
from pytest_planguard.migrations.sources.captured import (
    CapturedDdl,
    Facts,
    Split,
    ddl_of,
    split,
    ways,
)
from pytest_planguard.model.baseline import Baseline
from pytest_planguard.model.capture import Capture
from pytest_planguard.model.migration import Migration, Tool
from pytest_planguard.model.ports import PostgresServer
from pytest_planguard.model.report import Report, Status
from pytest_planguard.model.statement import Layer
from pytest_planguard.pipeline.databases import databases_of
from pytest_planguard.pipeline.fixtures import open_planner, ready
from pytest_planguard.pipeline.migrations import Asked, migrations
from pytest_planguard.planner.catalog import read_catalog

Progress = Callable[[str], None]


def captured_migrations(
    config: Config,
    capture: Capture,
    baseline: Baseline | None,
    database: str = "default",
    progress: Progress = lambda _: None,
    server: PostgresServer | None = None,
    today: Facts | None = None,
) -> Report:
    """What of the captured DDL the baseline's schema lacks, traced and judged.

    Args:
        config: The project's.
        capture: What the tests sent.
        baseline: None: there is none, and nothing is known to be new.
        database: Which, by its configured name.
        progress: Told in a few words what is being done.
        server: One that is open already; None: one is opened.
        today: Tables and indexes as the run has them; None: the schema is made to read them.

    Raises:
        PlanguardError: No server or no twin can be had.
    """
    database_of = databases_of(config, capture)
    sent = ddl_of(capture.ddl, lambda name: database_of(name) == database)
    world = baseline.worlds.get(database) if baseline is not None else None
    spec = config.databases[database]
    with tempfile.TemporaryDirectory() as folder:
        if world is None or not sent:
            reason = "no DDL was captured" if not sent else "there is no baseline"
            source = CapturedDdl(Split(why_not=reason))
            return migrations(config, source, Asked(database), capture, progress, server)
        today = today or _today(config, capture, database, server)
        ends = (world.tables, world.indexes), today
        if isinstance(server, Server) and server.serves(spec):
            found = _split(server, sent, *ends)
        else:
            with open_server(spec) as opened:
                found = _split(opened, sent, *ends)
        schema = ""
        if found.before:
            file = Path(folder) / "before.sql"
            file.write_text(script(found.before), encoding="utf-8")
            schema = str(file)
        source = CapturedDdl(found, _tool(config))
        return migrations(config, source, Asked(database, schema), capture, progress, server)


def script(texts: Sequence[str]) -> str:
    r"""Statements as a file; a text may end in a comment, which would take its semicolon along.

    >>> script(["CREATE TABLE t (a int) -- one"])
    'CREATE TABLE t (a int) -- one\n;\n'
    """
    return "".join(f"{text}\n;\n" for text in texts)


def _today(config: Config, capture: Capture, database: str, server: PostgresServer | None) -> Facts:
    """Tables and indexes of the schema as it is configured."""
    with (
        ready(config, capture) as allowed,
        open_planner(allowed, database, capture, server=server) as planner,
    ):
        return schema_facts(planner.catalog)


def _split(server: Server, sent: Sequence[Sent], wanted: Facts, today: Facts) -> Split:
    """By the first way that leads from the baseline's schema to today's."""
    tried: list[Split] = []
    for way in ways(sent):
        found = _split_on_a_database(server, way, wanted, today)
        if found.after:
            return found
        tried.append(found)
    return tried[0]


def _split_on_a_database(
    server: Server, sent: Sequence[Sent], wanted: Facts, today: Facts
) -> Split:
    """On an empty one, dropped at the end."""
    name = f"planguard_trial_{server.run_token}_captured"
    server.create_database(name)
    try:
        with connect(server, name) as connection, lost_server():
            return split(
                sent, connection, wanted, today, lambda one: schema_facts(read_catalog(one))
            )
    finally:
        drop(server, name)


def _tool(config: Config) -> Tool:
    return Tool.ALEMBIC if (config.root / "alembic.ini").exists() else Tool.SQL


def with_migrations(
    report: Report,
    config: Config,
    capture: Capture,
    baseline: Baseline | None,
    progress: Progress = lambda _: None,
    server: PostgresServer | None = None,
) -> Report:
    """A run's report with the migrations its tests ran, where the schema is not the baseline's.

    Only where a tool that migrates has sent DDL: what a suite makes of ``schema.sql`` or of
    ``create_all`` never runs on a table with rows. Whoever migrates by files of SQL asks for them
    (``pytest-planguard migrations``).
    """
    migrates = any(one.place.origin.layer is Layer.MIGRATION for one in capture.ddl)
    if baseline is None or not report.complete or not migrates:
        return report
    for database, facts in sorted(report.databases.items()):
        world = baseline.worlds.get(database)
        today = schema_facts(facts.catalog)
        same = world is None or today == (world.tables, world.indexes)
        if same or config.databases[database].as_is:
            continue
        progress("tracing new migrations")
        try:
            more = captured_migrations(config, capture, baseline, database, progress, server, today)
        except Exception as error:  # noqa: BLE001 - whatever it is, the queries' verdict stands
            report = msgspec.structs.replace(report, notes=(*report.notes, _untraced(error)))
        else:
            report = joined(report, more)
    return report


def _untraced(error: Exception) -> str:
    """Why nothing is said of migrations; a bug of ours is told without what its error quotes."""
    if isinstance(error, PlanguardError):
        return f"new migrations could not be traced: {error.message}"
    return f"new migrations could not be traced: {described(error)}; please report it"


def joined(report: Report, more: Report) -> Report:
    """Both as one; where no migration could be told from the rest, MIG000 says so.

    A migration that does not run to its end leaves the run incomplete: what comes after the
    statement that failed was not looked at.
    """
    status = max(report.verdict.status, more.verdict.status, key=_WORSE.index)
    if any(one.fails for one in more.findings):
        status = Status.FAILED
    verdict = msgspec.structs.replace(
        report.verdict,
        status=status,
        errors=report.verdict.errors + more.verdict.errors,
        warnings=report.verdict.warnings + more.verdict.warnings,
    )
    findings = sorted((*more.findings, *report.findings), key=lambda one: one.severity.rank)
    # not the report's own notes: a silence that this migration does not need may be another's
    notes = (note for one in more.migrations for note in one.notes)
    return msgspec.structs.replace(
        report,
        findings=tuple(findings),
        migrations=(*report.migrations, *(one for one in more.migrations if _is_seen(one))),
        verdict=verdict,
        notes=tuple(dict.fromkeys((*report.notes, *notes))),
        incomplete_reason=report.incomplete_reason or _reason(more),
    )


_WORSE = (Status.PASSED, Status.INCOMPLETE, Status.FAILED)


def _is_seen(migration: Migration) -> bool:
    return bool(migration.steps or migration.failure)


def _reason(more: Report) -> str:
    reason = more.incomplete_reason
    return f"the migration the tests ran: {reason}" if reason else ""
