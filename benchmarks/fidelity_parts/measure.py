"""One workload on one server: loaded, pulled, built and compared in each way."""

from __future__ import annotations

import gc
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from fidelity_parts.compare import Comparison, Node, compare
from fidelity_parts.ends import put_real_ends
from fidelity_parts.plans import plans
from fidelity_parts.sent import sent_plans, without_texts
from fidelity_parts.source import READER, Source, Stopwatch, size_on_disk
from fidelity_parts.virtual import STATISTICS, Pulled, make_project, pull, virtual_database
from fidelity_parts.workloads import Progress, Workload
from pytest_planguard.fixturedb.providers import open_server
from pytest_planguard.fixturedb.providers.server import Server
from pytest_planguard.model.spec import DatabaseSpec


class Way(msgspec.Struct, frozen=True):
    """How statistics were pulled, and a database built from them."""

    name: str
    provider: str = "embedded"
    user: str = "postgres"
    values: str = "all"
    keeps: bool = False
    """The workload's harmless columns keep their values."""
    sent: bool = False
    """Planned by planguard, which fits texts to the statistics, and not by a bare EXPLAIN."""
    real_ends: bool = False
    """The ends of indexes are put in: no way a user has, it explains misses."""


BASE = Way("all values, by files")
ENDS = Way("with the ends of indexes", real_ends=True)
WAYS = (
    BASE,
    Way("all values, by connection", provider="url"),
    Way("all values, pulled by a reader", user=READER),
    Way("masked, the default", values="masked", sent=True),
    Way("masked, few columns kept", values="masked", sent=True, keeps=True),
    Way("masked, by a bare EXPLAIN", values="masked"),
    Way("no values", values="none"),
    ENDS,
)


REST = 40.0
"""Seconds. ext4 looks at every inode that was freed less than 35 s ago before it gives one out
(``recently_deleted`` in fs/ext4/ialloc.c): making a database's 226 files took 0.2 s after others
had been dropped, and 0.02 s after a rest. Whoever builds the first one has dropped none."""


class Loaded(msgspec.Struct, frozen=True):
    """The real database."""

    version: str
    workload: str
    seconds: float
    """Rows, indexes, vacuum and analyze."""
    stored: int


class Cell(msgspec.Struct, frozen=True):
    """One workload, one server, one way."""

    version: str
    workload: Workload
    way: Way
    comparisons: tuple[Comparison, ...]
    pulled: Pulled
    started: float
    """Seconds until the fixture's server was there: initdb and start."""
    seconds: float
    """To build, on that server."""
    stored: int
    lacking: tuple[str, ...]

    @property
    def identical(self) -> int:
        """Queries with the same plan."""
        return sum(one.is_identical for one in self.comparisons)

    @property
    def close(self) -> int:
        """Queries whose total cost is within the workload's tolerance."""
        return sum(one.whole <= self.workload.tolerance for one in self.comparisons)

    @property
    def deviation(self) -> float:
        """The largest of a query's total cost, relative."""
        return max(one.whole for one in self.comparisons)


def measure_loading(source: Source, workload: Workload, progress: Progress) -> Loaded:
    """Loads the real database."""
    watch = Stopwatch()
    workload.load(source, progress)
    taken = watch.seconds
    stored = size_on_disk(source, workload.database)
    return Loaded(source.installation.version, workload.name, taken, stored)


def measure(
    source: Source, workload: Workload, folder: Path, progress: Progress, *, rested: bool = True
) -> Iterator[Cell]:
    """Builds the virtual database in each way and compares all plans.

    Args:
        source: The server with the real one.
        workload: What was loaded.
        folder: For the projects.
        progress: Hears how far it is.
        rested: The build whose time is given begins where no files were deleted just now.
    """
    real = plans(source.conninfo(workload.database), workload.queries)
    for provider in ("embedded", "url"):
        watch = Stopwatch()
        with _project(folder, source, workload, provider) as (project, server):
            started = watch.seconds
            for way in WAYS:
                if way is BASE and rested:
                    progress(f"{workload.name}: the file system rests")
                    _let_rest(source)
                if way.provider == provider:
                    progress(f"{workload.name}: {way.name}")
                    cell = _cell(source, workload, way, project, server, real)
                    yield msgspec.structs.replace(cell, started=started)


def _let_rest(source: Source) -> None:
    """Until what loading left is on disk, and what was dropped is forgotten.

    Plans of the cells before are no garbage to be looked for while a build is timed.
    """
    gc.collect()
    gc.freeze()
    with source.connect("postgres") as connection:
        connection.execute("CHECKPOINT")
    os.sync()
    time.sleep(REST)


@contextmanager
def _project(
    folder: Path, source: Source, workload: Workload, provider: str
) -> Iterator[tuple[Path, Server]]:
    """A project, and its server running."""
    major = source.installation.major
    with tempfile.TemporaryDirectory(dir=folder) as name:
        project = Path(name)
        project.chmod(0o755)
        make_project(project, source, workload.database, provider, major)
        spec = DatabaseSpec(
            provider=provider,
            version=major,
            url=source.url("postgres"),
            root=project,
            cache=project / ".planguard",
        )
        with open_server(spec) as server:
            yield project, server


def _cell(
    source: Source,
    workload: Workload,
    way: Way,
    project: Path,
    server: Server,
    real: dict[str, Node],
) -> Cell:
    keep = workload.harmless if way.keeps else ()
    pulled = pull(project, source, workload.database, way.user, way.values, keep)
    if way.real_ends:
        with source.connect(workload.database) as connection:
            put_real_ends(project / STATISTICS, connection)
    data = server.data_directory or source.data
    with virtual_database(project, server, data) as virtual:
        if way.sent:
            planned = sent_plans(virtual.conninfo, virtual.statistics, workload.queries)
            real, planned = (
                {name: without_texts(node) for name, node in side.items()}
                for side in (real, planned)
            )
        else:
            planned = plans(virtual.conninfo, workload.queries)
    return Cell(
        version=source.installation.version,
        workload=workload,
        way=way,
        comparisons=tuple(compare(name, real[name], planned[name]) for name in workload.queries),
        pulled=pulled,
        started=0.0,
        seconds=virtual.seconds,
        stored=virtual.stored,
        lacking=virtual.lacking,
    )
