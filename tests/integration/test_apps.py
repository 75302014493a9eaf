"""The product on two more applications: clinic (Django) and ledger (asyncpg, tenants).

Each lists its planted faults in its README: these are found, and nothing else is.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fix_shop import Project, scratch
from pytest_planguard.capture import file
from pytest_planguard.model.capture import Capture, name_in
from pytest_planguard.model.statement import Layer, Phase, Via
from pytest_planguard.plugin.django_driver import HIDDEN

FIXTURES = Path(__file__).parents[2] / "fixtures"
_FAULT = re.compile(r"^\| ([A-Z]{3}\d{3}) \| `([\w/.]+):(\d+)` `([\w.]+)` \|.*\|$", re.MULTILINE)
_NOT_COPIED = shutil.ignore_patterns(".planguard", "__pycache__", ".pytest_cache")


class App:
    """An application's run."""

    def __init__(self, project: Project, *arguments: str, **environment: str) -> None:
        self.project = project
        self.ran = project.pytest("--planguard-report=json:report.json", *arguments, **environment)
        assert self.ran.status == 0, self.ran.out + self.ran.err
        self.report: dict[str, Any] = json.loads((project.root / "report.json").read_text())
        self.capture: Capture = file.read(project.root / ".planguard" / "capture.json.gz")

    @property
    def loud(self) -> list[tuple[str, str, int, str]]:
        """Rule and place of all errors and warnings."""
        return sorted(
            (one["rule"], origin["file"], origin["line"], origin["function"])
            for one in self.report["findings"]
            if one["severity"] != "info"
            for origin in one["origins"]
        )

    def queries(self, function: str) -> list[dict[str, Any]]:
        """The queries a function of the application sends."""
        return [
            query
            for query in self.report["queries"]
            if function in {origin["function"] for origin in query["origins"]}
        ]


def faults(name: str) -> list[tuple[str, str, int, str]]:
    """The faults an application's README lists."""
    text = (FIXTURES / name / "README.md").read_text(encoding="utf-8")
    return sorted((rule, path, int(line), function) for rule, path, line, function in
                  _FAULT.findall(text))  # fmt: skip


def opened(name: str) -> Iterator[Project]:
    with scratch() as folder:
        root = folder / name
        shutil.copytree(FIXTURES / name, root, ignore=_NOT_COPIED)
        project = Project(root, folder / "cache")
        try:
            yield project
        finally:
            down = project.command("db", "down")
            assert down.status == 0, down.err


@pytest.fixture(scope="module")
def clinic() -> Iterator[App]:
    """The clinic's run; aliases decide which database is meant."""
    pytest.importorskip("pytest_django")
    for project in opened("clinic"):
        yield App(project)


@pytest.fixture(scope="module")
def ledger() -> Iterator[App]:
    """The ledger's run, for two tenants."""
    pytest.importorskip("asyncpg")
    for project in opened("ledger"):
        yield App(project)


def test_the_clinics_faults_are_found_and_nothing_else(clinic: App) -> None:
    assert len(faults("clinic")) == 4
    assert clinic.loud == faults("clinic")


def test_the_ledgers_faults_are_found_and_nothing_else(ledger: App) -> None:
    assert len(faults("ledger")) == 2
    assert ledger.loud == faults("ledger")


def test_over_psycopg2_the_clinic_has_the_same_faults_at_the_same_lines(clinic: App) -> None:
    """Both drivers are installed; the project names psycopg2, and Django stays on it."""
    project = clinic.project.copy("psycopg2")
    project.replace("pyproject.toml", "psycopg[binary]>=3.1.19", "psycopg2-binary>=2.9.9")
    # However psycopg came into this environment: planguard alone asks for it.
    project.write(by_hand__py=(
        "from pytest_planguard.capture import requirements\n"
        "requirements._by_hand = lambda: False\n"
    ))  # fmt: skip
    other = App(project, "-p", "by_hand", PYTHONPATH=str(project.root))
    assert {one.session.driver for one in other.capture.statements} == {"psycopg2"}
    assert HIDDEN in other.capture.notes
    assert other.loud == faults("clinic")


