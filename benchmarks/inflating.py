"""1,000 tables of 8 GB and 3,000 indexes, brought to scale: how long, and what they take on disk.

A template is made once: schema and statistics. What every run then does is timed apart, in turn by
files and by the server's own shell: the copy of the template (PostgreSQL's own work), extending its
files, and the self-check.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg

from pytest_planguard.fixturedb.inflate.database import inflate
from pytest_planguard.fixturedb.inflate.files import RelationFile, relation_files, total_pages
from pytest_planguard.fixturedb.inflate.statistics import inject
from pytest_planguard.fixturedb.providers import open_server
from pytest_planguard.fixturedb.providers.server import Server
from pytest_planguard.model.spec import DatabaseSpec
from pytest_planguard.model.statistics import (
    ColumnStatistics,
    IndexStatistics,
    ScaleSource,
    Statistics,
    TableStatistics,
)
from pytest_planguard.planner.catalog import read_catalog
from pytest_planguard.planner.selfcheck import check_scale

TABLES = 1_000
ROUNDS = 5
ROWS, PAGES = 100_000_000.0, 1_048_576
INDEX_PAGES = {"pkey": 274_194, "a": 385_002, "b": 502_513}


def main() -> None:
    """Runs it."""
    known = _statistics()
    with TemporaryDirectory() as folder, open_server(DatabaseSpec(root=Path(folder))) as server:
        template = f"planguard_building_{server.run_token}"
        server.create_database(template)
        with psycopg.connect(server.conninfo(template), autocommit=True) as connection:
            connection.execute(_schema())
            catalog = read_catalog(connection)
            with _timed("statistics injected, once"):
                inject(connection, catalog, known, server.version)
            files = relation_files(connection, known)
        directory = server.data_directory
        for way, place in (("by files", directory), ("by shell", None)):
            server.data_directory = place
            _rounds(way, server, template, files, known)
        print(f"apparent size: {total_pages(files) * 8192 / 1e12:.1f} TB")


def _rounds(
    way: str, server: Server, template: str, files: list[RelationFile], known: Statistics
) -> None:
    name = f"planguard_run_{server.run_token}_copy"
    times: dict[str, list[float]] = {}
    for _ in range(ROUNDS):
        _time(times, "copy", lambda: server.create_database(name, template))
        with server.connect() as connection:
            _time(times, "inflate", lambda c=connection: inflate(c, server, name, files))
        with server.connect(name) as connection:
            _time(times, "self-check", lambda c=connection: check_scale(c, known))
        server.drop_database(name)
    for step, seconds in times.items():
        print(f"{way}: {step:10} {statistics.median(seconds):6.3f} s (median of {ROUNDS})")


def _time(times: dict[str, list[float]], step: str, run: Callable[[], object]) -> None:
    start = time.perf_counter()
    run()
    times.setdefault(step, []).append(time.perf_counter() - start)


@contextmanager
def _timed(what: str) -> Iterator[None]:
    start = time.perf_counter()
    yield
    print(f"{what}: {time.perf_counter() - start:.3f} s")


def _schema() -> str:
    return "\n".join(
        f"CREATE TABLE t{n} (id bigint CONSTRAINT t{n}_pkey PRIMARY KEY, a int, b text);"
        f"CREATE INDEX t{n}_a ON t{n} (a, id); CREATE INDEX t{n}_b ON t{n} (b);"
        for n in range(TABLES)
    )


def _statistics() -> Statistics:
    columns = {
        "id": ColumnStatistics(
            0, 8, -1, histogram_bounds=tuple(str(n * 10**6) for n in range(101)), correlation=1.0
        ),
        "a": ColumnStatistics(0, 4, 1000, tuple(map(str, range(100))), (0.001,) * 100),
        "b": ColumnStatistics(
            0, 20, -0.5, histogram_bounds=tuple(f"text {n:05}" for n in range(101))
        ),
    }
    tables = {
        f"public.t{n}": TableStatistics(
            ROWS,
            PAGES,
            columns=columns,
            indexes={
                f"t{n}_{name}": IndexStatistics(pages, ROWS, 3)
                for name, pages in INDEX_PAGES.items()
            },
        )
        for n in range(TABLES)
    }
    return Statistics(tables, "2026-01-01", ScaleSource.PRODUCTION)


if __name__ == "__main__":
    main()
