"""What a report says about the database plans were made in."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import msgspec

from pytest_planguard.model.ports import FixtureDatabase
from pytest_planguard.model.report import DatabaseReport, Fidelity, TableScale
from pytest_planguard.model.spec import DatabaseSpec
from pytest_planguard.model.statistics import ScaleSource
from pytest_planguard.pipeline.fixtures import Planner


def database_report(spec: DatabaseSpec, planner: Planner) -> DatabaseReport:
    """Server, sizes and how faithful the plans are."""
    statistics = planner.fixture.statistics
    reasons = tuple(_doubts(spec, planner.fixture))
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
        statistics_digest=hashlib.sha256(
            msgspec.json.encode(statistics, order="deterministic")
        ).hexdigest()[:16],
    )


def _doubts(spec: DatabaseSpec, fixture: FixtureDatabase) -> Iterator[str]:
    """Why plans may differ from production's."""
    statistics = fixture.statistics
    match statistics.source:
        case ScaleSource.DECLARED:
            yield "sizes are declared, not read from production"
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
        case ScaleSource.PRODUCTION:
            ours = fixture.server.version // 10000
            theirs = statistics.server_version // 10000
            if ours != theirs:
                yield f"production runs PostgreSQL {theirs}, plans are made by {ours}"
    if not spec.settings and statistics.source is not ScaleSource.PRODUCTION:
        yield "planner settings are PostgreSQL's defaults"
    yield from dict.fromkeys((*fixture.server.lacking, *fixture.lacking))
