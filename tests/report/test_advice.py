"""What every format says of an index beside its statement."""

from __future__ import annotations

import json

import msgspec
import pytest

import fix_reports
from pytest_planguard.model.finding import Finding
from pytest_planguard.model.report import QueryReport
from pytest_planguard.report import json as as_json
from pytest_planguard.report import markdown, term


@pytest.fixture
def advised() -> tuple[QueryReport, Finding]:
    query, finding = fix_reports.missing_index()
    assert finding.advice is not None
    advice = msgspec.structs.replace(
        finding.advice,
        writes=("writes pay 30 bytes a row, beside 150 of the row itself",),
        notes=("index a_idx has account_id only behind kind",),
        operations={"alembic": ("with x:", "    op.create_index()"), "django": ("atomic = False",)},
    )
    return query, msgspec.structs.replace(finding, advice=advice)


def test_the_terminal_says_what_it_takes_and_why_none_served(
    advised: tuple[QueryReport, Finding],
) -> None:
    report = fix_reports.report(advised)

    lines = [line.strip() for line in term.render(report).splitlines()]
    assert "index a_idx has account_id only behind kind" in lines
    (facts,) = [line for line in lines if "writes pay" in line]
    assert facts.startswith(
        "251.0 MB; writes pay 30 bytes a row, beside 150 of the row itself; also"
    )
    assert "op.create_index()" not in lines


def test_migrations_are_shown_where_there_is_room(advised: tuple[QueryReport, Finding]) -> None:
    report = fix_reports.report(advised)

    verbose = term.render(report, verbose=True).splitlines()
    at = verbose.index("    in a migration of Alembic")
    assert verbose[at + 1 : at + 3] == ["      with x:", "          op.create_index()"]
    assert "      atomic = False" in verbose
    comment = markdown.render(report)
    assert "<summary>in a migration of Django</summary>" in comment
    assert "```python\nwith x:\n    op.create_index()\n```" in comment


def test_programs_get_all_of_it(advised: tuple[QueryReport, Finding]) -> None:
    (finding,) = json.loads(as_json.render(fix_reports.report(advised)))["findings"]

    assert finding["advice"]["operations"]["django"] == ["atomic = False"]
    assert finding["advice"]["writes"] == [
        "writes pay 30 bytes a row, beside 150 of the row itself"
    ]
    assert finding["advice"]["notes"] == ["index a_idx has account_id only behind kind"]
