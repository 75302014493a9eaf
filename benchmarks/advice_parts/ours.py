"""Our advice on a workload, as a user gets it: statistics pulled, schema dumped, queries judged."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import msgspec
from fidelity_parts.compare import Node
from fidelity_parts.plans import plans
from fidelity_parts.source import Source, Stopwatch
from fidelity_parts.virtual import make_project, pull
from fidelity_parts.workloads import Workload

from advice_parts.sets import Advised, hypothetical, plain
from pytest_planguard.config import Config, load
from pytest_planguard.model.capture import Capture
from pytest_planguard.model.statement import Origin, Phase, Place, Session, Statement
from pytest_planguard.pipeline.fixtures import Planner, open_planner
from pytest_planguard.pipeline.run import judged_report

OURS = "planguard"


class Opened(msgspec.Struct, frozen=True):
    """A workload's virtual database, ready to judge."""

    config: Config
    capture: Capture
    planner: Planner
    seconds: float
    """For the pull and the database."""


@contextmanager
def opened(folder: Path, source: Source, workload: Workload) -> Iterator[Opened]:
    """Pulls, builds and opens it."""
    watch = Stopwatch()
    make_project(folder, source, workload.database, "embedded", source.installation.major)
    pull(folder, source, workload.database, "postgres", "all")
    config, capture = load(folder), _capture(workload.queries)
    with open_planner(config, "default", capture) as planner:
        yield Opened(config, capture, planner, watch.seconds)


def advised(opened: Opened) -> Advised:
    """What planguard says of the workload, what saves most first."""
    watch = Stopwatch()
    report = judged_report(opened.config, opened.capture, opened.planner)
    taken = watch.seconds
    advice = [finding.advice for finding in report.findings if finding.advice is not None]
    ddl: dict[str, None] = {}
    for one in sorted(advice, key=lambda one: one.rank):
        ddl |= dict.fromkeys(_one_an_index(one.ddl))
    failed = tuple(
        f"{query.query.places[0].test}: {getattr(query.outcome, 'reason', '')}"
        for query in report.queries
        if not hasattr(query.outcome, "plans")
    )
    names = {found.origins[0].function for found in report.findings if found.advice is not None}
    return Advised(OURS, tuple(ddl), taken, failed, tuple(sorted(names)))


def predicted(one: Opened, ddl: tuple[str, ...], queries: Mapping[str, str]) -> dict[str, Node]:
    """Plans with all of these indexes, in a copy of the virtual database."""
    indexes = [hypothetical(text) for text in ddl]
    with one.planner.fixture.copy_with(indexes) as copy:
        assert not copy.refused, copy.refused
        return plans(copy.conninfo, queries)


def _one_an_index(ddl: tuple[str, ...]) -> list[str]:
    """Of a partitioned table's statements the parent's, which makes them all here."""
    if any(" ON ONLY " in text for text in ddl):
        ddl = tuple(text for text in ddl if " ON ONLY " in text)[:1]
    return plain(ddl)


def _capture(queries: Mapping[str, str]) -> Capture:
    session = Session("bench", "bench", settings={"TimeZone": "UTC"})
    statements = []
    for line, (name, text) in enumerate(queries.items(), 1):
        place = Place(Origin("queries.sql", line, name), name, Phase.CALL)
        statements.append(Statement(text, (), session, (), (place,)))
    return Capture(tuple(statements))
