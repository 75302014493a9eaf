"""The answer key at production scale: what should be said is said, and nothing else.

All cases share one fixture database, a schema each, and are judged in a few runs over it: queries
of one text have one key, so each run takes one of them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
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
TRIGRAMS = "CREATE EXTENSION pg_trgm;\n"

OPEN: dict[str, str] = {}
"""Cases that are right and not met yet: by name, what is lacking."""

SAMPLE = [case for case in CASES if "trgm" not in case.path.read_text() and case.name not in OPEN]
"""Of which every sixth is asked of older majors; not all of their wheels have the extension."""

Found = dict[str, list[Finding]]
"""By case: what is said of its query."""


@pytest.fixture(scope="session")
def found(tmp_path_factory: Any) -> Found:
    return _found(CASES, MAJOR, TRIGRAMS, tmp_path_factory)


def _found(cases: Sequence[fix_answers.Case], major: int, start: str, folders: Any) -> Found:
    need_major(major)
    config = _configured(folders.mktemp("answers"), cases, major, start)
    captured_then = Capture((), captured_at=DEFAULT_CLOCK)  # the key's values are of that day
    spec = DatabaseSpec(version=major, cache=folders.mktemp("cache"))
    found: Found = defaultdict(list)
    with (
        open_server(spec) as server,
        open_planner(config, "default", captured_then, server=server) as planner,
    ):
        for chosen in _rounds(cases):
            capture = Capture(tuple(case.statement for case in chosen))
            grows = msgspec.structs.replace(config, growth=chosen[0].growth)
            report = judged_report(grows, capture, planner)
            _refuse_confusion(report)
            for finding in report.findings:
                for origin in finding.origins:
                    found[origin.file.removesuffix(".py")].append(finding)
    return found


def _configured(
    folder: Path, cases: Sequence[fix_answers.Case], major: int, start: str = TRIGRAMS
) -> Config:
    (folder / "schema.sql").write_text(start + "".join(case.ddl for case in cases))
    head = f'[tool.pytest-planguard.database]\nversion = {major}\nschema = "schema.sql"\n'
    (folder / "pyproject.toml").write_text(head + "".join(case.configuration for case in cases))
    return load(folder, environ={})


def _rounds(cases: Sequence[fix_answers.Case]) -> Iterator[list[fix_answers.Case]]:
    """The cases, none with the text of another of its round; those that grow by themselves."""
    rounds: dict[bool, list[dict[str, fix_answers.Case]]] = {False: [], True: []}
    for case in cases:
        alike = rounds[case.growth]
        room = next((one for one in alike if case.query.text not in one), None)
        if room is None:
            alike.append(room := {})
        room[case.query.text] = case
    yield from (list(one.values()) for alike in rounds.values() for one in alike)


def _refuse_confusion(report: Report) -> None:
    """Every query has plans, and belongs to one case."""
    for one in report.queries:
        assert isinstance(one.outcome, Planned), (one.query.sql, one.outcome)
        assert len({place.origin.file for place in one.query.places}) == 1, one.query.places


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_the_answer_is_the_one_of_the_key(
    case: fix_answers.Case, found: Found, request: pytest.FixtureRequest
) -> None:
    if case.name in OPEN:
        request.applymarker(pytest.mark.xfail(reason=OPEN[case.name], strict=True))

    mistakes = case.mistakes(found.get(case.name, []))

    said = [f"{one.rule}: {one.message}" for one in found.get(case.name, [])]
    assert not mistakes, "\n".join([*mistakes, *said])


@pytest.mark.parametrize("major", [16, 15])
def test_older_majors_give_the_same_answers(major: int, tmp_path_factory: Any) -> None:
    cases = SAMPLE[major % 6 :: 6]

    found = _found(cases, major, "", tmp_path_factory)

    assert {case.name: wrong for case in cases if (wrong := case.mistakes(found[case.name]))} == {}


def test_the_key_is_large_and_most_of_it_says_when_to_be_silent() -> None:
    silent = sum(case.is_silent for case in CASES)

    assert len(CASES) >= 120
    assert silent >= 50
    assert len(CASES) - silent >= 60


def test_what_is_open_is_in_the_key() -> None:
    assert set(OPEN) <= {case.name for case in CASES}
