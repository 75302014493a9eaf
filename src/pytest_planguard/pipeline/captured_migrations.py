"""Migrations among the DDL that a test run captured: what is new since the baseline is traced."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from pytest_planguard.baseline.entries import schema_facts
from pytest_planguard.config import Config
from pytest_planguard.errors import PlanguardError
from pytest_planguard.fixturedb.connection import connect, drop
from pytest_planguard.fixturedb.providers import open_server
from pytest_planguard.fixturedb.providers.server import Server
from pytest_planguard.migrations.recorded import Sent
from pytest_planguard.migrations.sources.captured import (
    CapturedDdl,
    Facts,
    Split,
    ddl_of,
    split,
)
from pytest_planguard.model.baseline import Baseline
from pytest_planguard.model.capture import Capture
from pytest_planguard.model.migration import Tool
from pytest_planguard.model.ports import PostgresServer
from pytest_planguard.model.report import Report, Status
from pytest_planguard.pipeline.databases import databases_of
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
) -> Report:
    """What of the captured DDL the baseline's schema lacks, traced and judged.

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
        if isinstance(server, Server) and server.serves(spec):
            found = _split(server, sent, (world.tables, world.indexes))
        else:
            with open_server(spec) as opened:
                found = _split(opened, sent, (world.tables, world.indexes))
        schema = ""
        if found.before:
            file = Path(folder) / "before.sql"
            file.write_text(";\n".join(found.before) + ";\n", encoding="utf-8")
            schema = str(file)
        source = CapturedDdl(found, _tool(config))
        return migrations(config, source, Asked(database, schema), capture, progress, server)


def _split(server: Server, sent: Sequence[Sent], wanted: Facts) -> Split:
    """On an empty database, dropped at the end."""
    name = f"planguard_trial_{server.run_token}_captured"
    server.create_database(name)
    try:
        with connect(server, name) as connection:
            return split(sent, connection, wanted, lambda one: schema_facts(read_catalog(one)))
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
    """A run's report with the migrations its tests ran, where the schema is not the baseline's."""
    if baseline is None or not report.complete or not capture.ddl:
        return report
    for database, facts in sorted(report.databases.items()):
        world = baseline.worlds.get(database)
        same = world is None or schema_facts(facts.catalog) == (world.tables, world.indexes)
        if same or config.databases[database].as_is:
            continue
        progress("tracing new migrations")
        try:
            more = captured_migrations(config, capture, baseline, database, progress, server)
        except PlanguardError as error:
            note = f"new migrations could not be traced: {error.message}"
            report = msgspec.structs.replace(report, notes=(*report.notes, note))
        else:
            report = _joined(report, more)
    return report


def _joined(report: Report, more: Report) -> Report:
    """Both as one; where no migration could be told from the rest, MIG000 says so."""
    failed = any(one.fails for one in more.findings)
    verdict = msgspec.structs.replace(
        report.verdict,
        status=Status.FAILED if failed else report.verdict.status,
        errors=report.verdict.errors + more.verdict.errors,
        warnings=report.verdict.warnings + more.verdict.warnings,
    )
    findings = sorted((*more.findings, *report.findings), key=lambda one: one.severity.rank)
    return msgspec.structs.replace(
        report,
        findings=tuple(findings),
        migrations=(*report.migrations, *(one for one in more.migrations if one.steps)),
        verdict=verdict,
    )