def test_each_database_has_its_report_and_the_replica_is_its_primary(clinic: App) -> None:
    assert set(clinic.report["databases"]) == {"default", "archive"}
    (letters,) = clinic.queries("letters_of")
    assert letters["database"] == "archive"
    (counted,) = clinic.queries("booked_of")  # read from the replica
    assert counted["database"] == "default"
    aliases = {name_in(name): one.aliases for name, one in clinic.capture.databases.items()}
    assert aliases == {
        "test_clinic": ("default", "replica"),
        "test_clinic_archive": ("archive",),
    }
    assert not clinic.capture.notes


def test_lines_of_django_are_the_applications_and_factories_are_told_apart(clinic: App) -> None:
    places = {
        (place.origin.function, place.origin.layer, place.origin.via)
        for one in clinic.capture.statements
        for place in one.places
        if place.phase is Phase.CALL and not place.origin.file.startswith("lib:")
    }
    assert ("day_sheet", Layer.APPLICATION, Via.DJANGO_ORM) in places
    assert ("close_day", Layer.APPLICATION, Via.DJANGO) in places
    assert ("appointments", Layer.TEST, Via.DJANGO_ORM) in places
    assert {layer for function, layer, _ in places if function == "appointments"} == {Layer.TEST}
    (closed,) = clinic.queries("close_day")
    assert closed["executions"] == 1


def test_what_django_asks_for_itself_is_no_query(clinic: App) -> None:
    asked = [query["sql"] for query in clinic.report["queries"]]
    assert not [sql for sql in asked if "pg_" in sql or sql.startswith("SELECT $1")]


def test_a_tenants_query_is_one_query_planned_in_its_schema(ledger: App) -> None:
    (query,) = ledger.queries("by_reference")
    assert query["executions"] == 2
    paths = {
        one.session.search_path for one in ledger.capture.statements if "reference = $1" in one.text
    }
    assert paths == {"tenant_acme, shared", "tenant_globex, shared"}
    settings = [
        one.session.settings for one in ledger.capture.statements if "FROM rates" in one.text
    ]
    assert sorted(one["app.tenant"] for one in settings) == ["acme", "globex"]
    assert all(query["unexplained"] is None for query in ledger.report["queries"])
    (finding,) = [one for one in ledger.report["findings"] if one["rule"] == "IDX001"]
    assert finding["relation"] == "tenant_acme.entries"


def test_rows_of_many_count_once_and_a_cursor_is_a_stream(ledger: App) -> None:
    (booked,) = ledger.queries("book")
    rows = [one for one in ledger.capture.statements if one.text.startswith("INSERT INTO entries")]
    assert all(one.many for one in rows)
    assert booked["executions"] == sum(one.executions for one in rows)
    (exported,) = {
        one.stream
        for one in ledger.capture.statements
        if "SELECT booked_on, cents FROM" in one.text
    }
    assert exported


PARTS = {"clinic": "letter or counted or sheet", "ledger": "invoice or exported"}
"""Of each suite about a half, by its tests' names."""


@pytest.mark.parametrize("name", PARTS)
def test_two_workers_give_the_same_report(name: str, request: pytest.FixtureRequest) -> None:
    project = request.getfixturevalue(name).project
    ran = project.pytest("--planguard-report=json:workers.json", "-n", "2")
    assert ran.status == 0, ran.out
    before = (project.root / "report.json").read_bytes()
    assert (project.root / "workers.json").read_bytes() == before


@pytest.mark.parametrize("name", PARTS)
def test_merged_shards_give_the_same_report(name: str, request: pytest.FixtureRequest) -> None:
    project = request.getfixturevalue(name).project
    for shard, tests, *more in (("b", f"not ({PARTS[name]})"), ("a", PARTS[name], "-n", "2")):
        arguments = ("--planguard-capture-only", f"--planguard-capture-file={shard}.gz")
        ran = project.pytest(*arguments, "-k", tests, *more)
        assert ran.status == 0, ran.out
    said = project.command("check", "b.gz", "a.gz", "--report", "json:shards.json")
    assert (said.status, said.err) == (0, "")
    before = (project.root / "report.json").read_bytes()
    assert (project.root / "shards.json").read_bytes() == before
