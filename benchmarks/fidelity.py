"""Real databases beside virtual ones of the same size: the same plans, at the same costs?

Two workloads are loaded into a real server, one PostgreSQL after the other. Their statistics are
pulled, a virtual database is built from the file and ``pg_dump -s``, and every query is planned
on both by a plain ``EXPLAIN (FORMAT JSON, VERBOSE)``. A plan is identical where all of every node
is: type, relation, alias, index, join, strategy, keys, conditions, subplans, parallel modes.

* TPC-H at scale 1, its 22 queries. ``pip install tpchgen-cli duckdb==0.10.3`` for the rows and
  the texts. Keys and indexes are in ``fidelity_tpch/keys.sql``.
* ``fidelity_mixed/``: 12 million skewed rows under every kind of index and partition; the queries
  are in ``queries.sql``.

Each is built through the embedded server's files and over a superuser's connection to an own
server, from statistics a superuser and an ordinary reader pulled: with all values, masked (the
default) and without. Last, 1,000 tables with 3,000 indexes are inflated.

It needs 6 GB of disk below ``--folder`` while it runs, and about five minutes a server;
``--quick`` a minute. Exit status 1 where a goal was missed.
"""

from __future__ import annotations

import argparse
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from fidelity_parts.many import TABLES, Many, inflate_many
from fidelity_parts.measure import Cell, Loaded, measure, measure_loading
from fidelity_parts.outcome import costs, fidelity, in_short, listed, missed_goals, misses
from fidelity_parts.source import running_source
from fidelity_parts.table import seconds, size
from fidelity_parts.workloads import Progress, Workload, mixed, tpch

from pytest_planguard.fixturedb.providers import open_server
from pytest_planguard.model.spec import DatabaseSpec

MAJORS = (15, 16, 18)
NEEDED = 6_000_000_000
"""Bytes; the larger workload and its server, and TPC-H's rows as text."""


def main() -> int:
    """Runs it."""
    options = _options()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # servers are stopped on the way out
    with _folder(options.folder, options.quick) as folder:
        loaded: list[Loaded] = []
        cells: list[Cell] = []
        many: dict[str, Many] = {}
        for major in options.servers:
            progress = _progress(major)
            with running_source(major, folder) as source:
                for workload in _workloads(options, folder):
                    loaded.append(measure_loading(source, workload, progress))
                    cells += measure(source, workload, folder, progress, rested=not options.quick)
            if not options.quick:
                progress(f"{TABLES:,} tables")
                many |= _many(major, folder)
    _print(loaded, cells, many)
    failed = missed_goals(loaded, cells, many, full=not options.quick)
    for sentence in failed:
        print(f"missed: {sentence}")
    return 1 if failed else 0


def _print(loaded: Sequence[Loaded], cells: Sequence[Cell], many: dict[str, Many]) -> None:
    print("Identical plans, costs within 0.1 % (TPC-H) or 1 % (mixed), largest difference\n")
    print(fidelity(cells))
    print(f"\n{in_short(cells)}")
    print("\nTime and disk: the real database, and the virtual one on a running server\n")
    print(costs(loaded, cells))
    for version, one in many.items():
        print(
            f"\n{version}: {TABLES:,} tables and {3 * TABLES:,} indexes, {size(one.apparent)}:"
            f" inflated in {seconds(one.inflate)}, {size(one.stored)} on disk"
            f" (before that: schema {seconds(one.schema)}, statistics {seconds(one.statistics)},"
            f" copy {seconds(one.copy)})"
        )
    text = listed(misses(cells))
    print(f"\nWhat differs, and why\n\n{text}" if text else "\nNothing differs.")


def _many(major: int, folder: Path) -> dict[str, Many]:
    with tempfile.TemporaryDirectory(dir=folder) as name:
        root = Path(name)
        root.chmod(0o755)
        spec = DatabaseSpec(version=major, root=root, cache=root / ".planguard")
        with open_server(spec) as server:
            return {f"PostgreSQL {server.version // 10000}": inflate_many(server)}


def _workloads(options: argparse.Namespace, folder: Path) -> Iterator[Workload]:
    if "tpch" in options.workloads:
        yield tpch(0.05 if options.quick else 1, folder)
    if "mixed" in options.workloads:
        yield mixed(0.02 if options.quick else 1)


@contextmanager
def _folder(given: Path | None, quick: bool) -> Iterator[Path]:
    """A folder of our own with enough room."""
    with tempfile.TemporaryDirectory(prefix="fidelity-", dir=given) as name:
        folder = Path(name)
        folder.chmod(0o755)
        free = shutil.disk_usage(folder).free
        if free < NEEDED / (10 if quick else 1):
            raise SystemExit(f"{folder} has {size(free)} left, and {size(NEEDED)} are needed")
        yield folder


def _progress(major: int) -> Progress:
    shown = sys.stderr.isatty()
    return lambda text: (
        print(f"\r\033[K{major}: {text}", end="", file=sys.stderr) if shown else None
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="one server, a fiftieth of the rows")
    parser.add_argument("--servers", type=_majors, help="majors, default 15,16,18")
    parser.add_argument("--workloads", default="tpch,mixed", type=lambda text: text.split(","))
    parser.add_argument("--folder", type=Path, help="where servers and rows are kept meanwhile")
    options = parser.parse_args()
    options.servers = options.servers or ((18,) if options.quick else MAJORS)
    return options


def _majors(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(","))


if __name__ == "__main__":
    sys.exit(main())
