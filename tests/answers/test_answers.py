"""The answer key at production scale: what should be said is said, and nothing else.

All cases share one fixture database, a schema each, and are judged in a few runs over it: queries
of one text have one key, so each run takes one of them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

import fix_answers
from fix_servers import need_major
from pytest_planguard.config import Config, load
from pytest_planguard.fixturedb.providers import open_server
from pytest_planguard.model.capture import Capture
from pytest_planguard.model.finding import Finding
from pytest_planguard.model.plan import Planned
from pytest_planguard.model.report import Report
from pytest_planguard.model.spec import DEFAULT_CLOCK, DatabaseSpec
from pytest_planguard.pipeline.fixtures import open_planner
from pytest_planguard.pipeline.run import judged_report

CASES = fix_answers.cases()
MAJOR = 18

OPEN: dict[str, str] = {}
"""Cases that are right and not met yet: by name, what is lacking."""


@pytest.fixture(scope="session")
def found(tmp_path_factory: Any) -> dict[str, list[Finding]]:
    """By case: what is said of its query."""
    need_major(MAJOR)
    folder = tmp_path_factory.mktemp("answers")
    spec = DatabaseSpec(version=MAJOR, cache=tmp_path_factory.mktemp("cache"))
    with open_server(spec) as server:
        return _found(_configured(folder, CASES), server)


def _configured(folder: Path, cases: Sequence[fix_answers.Case]) -> Config:
    schema = ["CREATE EXTENSION pg_trgm;", *(case.ddl for case in cases)]
    (folder / "schema.sql").write_text("\n".join(schema))
    head = f'[tool.pytest-planguard.database]\nversion = {MAJOR}\nschema = "schema.sql"\n'
    (folder / "pyproject.toml").write_text(head + "".join(case.configuration for case in cases))
    return load(folder, environ={})


def _found(config: Config, server: Any) -> dict[str, list[Finding]]:
    found: dict[str, list[Finding]] = defaultdict(list)
    captured_then = Capture((), captured_at=DEFAULT_CLOCK)  # the key's values are of that day
    with open_planner(config, "default", captured_then, server=server) as planner:
        for cases in _rounds(CASES):
            capture = Capture(tuple(case.statement for case in cases))
            report = judged_report(config, capture, planner)
            _refuse_confusion(report)
            for finding in report.findings:
                for origin in finding.origins:
                    found[origin.file.removesuffix(".py")].append(finding)
    return found


def _refuse_confusion(report: Report) -> None:
    """Every query has plans, and belongs to one case."""
    for one in report.queries:
        assert isinstance(one.outcome, Planned), (one.query.sql, one.outcome)
        assert len({place.origin.file for place in one.query.places}) == 1, one.query.places


def _rounds(cases: Sequence[fix_answers.Case]) -> Iterator[list[fix_answers.Case]]:
    """The cases, none with the text of another of its round."""
    rounds: list[dict[str, fix_answers.Case]] = []
    for case in cases:
        room = next((one for one in rounds if case.query.text not in one), None)
        if room is None:
            rounds.append(room := {})
        room[case.query.text] = case
    yield from (list(one.values()) for one in rounds)


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_the_answer_is_the_one_of_the_key(
    case: fix_answers.Case, found: dict[str, list[Finding]], request: pytest.FixtureRequest
) -> None:
    if case.name in OPEN:
        request.applymarker(pytest.mark.xfail(reason=OPEN[case.name], strict=True))

    mistakes = case.mistakes(found.get(case.name, []))

    said = [f"{one.rule}: {one.message}" for one in found.get(case.name, [])]
    assert not mistakes, "\n".join([*mistakes, *said])


def test_the_key_is_large_and_most_of_it_says_when_to_be_silent() -> None:
    silent = sum(case.is_silent for case in CASES)

    assert len(CASES) >= 120
    assert silent >= 50
    assert len(CASES) - silent >= 60


def test_what_is_open_is_in_the_key() -> None:
    assert set(OPEN) <= {case.name for case in CASES}
