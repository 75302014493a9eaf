"""Rows a second that ``db build --rows`` loads, beside those ``pgbench -i`` sends from the client.

pgbench fills ``pgbench_accounts`` (97 bytes a row: three integers and 84 blanks) through COPY, as
it does by default. Ours fills a table of the same width with a key, a skewed balance and 84
characters that differ in every row, as it fills any table. Same embedded server, same settings, in
turn; both make the key's index afterwards and vacuum, and both are also timed without that.
pgbench's small tables (branches, tellers) are a ten-thousandth of its work. pgbench's client works
beside its server, ours is one server process: on a machine whose cores are busy with something
else the ratio says little. Exit status 1 where the rows alone are fewer than pgbench's.
"""

from __future__ import annotations

import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from pytest_planguard.fixturedb.providers import binaries, open_server
from pytest_planguard.fixturedb.providers.server import Server
from pytest_planguard.fixturedb.scale.declared import declare
from pytest_planguard.fixturedb.scale.loaded import load_and_freeze
from pytest_planguard.model.ports import Needs
from pytest_planguard.model.spec import ColumnDeclaration, DatabaseSpec, TableDeclaration
from pytest_planguard.planner.catalog import read_catalog

SCALE = 20
ROWS = SCALE * 100_000
ROUNDS = 5
GOAL = 1.0
"""Times as many rows a second as pgbench, at least."""
VERSIONS = (15, 16, 18)
PGBENCH = "planguard_run_bench_1"
OURS = "planguard_run_bench_2"
TABLE = """
CREATE TABLE accounts (
    aid int NOT NULL PRIMARY KEY, bid int, abalance int, filler text
) WITH (fillfactor = 100)
"""
DECLARED = {
    "accounts": TableDeclaration(
        ROWS,
        {
            "bid": ColumnDeclaration(distinct=SCALE, nulls=0.0, correlation=1.0),
            "abalance": ColumnDeclaration({"0": 0.5}, distinct=10_000, nulls=0.0),
            "filler": ColumnDeclaration(distinct=ROWS, nulls=0.0, width=85),
        },
    )
}


def pgbench(server: Server, program: Path) -> tuple[float, float]:
    """Seconds for the rows alone, and with vacuum and keys, by pgbench's own clock."""
    server.create_database(PGBENCH)
    try:
        done = subprocess.run(
            [program, "-i", "-s", str(SCALE), "-q", "-I", "dtgvp",
             _plain(server.conninfo(PGBENCH))],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
    finally:
        server.drop_database(PGBENCH)
    told = re.findall(r"([a-z- ]+) ([\d.]+) s[,)]", done.stderr.splitlines()[-1])
    parts = {name.strip().removeprefix("("): float(value) for name, value in told}
    return parts["client-side generate"], sum(
        parts[name] for name in ("client-side generate", "vacuum", "primary keys")
    )


def _plain(conninfo: str) -> str:
    """Without what libpq of an older major does not know."""
    known = conninfo_to_dict(conninfo)
    return make_conninfo("", **{name: known[name] for name in ("host", "port", "user", "dbname")})


def ours(server: Server) -> tuple[float, float]:
    """Seconds until the last row is in, and until everything is done: index, vacuum, frozen."""
    server.create_database(OURS)
    try:
        with server.connect(OURS) as connection:
            connection.execute(TABLE)
            catalog = read_catalog(connection)
            wanted = declare(catalog, DECLARED, clock="2026-01-01T00:00:00+00:00")
            heard: list[tuple[float, str]] = []
            start = time.perf_counter()
            load_and_freeze(
                connection, catalog, wanted, read_catalog, seed=1,
                folder=server.data_directory,
                progress=lambda text: heard.append((time.perf_counter(), text)),
            )  # fmt: skip
            end = time.perf_counter()
            _check(connection)
        loaded = next(when for when, text in heard if "index 1" in text)
        return loaded - start, end - start
    finally:
        server.drop_database(OURS)


def _check(connection: psycopg.Connection[Any]) -> None:
    row = connection.execute(
        "SELECT count(*), count(DISTINCT aid), avg(pg_column_size(a.*)) FROM accounts a"
    ).fetchone()
    assert row is not None
    assert (row[0], row[1]) == (ROWS, ROWS), row
    assert row[2] >= 96, row


def median_ratio(rounds: Sequence[tuple[float, float]]) -> float:
    """How many times as many rows a second as pgbench."""
    return statistics.median(theirs / own for theirs, own in rounds)


def missed(ratios: Mapping[int, float]) -> list[str]:
    """A sentence for each server that pgbench fills faster; by major, rows alone."""
    return [
        f"PostgreSQL {version}: {ratio:.3f} times pgbench's rows a second, wanted {GOAL:g}"
        for version, ratio in ratios.items()
        if ratio < GOAL
    ]


def main() -> int:
    """Runs it."""
    ratios: dict[int, float] = {}
    for version in VERSIONS:
        installation, _ = binaries.choose(None, version, Needs())
        program = installation.bindir / "pgbench"
        with tempfile.TemporaryDirectory(prefix="planguard-rows-") as folder:
            Path(folder).chmod(0o711)
            spec = DatabaseSpec(root=Path(folder), version=version)
            with open_server(spec) as server:
                timed = [(pgbench(server, program), ours(server)) for _ in range(ROUNDS + 1)][1:]
        bare = [(theirs[0], own[0]) for theirs, own in timed]
        full = [(theirs[1], own[1]) for theirs, own in timed]
        print(f"PostgreSQL {version}, {ROWS:,} rows, median of {ROUNDS} rounds in turn")
        for name, rounds in (("rows alone", bare), ("with key and vacuum", full)):
            theirs, own = (ROWS / statistics.median(one) for one in zip(*rounds, strict=True))
            print(f"  {name:20} pgbench {theirs:9,.0f} rows/s   planguard {own:9,.0f} rows/s"
                  f"   ratio {median_ratio(rounds):.2f}")  # fmt: skip
        ratios[version] = median_ratio(bare)
    failed = missed(ratios)
    for sentence in failed:
        print(f"missed: {sentence}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
