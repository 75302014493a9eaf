"""1,000 tables with 3,000 indexes, each of production's size: how long inflating them takes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import msgspec

from fidelity_parts.source import Stopwatch, stored_bytes
from pytest_planguard.fixturedb.connection import connect
from pytest_planguard.fixturedb.inflate.database import inflate
from pytest_planguard.fixturedb.inflate.files import RelationFile, relation_files
from pytest_planguard.fixturedb.inflate.statistics import inject
from pytest_planguard.fixturedb.providers.server import Server
from pytest_planguard.model.statistics import (
    IndexStatistics,
    ScaleSource,
    Statistics,
    TableStatistics,
)
from pytest_planguard.planner.catalog import read_catalog
from pytest_planguard.planner.selfcheck import check_scale

TABLES = 1_000
LARGE_EVERY = 10
"""One table in ten is large."""
PAGES, INDEX_PAGES, ROWS = 1_000_000, 165_000, 60_000_000.0
"""Of a large one: 8 GB in eight segments, and 1.3 GB for each index, which is what a bigint key
takes for that many rows. The others have a tenth."""


class Many(msgspec.Struct, frozen=True):
    """What was measured; seconds and bytes."""

    schema: float
    statistics: float
    copy: float
    inflate: float
    apparent: int
    stored: int
    """More than the empty copy takes."""


def inflate_many(server: Server, tables: int = TABLES) -> Many:
    """Makes the schema, then times each step to a database at scale; drops it all."""
    template = f"planguard_building_{server.run_token}"
    run = f"planguard_run_{server.run_token}_many"
    with _dropped(server, template, run):
        server.create_database(template)
        watch = Stopwatch()
        with connect(server, template) as connection:
            connection.execute(_schema(tables))
            schema = watch.seconds
            statistics = _statistics(tables)
            watch = Stopwatch()
            inject(connection, read_catalog(connection), statistics, server.version)
            files = relation_files(connection, statistics)
            injected = watch.seconds
        watch = Stopwatch()
        server.create_database(run, template=template)
        copied = watch.seconds
        with connect(server) as connection:
            before = _stored(server, files, connection.execute(_OID, [run]).fetchone())
            watch = Stopwatch()
            inflate(connection, server, run, files)
            inflated = watch.seconds
            after = _stored(server, files, connection.execute(_OID, [run]).fetchone())
        with connect(server, run) as connection:
            check_scale(connection, statistics)
    apparent = sum(file.pages for file in files) * 8192
    return Many(schema, injected, copied, inflated, apparent, after - before)


_OID = "SELECT oid FROM pg_database WHERE datname = %s"


def _stored(server: Server, files: list[RelationFile], row: tuple[int] | None) -> int:
    """Bytes the copy's folder takes; 0 where its files are out of reach."""
    if server.data_directory is None or row is None:
        return 0
    return stored_bytes(
        server.data_directory / files[0].in_database(row[0]).path.rpartition("/")[0]
    )


def _schema(tables: int) -> str:
    return "".join(
        f"CREATE TABLE t{number} (id bigint PRIMARY KEY, a bigint NOT NULL, b timestamptz);"
        f"CREATE INDEX t{number}_a ON t{number} (a); CREATE INDEX t{number}_b ON t{number} (b);"
        for number in range(tables)
    )


def _statistics(tables: int) -> Statistics:
    made = {f"public.t{number}": _table(number) for number in range(tables)}
    return Statistics(made, "2026-07-01T00:00:00+00:00", ScaleSource.PRODUCTION)


def _table(number: int) -> TableStatistics:
    share = 1 if number % LARGE_EVERY == 0 else 10
    index = IndexStatistics(INDEX_PAGES // share, ROWS // share, 2)
    names = (f"t{number}_pkey", f"t{number}_a", f"t{number}_b")
    return TableStatistics(ROWS // share, PAGES // share, indexes=dict.fromkeys(names, index))


@contextmanager
def _dropped(server: Server, *names: str) -> Iterator[None]:
    try:
        yield
    finally:
        for name in names:
            server.drop_database(name)
