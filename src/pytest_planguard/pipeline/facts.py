"""What a report says about the database plans were made in."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import msgspec

from pytest_planguard.baseline.distributions import lines_of
from pytest_planguard.model.catalog import Server
from pytest_planguard.model.report import DatabaseReport, Fidelity, TableScale
from pytest_planguard.model.spec import DatabaseSpec
from pytest_planguard.model.statistics import (
    ScaleSource,
    Statistics,
    TableStatistics,
    ValuePolicy,
)
from pytest_planguard.pipeline.fixtures import Planner
from pytest_planguard.planner.masked import has_stand_ins


def database_report(spec: DatabaseSpec, planner: Planner) -> DatabaseReport:
    """Server, sizes and how faithful the plans are."""
    statistics = planner.fixture.statistics
    reasons = tuple(_doubts(spec, planner))
    return DatabaseReport(
        server=planner.catalog.server,
        provider=planner.fixture.server.provider,
        source=statistics.source,
        tables={
            name: TableScale(table.rows, table.pages, statistics.tables[name].source)
            for name, table in sorted(planner.catalog.tables.items())
            if name in statistics.tables
        },
        fidelity=Fidelity(exact=not reasons, reasons=reasons),
        catalog=planner.catalog,
        clock=statistics.clock,
        checked=planner.fixture.checked,
        statistics_digests={
            name: _digest(table) for name, table in sorted(statistics.tables.items())
        },
        distributions={name: lines_of(table) for name, table in sorted(statistics.tables.items())},
    )


def _digest(table: TableStatistics) -> str:
    """Of what plans depend on besides sizes, which reports have by themselves, and the schema."""
    known = (table.columns, table.inherited, table.extended)
    return hashlib.sha256(msgspec.json.encode(known, order="deterministic")).hexdigest()[:12]


def _doubts(spec: DatabaseSpec, planner: Planner) -> Iterator[str]:
    """Why plans may differ from production's."""
    statistics = planner.fixture.statistics
    if statistics.server_version:
        yield from _unlike_the_source(statistics, planner.catalog.server)
    match statistics.source:
        case ScaleSource.DECLARED:
            yield _declared(statistics)
        case ScaleSource.GENERATED:
            yield "rows were generated from declared sizes"
        case ScaleSource.ASSUMED:
            assumed = sum(
                table.source is ScaleSource.ASSUMED for table in statistics.tables.values()
            )
            of = len(statistics.tables)
            yield f"the sizes of {assumed} of {of} tables are assumed"
        case ScaleSource.AS_IS:
            yield "the database is used with its own contents"
    if not spec.settings and not statistics.server_version:
        yield "planner settings are PostgreSQL's defaults"
    yield from dict.fromkeys((*planner.fixture.server.lacking, *planner.fixture.lacking))


def _declared(statistics: Statistics) -> str:
    """Which sizes are the configuration's, where others are production's."""
    if not statistics.server_version:
        return "sizes are declared, not read from production"
    declared = [
        name
        for name, table in sorted(statistics.tables.items())
        if table.source is ScaleSource.DECLARED
    ]
    return f"sizes are declared, not read from production: {', '.join(declared)}"


def _unlike_the_source(statistics: Statistics, server: Server) -> Iterator[str]:
    """How the fixture differs from the server its statistics are from."""
    theirs = statistics.server_version // 10000
    if server.major != theirs:
        yield f"production runs PostgreSQL {theirs}, plans are made by {server.major}"
    different = sorted(
        name
        for name in statistics.settings.keys() | server.settings.keys()
        if statistics.settings.get(name) != server.settings.get(name)
    )
    if different:
        yield f"planner settings differ from production's: {', '.join(different)}"
    if statistics.values is ValuePolicy.MASKED and has_stand_ins(statistics):
        yield "texts are stand-ins of like length, order and frequency"
    if statistics.values is ValuePolicy.NONE:
        yield "the statistics hold no values"
    if statistics.grown != 1.0:
        yield f"the statistics were scaled by {statistics.grown:g}"
    yield from statistics.unseen
    if statistics.thinned:
        yield statistics.thinned
