"""Advice beside other advisors', really built: costs, number of indexes, bytes, time.

Two workloads of ``fidelity.py`` are loaded into PostgreSQL 15 without secondary indexes: TPC-H and
the mixed one. Each advisor gets the same queries. What it recommends is built on the loaded rows,
every query is planned by a plain ``EXPLAIN``, and the indexes are dropped again. Where another
takes fewer, as many of planguard's are built, too: the first by its own order. planguard sees only
the schema and the pulled statistics; the others look at the database itself, since they have no
other way.

* planguard: plans in its virtual database; also how exactly its what-if foresaw the plans.
* Supabase's ``index_advisor`` (``--index-advisor FILE``, the extension's SQL) over HypoPG.
* Dexter (``--dexter FOLDER``, its source), which takes only what saves half.
* pytest-queryguard's index check (``--queryguard PYTHON``, an interpreter that has it), which runs
  the queries as tests on an empty database of PostgreSQL 18.

HypoPG comes with Debian: ``apt-get install postgresql-15-hypopg``. Rows and texts take
``pip install tpchgen-cli duckdb==0.10.3``. ``--quick`` loads a tenth. ``--growth`` measures only
how judging and advice grow with queries and tables. Exit status 1 where a goal was missed.
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

import msgspec
from advice_parts.built import Built, built, drop_secondary
from advice_parts.disagreements import Disagreement, disagreements, disputed, tally
from advice_parts.growth import grown
from advice_parts.ours import OURS, advised, opened, predicted
from advice_parts.outcome import (
    Foreseen,
    Row,
    advisors,
    by_query,
    foreseen,
    missed,
    reports,
    where_others_win,
    who_reports,
)
from advice_parts.queryguard import QUERYGUARD, queryguard
from advice_parts.rivals import HYPOPG, dexter, has_hypopg, index_advisor
from advice_parts.sets import Advised
from fidelity_parts.source import Source, running_source
from fidelity_parts.table import size
from fidelity_parts.workloads import Workload, mixed, tpch

MAJOR = 15
"""What HypoPG is packaged for."""
NEEDED = 7_000_000_000
"""Bytes: rows as text, the loaded databases and the indexes of one advisor."""


def main() -> int:
    """Runs it."""
    options = _options()
    if options.growth:
        print(grown())
        return 0
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # servers are stopped on the way out
    rows: list[Row] = []
    prophecies: list[Foreseen] = []
    disputes: list[Disagreement] = []
    with _folder(options.folder, options.quick) as folder, running_source(MAJOR, folder) as source:
        for workload in _workloads(options, folder):
            _say(f"{workload.name}: loading")
            workload.load(source, _say)
            dropped = drop_secondary(source, workload)
            _say(f"{workload.name}: {dropped} secondary indexes dropped")
            mine, foretold = _measured(source, workload, options, folder)
            rows += mine
            prophecies.append(foretold)
            disputes += _disputes(source, workload, mine)
    print(advisors(rows))
    for row in rows:
        for text in row.advised.ddl if options.verbose else ():
            print(f"  {row.workload} {row.advised.advisor}: {text}")
        for text in (*row.advised.failed, *row.built.refused) if options.verbose else ():
            print(f"  {row.workload} {row.advised.advisor} could not: {text}")
    print()
    print(by_query(rows))
    print("\nWhere others win")
    print("\n".join(where_others_win(rows)) or "nowhere")
    print("\nWho says that an index is missing, and where one saves 30 % and 100 units\n")
    print(reports(rows))
    print("\nThe same, query by query\n")
    print(who_reports(rows))
    if disputes:
        print("\nWhere planguard and pytest-queryguard differ, by the rows\n")
        print(disputed(disputes))
        print(f"\n{tally(disputes)}")
    print("\nPlans with our indexes, foreseen and real")
    for one in prophecies:
        print(f"{one.workload}: {one.same} of {one.queries} the same, {one.close} within 2 %")
        for text in one.differing:
            print(f"  {text}")
    failed = missed(rows, prophecies)
    for sentence in failed:
        print(f"missed: {sentence}")
    return 1 if failed else 0


def _measured(
    source: Source, workload: Workload, options: argparse.Namespace, folder: Path
) -> tuple[list[Row], Foreseen]:
    before = built(source, workload, ()).costs
    rows: list[Row] = []

    def row(one: Advised) -> Built:
        _say(f"{workload.name}: building what {one.advisor} says")
        made = built(source, workload, one.ddl)
        rows.append(Row(workload.name, one, made, before))
        return made

    with tempfile.TemporaryDirectory(dir=folder) as name:
        project = Path(name)
        project.chmod(0o755)
        with opened(project, source, workload) as virtual:
            _say(f"{workload.name}: {OURS}")
            mine = advised(virtual)
            foretold = predicted(virtual, mine.ddl, workload.queries)
            real = row(mine)
    for one in _rivals(source, workload, options, folder):
        theirs = row(one)
        if 0 < len(theirs.sizes) < len(real.sizes):
            _say(f"{workload.name}: building our first {len(theirs.sizes)}")
            first = built(source, workload, mine.ddl[: len(theirs.sizes)])
            rows[-1] = msgspec.structs.replace(rows[-1], first=first)
    return rows, foreseen(workload.name, foretold, real)


def _disputes(source: Source, workload: Workload, rows: Sequence[Row]) -> list[Disagreement]:
    """What the rows say where planguard and pytest-queryguard differ."""
    by_advisor = {row.advised.advisor: row for row in rows}
    if QUERYGUARD not in by_advisor:
        return []
    _say(f"{workload.name}: running what {OURS} and {QUERYGUARD} differ on")
    return disagreements(source, workload, by_advisor[OURS], by_advisor[QUERYGUARD])


def _rivals(
    source: Source, workload: Workload, options: argparse.Namespace, folder: Path
) -> Iterator[Advised]:
    wanted = options.index_advisor or options.dexter or options.queryguard
    if wanted and not has_hypopg(source):
        raise SystemExit(f"the other advisors need {HYPOPG}")
    if options.index_advisor:
        _say(f"{workload.name}: index_advisor")
        yield index_advisor(source, workload, options.index_advisor)
    if options.dexter:
        _say(f"{workload.name}: dexter")
        yield dexter(source, workload, options.dexter, folder)
    if options.queryguard:
        _say(f"{workload.name}: pytest-queryguard")
        yield queryguard(source, workload, options.queryguard, folder)


def _workloads(options: argparse.Namespace, folder: Path) -> Iterator[Workload]:
    if "tpch" in options.workloads:
        yield tpch(0.1 if options.quick else 1, folder)
    if "mixed" in options.workloads:
        yield mixed(0.1 if options.quick else 1)


def _say(text: str) -> None:
    print(text, file=sys.stderr)


@contextmanager
def _folder(given: Path | None, quick: bool) -> Iterator[Path]:
    """A folder of our own with enough room."""
    with tempfile.TemporaryDirectory(prefix="advice-", dir=given) as name:
        folder = Path(name)
        folder.chmod(0o755)
        free = shutil.disk_usage(folder).free
        if free < NEEDED / (10 if quick else 1):
            raise SystemExit(f"{folder} has {size(free)} left, and {size(NEEDED)} are needed")
        yield folder


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="a tenth of the rows")
    parser.add_argument("--growth", action="store_true", help="only the growth of our own time")
    parser.add_argument("--workloads", default="tpch,mixed", type=lambda text: text.split(","))
    parser.add_argument("--index-advisor", type=Path, help="index_advisor--0.2.0.sql")
    parser.add_argument("--dexter", type=Path, help="a folder with Dexter's source")
    parser.add_argument("--queryguard", type=Path, help="a python that has pytest-queryguard")
    parser.add_argument("--folder", type=Path, help="where servers and rows are kept meanwhile")
    parser.add_argument("-v", "--verbose", action="store_true", help="each statement")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
