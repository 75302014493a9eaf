"""The whole histories of two public projects' migrations, step by step at declared sizes.

    python benchmarks/history.py warehouse|healthchecks [--repository FOLDER-OR-URL]
                                 [--first N] [--last N] [--only STEP …] [--listed FILE]

The project is fetched at a pinned commit, its migrations are run by their own tool on an empty
database and written down. Then each is traced and judged by itself, on the schema the ones before
it lead to, at the sizes of ``history_parts/projects.py``. Every error has to be in the project's
list (``history_judged/<project>.csv``) as right, what the statement does to a table of that size,
or as the planner's guess of how many rows a condition is true of. Nothing may crash.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

sys.path.insert(0, str(Path(__file__).parent))
from history_parts.judged import Judged, Said, said
from history_parts.projects import PROJECTS, Project, configuration, prepared
from history_parts.steps import Given, MigrationStep, steps, tables

from pytest_planguard.config import load
from pytest_planguard.errors import PlanguardError
from pytest_planguard.fixturedb import cache
from pytest_planguard.fixturedb.providers import open_server
from pytest_planguard.fixturedb.twin import Twin
from pytest_planguard.migrations.recorded import Recording
from pytest_planguard.migrations.sources.tool import ToolSource
from pytest_planguard.model.finding import Severity
from pytest_planguard.model.ports import Needs
from pytest_planguard.model.report import Report
from pytest_planguard.model.spec import DatabaseSpec
from pytest_planguard.pipeline.migrations import Asked, migrations

_GOOD = frozenset({"right", "guess"})
JUDGED = Path(__file__).parent / "history_judged"
LONGEST = 900.0
"""Seconds for a whole history on empty tables."""


@contextmanager
def empty(server: Any) -> Iterator[Twin]:
    """An empty database."""
    name = f"planguard_trial_{server.run_token}_history"
    server.create_database(name)
    try:
        yield Twin(name, server)
    finally:
        server.drop_database(name)


def recorded(project: Project, root: Path, server: Any) -> Recording:
    """The history."""
    with empty(server) as twin:
        return ToolSource(project.tool, project.wanted, root, LONGEST).record(twin)


def looked_at(project: Project, step: MigrationStep, root: Path, server: Any) -> Report:
    """One step's report; the template it took is dropped."""
    (root / "before.sql").write_text(step.before)
    try:
        source = Given(step, project.tool)
        return migrations(load(root, environ={}), source, Asked(schema="before.sql"), server=server)
    finally:
        with psycopg.connect(server.conninfo("postgres"), autocommit=True) as connection:
            for name in cache.names(connection):
                server.drop_database(name)


class Outcome:
    """What was seen of all steps."""

    def __init__(self) -> None:
        self.steps = self.statements = 0
        self.crashes: list[str] = []
        self.failures: list[str] = []
        self.errors: list[Said] = []
        self.codes: Counter[tuple[str, str]] = Counter()

    def add(self, step: MigrationStep, report: Report) -> None:
        """One step's."""
        (migration,) = report.migrations
        self.statements += len(migration.steps)
        if migration.failure:
            self.failures.append(f"{step.name}: {migration.failure}")
        for one in report.findings:
            self.codes[one.rule, one.severity.value] += 1
            if one.severity is Severity.ERROR:
                self.errors.append(said(step.name, one, migration))


def gone_through(project: Project, chosen: list[MigrationStep], root: Path, server: Any) -> Outcome:
    """All steps; one that cannot be looked at does not end it."""
    outcome = Outcome()
    for number, step in enumerate(chosen, 1):
        outcome.steps += 1
        try:
            report = looked_at(project, step, root, server)
        except PlanguardError as error:
            outcome.failures.append(f"{step.name}: {error.message}")
        except Exception:  # noqa: BLE001 - this is what is looked for
            outcome.crashes.append(f"{step.name}:\n{traceback.format_exc()}")
        else:
            outcome.add(step, report)
        print(f"{number}/{len(chosen)} {step.name}", file=sys.stderr, flush=True)
    return outcome


def told(outcome: Outcome, judged: Judged, *, whole: bool) -> int:
    """Prints it; 0 where nothing crashed and no error is wrong."""
    print(f"{outcome.steps} migrations, {outcome.statements} statements traced")
    for (rule, severity), count in sorted(outcome.codes.items()):
        print(f"  {rule} {severity}: {count}")
    for name, lines in (("did not run to its end", outcome.failures), ("CRASH", outcome.crashes)):
        for line in lines:
            print(f"{name}: {line}")
    verdicts = Counter(judged.verdict(one) for one in outcome.errors)
    for one in outcome.errors:
        if (verdict := judged.verdict(one)) not in _GOOD:
            print(f"{verdict}: {one.step} {one.rule} {one.relation}: {one.message}")
    for gone in judged.gone(outcome.errors) if whole else ():
        print(f"listed and not said: {' '.join(gone)}")
    print(f"{len(outcome.errors)} errors: {dict(verdicts)}")
    return 1 if outcome.crashes or set(verdicts) - _GOOD else 0


def main() -> int:
    """0 where nothing crashed and no error is wrong."""
    parser = argparse.ArgumentParser()
    parser.add_argument("project", choices=sorted(PROJECTS))
    parser.add_argument("--repository", default="")
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--last", type=int, default=None)
    parser.add_argument("--only", nargs="*", default=[], help="Steps whose names begin so.")
    parser.add_argument("--listed", type=Path, help="Where all errors are written, to be judged.")
    options = parser.parse_args()
    project = PROJECTS[options.project]
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        work.chmod(0o755)
        root = prepared(project, work, options.repository)
        spec = DatabaseSpec(root=root, cache=work / "cache")
        with open_server(spec, needs=Needs(extensions=project.extensions)) as server:
            began = time.monotonic()
            recording = recorded(project, root, server)
            if recording.failure:
                print(f"the history ends early: {recording.failure}")
            (root / "pyproject.toml").write_text(configuration(project, tables(recording.sent)))
            found = list(steps(recording.sent))
            chosen = found[options.first - 1 : options.last]
            if options.only:
                chosen = [one for one in chosen if one.name.startswith(tuple(options.only))]
            print(f"recorded {len(recording.sent)} statements of {len(found)} migrations "
                  f"in {time.monotonic() - began:.0f} s", flush=True)  # fmt: skip
            outcome = gone_through(project, chosen, root, server)
            print(f"{time.monotonic() - began:.0f} s in all")
    if options.listed:
        lines = (
            "\t".join(" ".join(cell.split()) for cell in one)
            for one in map(dataclasses.astuple, outcome.errors)
        )
        options.listed.write_text("\n".join(lines) + "\n")
    judged = Judged(JUDGED / f"{options.project}.csv")
    return told(outcome, judged, whole=len(chosen) == len(found))


if __name__ == "__main__":
    raise SystemExit(main())
