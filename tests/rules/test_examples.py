"""Every example on a real server: a bad one fires, a good one is silent."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import fix_rules
from fix_servers import need_major
from pytest_planguard import registry
from pytest_planguard.config import load
from pytest_planguard.fixturedb.providers import open_server
from pytest_planguard.migrations.sources.sql import SqlFiles
from pytest_planguard.model.finding import Severity
from pytest_planguard.model.report import Report
from pytest_planguard.model.spec import DatabaseSpec
from pytest_planguard.pipeline import Options, run
from pytest_planguard.pipeline.migrations import migrations

EXAMPLES = fix_rules.examples()


MAJORS = (18, 16, 15)
"""Of the wheels, and of what a Debian of today installs."""


WITHOUT_PLANS = "CON"
"""Rules no plan has a part in: one major will do for them."""

PAIRS = [
    (major, example)
    for major in MAJORS
    for example in EXAMPLES
    if major == MAJORS[0]
    # what a migration does is compared on all servers by itself
    or not (example.migration is not None or example.code.startswith(WITHOUT_PLANS))
]


@pytest.fixture(scope="session")
def server(request: pytest.FixtureRequest, tmp_path_factory: Any) -> Iterator[tuple[int, Any]]:
    """A server of a major, shared by all examples."""
    need_major(request.param)
    spec = DatabaseSpec(version=request.param, cache=tmp_path_factory.mktemp("cache"))
    with open_server(spec) as found:
        yield request.param, found


def judged(example: fix_rules.Example, version: int, server: Any, folder: Path) -> Report:
    """The report of a run that captured the example's queries."""
    (folder / "pyproject.toml").write_text(example.configuration(version))
    schema = folder / "schema.sql"
    if example.statistics:
        (folder / "statistics.json").write_text(example.statistics_on(server))
    if example.baseline_schema:
        schema.write_text(example.schema + example.baseline_schema)
        run(load(folder, environ={}), example.capture(), Options(update=True), server=server)
    schema.write_text(example.schema)
    if example.migration is not None:
        return migrated(example, server, folder)
    return run(load(folder, environ={}), example.capture(), server=server).report


def migrated(example: fix_rules.Example, server: Any, folder: Path) -> Report:
    """The report of the example's migration; what it captures is in the baseline."""
    config = load(folder, environ={})
    if example.queries:
        run(config, example.capture(), Options(update=True), server=server)
    files = {"migration.sql": example.migration or "", "back.sql": example.way_back}
    for name, text in files.items():
        (folder / name).write_text(text)
    down = [folder / "back.sql"] if example.way_back else []
    source = SqlFiles([folder / "migration.sql"], folder, down=down)
    return migrations(config, source, server=server)


@pytest.mark.parametrize(
    ("server", "example"),
    PAIRS,
    ids=[f"pg{major}-{one.code}-{one.path.stem}" for major, one in PAIRS],
    indirect=["server"],
    scope="session",
)
def test_a_bad_example_fires_and_a_good_one_is_silent(
    example: fix_rules.Example, server: tuple[int, Any], tmp_path: Path
) -> None:
    report = judged(example, *server, tmp_path)

    said = {code for one in report.findings for code in (one.rule, *one.explained_by)}
    assert (example.code in said) == example.is_bad, [one.message for one in report.findings]
    of_migrations = [
        one for one in report.findings if example.migration and one.rule.startswith("MIG")
    ]
    assert [
        one.rule for one in of_migrations if one.severity is Severity.ERROR and not one.fails
    ] == []


def test_every_rule_has_a_bad_and_a_good_example() -> None:
    stems = {(one.code, one.path.stem) for one in EXAMPLES}

    assert stems >= {(code, stem) for code in registry.rules() for stem in ("bad", "good")}
    assert all(one.path.stem.startswith(("bad", "good")) for one in EXAMPLES)
