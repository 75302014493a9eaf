"""A pipeline and a schema reader without a database, for tests of the pytest edge.

Loaded into the tested pytest with ``-p fake_pipeline``. A statement that holds ``bad`` is a
failing finding; ``PIPELINE`` in the environment makes it fail in other ways.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec

from pytest_planguard.errors import ConfigurationError, ServerError
from pytest_planguard.model.capture import Capture
from pytest_planguard.model.plan import Plan, Planned, PlanNode, SampleKind
from pytest_planguard.model.query import Query
from pytest_planguard.model.report import QueryReport
from pytest_planguard.model.schema import Schema, SchemaObject
from pytest_planguard.report.write import NotWrittenError


class Options(msgspec.Struct, frozen=True):
    update: bool = False
    update_new: bool = False
    trim: bool = False
    reason: str = ""
    verbose: bool = False


class Finding(msgspec.Struct):
    fails: bool = True


class Report(msgspec.Struct):
    findings: list[Finding]
    incomplete_reason: str
    text: str


class Outcome(msgspec.Struct):
    report: Report
    exit_status: int
    refused: None = None


def run(
    config: Any, capture: Capture, options: Options, progress: Callable[[str], None], server: Any
) -> Outcome:
    progress("building")
    match os.environ.get("PIPELINE"):
        case "no server":
            raise ServerError("no PostgreSQL to be had", hint="install one")
        case "bug":
            raise ZeroDivisionError("division by zero")
        case "unknown table":
            raise ConfigurationError("there is no table ordrs", hint="did you mean orders?")
        case "ctrl-c":
            raise KeyboardInterrupt
    findings = [Finding() for statement in capture.statements if "bad" in statement.text]
    Path("seen.json").write_bytes(msgspec.json.encode(capture))
    text = f"judged {len(capture.statements)} statements with {options}"
    text += " and growth fails" if config.fail_on_growth else ""
    return Outcome(Report(findings, "", text), 1 if findings else 0)


class Look(msgspec.Struct, frozen=True):
    color: bool = False
    width: int = 80
    quiet: bool = False
    wrap: bool = False


def write_reports(outcome: Outcome, destinations: Sequence[str], look: Look) -> str:
    if os.environ.get("PIPELINE") == "read-only":
        raise NotWrittenError(["report.json cannot be written"], outcome.report.text)
    return f"{outcome.report.text}\nreports {' '.join(destinations)}"


def write_unjudged(config: Any, capture: Capture, reason: str) -> None:
    Path("unjudged.txt").write_text(reason)


def plan_now(config: Any, capture: Capture, server: Any) -> list[QueryReport]:
    plan = Plan(SampleKind.GENERIC, PlanNode(node_type="Seq Scan"))
    return [
        QueryReport(
            Query("k", "default", statement.text, (), (), statement.places), Planned((plan,)), None
        )
        for statement in capture.statements
    ]


TABLES = """
SELECT relname FROM pg_class
WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY relname
"""


def read_schema(run: Callable[[str], Any]) -> Schema:
    with Path("snapshots.txt").open("a") as log:
        names = [name for (name,) in run(TABLES)]
        log.write(f"{' '.join(names)}\n")
    return Schema(objects=tuple(SchemaObject("table", name, name) for name in names))


class Server:
    """The test session's own server."""

    run_token = f"{os.getpid():08x}"

    def url(self, database: str) -> str:
        return re.sub(r"@/\w+", f"@/{database}", os.environ["URL"])

    def create_database(self, name: str) -> None:
        self._execute(f'CREATE DATABASE "{name}"')

    def drop_database(self, name: str) -> None:
        self._execute(f'DROP DATABASE "{name}" WITH (FORCE)')

    def _execute(self, text: str) -> None:
        import psycopg

        with psycopg.connect(os.environ["URL"], autocommit=True) as connection:
            connection.execute(text)


@contextmanager
def open_server(spec: Any) -> Iterator[Server]:
    if os.environ.get("PIPELINE") == "no server":
        raise ServerError("no PostgreSQL to be had", hint="install one")
    with Path("servers.txt").open("a") as log:
        log.write("open\n")
    yield Server()
    with Path("servers.txt").open("a") as log:
        log.write("closed\n")


def _install(name: str, **contents: Any) -> None:
    module = ModuleType(name)
    vars(module).update(contents)
    sys.modules[name] = module


_install(
    "pytest_planguard.pipeline",
    Look=Look,
    Options=Options,
    run=run,
    write_reports=write_reports,
    write_unjudged=write_unjudged,
    plan_now=plan_now,
)
_install("pytest_planguard.fixturedb.schema.clone", read_schema=read_schema)
_install("pytest_planguard.fixturedb.providers", open_server=open_server)
