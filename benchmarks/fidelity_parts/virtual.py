"""The virtual database of a source."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import psycopg

from fidelity_parts.source import Source, Stopwatch
from pytest_planguard.fixturedb import cache
from pytest_planguard.fixturedb.build import Tools, build
from pytest_planguard.fixturedb.inflate.files import relation_files
from pytest_planguard.fixturedb.inflate.statistics import inject
from pytest_planguard.fixturedb.providers.server import Server
from pytest_planguard.fixturedb.scale.observed import observe
from pytest_planguard.fixturedb.schema import build_schema, schema_inputs
from pytest_planguard.fixturedb.template import TemplateMaker
from pytest_planguard.model.spec import DatabaseSpec
from pytest_planguard.model.statistics import ScaleSource
from pytest_planguard.planner.catalog import read_catalog
from pytest_planguard.planner.selfcheck import check_scale


class Virtual(msgspec.Struct, frozen=True):
    conninfo: str
    seconds: float
    lacking: tuple[str, ...]
    bytes_on_disk: int = 0


@contextmanager
def make_virtual(server: Server, folder: Path, source: Source, database: str, user: str, policy: str) -> Iterator[Virtual]:
    with psycopg.connect(source.conninfo(database, user), autocommit=True) as connection:
        statistics = observe(connection, read_catalog(connection), clock="2026-07-01T00:00:00+00:00", source=ScaleSource.PRODUCTION)
    (folder / "schema.sql").write_text(source.dump_schema(database))
    def scale(self: Any, connection: Any, catalog: Any) -> cache.TemplateRecord:
        refused = inject(connection, catalog, statistics, server.version)
        return cache.TemplateRecord(statistics, tuple(relation_files(connection, statistics)), tuple(refused))
    TemplateMaker._scale = scale  # type: ignore
    spec = DatabaseSpec(schema="schema.sql", root=folder, clock=database)
    spec = msgspec.structs.replace(spec, clock="2026-07-01T00:00:00+00:00", seed=hash((database, user, policy)) % 10000, scale="rows")
    tools = Tools(read_catalog=read_catalog, check_scale=check_scale, build_schema=build_schema, schema_inputs=schema_inputs)
    watch = Stopwatch()
    with build(spec, server, None, tools) as fixture:
        yield Virtual(fixture.conninfo, watch.seconds, fixture.lacking)
