"""What a large baseline costs: 5,000 entries read and compared, and one query updated among them.

Entries are made as a run makes them; no server is asked. Everything is done on the disk the system
keeps temporary files on, after the files were written: they are read from its cache. Seconds are
those of a processor, so that what else runs on the machine does not count.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path

import msgspec

from pytest_planguard.baseline import files
from pytest_planguard.baseline.between import as_plan
from pytest_planguard.baseline.compare import compare
from pytest_planguard.model.baseline import Entry, Origin, PlanEntry, World
from pytest_planguard.model.plan import Planned
from pytest_planguard.model.query import Query
from pytest_planguard.model.report import ChangeKind
from pytest_planguard.model.spec import Thresholds

ENTRIES = 5_000
TABLES = 140
ROUNDS = 5
LINE = "8 bytes; 2.5% null; 4,320 distinct; correlation 0.12; common 75%, 20%"


def entry(number: int) -> Entry:
    """A join of two tables with two kinds of plans, as an ORM sends it."""
    one, other = f"table_{number % TABLES}", f"table_{(number * 7 + 1) % TABLES}"
    columns = ", ".join(f"a.column_{column}" for column in range(20))
    shape = (
        "Limit",
        "  Nested Loop",
        f"    Index Scan using {one}_owner_id_idx on {one} a [Index Cond: owner_id = $1]",
        f"    Index Scan using {other}_pkey on {other} b [Index Cond: id = a.other_id]",
    )
    plan = PlanEntry(
        sample="captured",
        access={"a": "index", "b": "index"},
        relations={"a": f"public.{one}", "b": f"public.{other}"},
        indexes={"a": (f"{one}_owner_id_idx",), "b": (f"{other}_pkey",)},
        cost=420.0,
        shape=shape,
    )
    return Entry(
        key=f"{number:012x}",
        database="default",
        sql=f"SELECT {columns} FROM {one} a JOIN {other} b ON b.id = a.other_id "
        f"WHERE a.owner_id = $1 AND a.kind_{number} = $2 LIMIT $3",
        parameter_types=("integer", "integer", "integer"),
        origins=(Origin(f"app/module_{number % 200}.py", f"query_{number % 31}"),),
        tests=tuple(f"tests/test_{number % 200}.py::test_{which}" for which in range(3)),
        plans=(plan, msgspec.structs.replace(plan, sample="common")),
    )


def world() -> World:
    """A header of many tables."""
    names = [f"public.table_{number}" for number in range(TABLES)]
    return World(
        server_major=18,
        collation="C",
        settings={"random_page_cost": "1.1"},
        tables={name: tuple(f"column column_{n} bigint" for n in range(20)) for name in names},
        indexes={f"{name}_pkey": f"CREATE UNIQUE INDEX x ON {name} USING btree (id)"
                 for name in names},
        rows=dict.fromkeys(names, 1_000_000.0),
        scale_source="production",
        digests=dict.fromkeys(names, "8ddeccb30ade"),
        statistics={name: {f"column_{n}": LINE for n in range(20)} for name in names},
    )  # fmt: skip


def timed(folder: Path, asked: list[tuple[Query, Planned]], header: World) -> tuple[float, float]:
    """Seconds to read the baseline, and to compare every query with it."""
    start = time.process_time()
    baseline = files.read(folder)
    read = time.process_time() - start
    assert baseline is not None
    assert len(baseline.entries) == ENTRIES
    start = time.process_time()
    kinds = {
        compare(
            baseline.entries[query.database, query.key],
            query,
            planned,
            baseline.worlds["default"],
            header,
            Thresholds(),
        ).kind
        for query, planned in asked
    }
    assert kinds == {ChangeKind.SAME}
    return read, time.process_time() - start


def main() -> None:
    """Runs it."""
    entries = [entry(number) for number in range(ENTRIES)]
    header = world()
    asked = [
        (
            Query(one.key, one.database, one.sql, one.parameter_types, (), ()),
            Planned(tuple(map(as_plan, one.plans))),
        )
        for one in entries
    ]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files.write_entries(folder, entries)
        files.write_world(folder, "default", header)
        rounds = [timed(folder, asked, header) for _ in range(ROUNDS)]
        changed = msgspec.structs.replace(entries[17], sql="SELECT 1")
        start = time.process_time()
        touched = files.write_entries(folder, [changed]) + files.write_world(
            folder, "default", header
        )
        update = time.process_time() - start
    read = statistics.median(one for one, _ in rounds)
    compared = statistics.median(one for _, one in rounds)
    print(f"{ENTRIES:,} entries of {TABLES} tables, median of {ROUNDS} rounds, processor time")
    print(f"read      {read:.2f} s")
    print(f"compared  {compared:.2f} s")
    print(f"together  {read + compared:.2f} s, wanted below 1 s")
    print(f"one query updated: {touched} file written, {update:.2f} s")


if __name__ == "__main__":
    main()
