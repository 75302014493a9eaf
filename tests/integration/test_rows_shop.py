"""Shop at a hundredth of its size, judged on statistics and on rows: the same verdict."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from fix_shop import Judged, Project, judged, shop

_SMALL = 2_000
"""Numbers up to here belong to lists that do not grow with the shop."""


def _hundredth(match: re.Match[str]) -> str:
    number = int(match[2].replace("_", ""))
    return f"{match[1]} = {number if number <= _SMALL else number // 100}"


@pytest.fixture(scope="module")
def project() -> Iterator[Project]:
    with shop() as whole:
        file = whole.root / "pyproject.toml"
        text = file.read_text(encoding="utf-8")
        text = re.sub(r"\b(rows|distinct) = ([\d_]+)", _hundredth, text)
        file.write_text(text, encoding="utf-8")
        yield whole


@pytest.fixture(scope="module")
def on_rows(project: Project) -> Judged:
    """Built first by hand, as one does who wants to look at it."""
    rows = project.copy("rows")
    rows.replace("pyproject.toml", 'schema = "schema.sql"', 'schema = "schema.sql"\nscale = "rows"')
    return judged(rows)


def verdict(run: Judged) -> set[tuple[Any, ...]]:
    return {
        (one["rule"], one["relation"], one["severity"], origin["file"], origin["line"])
        for one in run.report["findings"]
        for origin in one["origins"]
    }


def test_rows_and_statistics_give_the_same_verdict(project, on_rows):
    on_statistics = judged(project)
    assert on_statistics.ran.status == on_rows.ran.status == 0, on_rows.ran.out
    assert verdict(on_rows) == verdict(on_statistics)
    assert len(verdict(on_rows)) >= 3
    assert on_rows.report["verdict"] == on_statistics.report["verdict"]
    scales = [run.report["databases"]["default"]["scale"] for run in (on_rows, on_statistics)]
    assert [scale["source"] for scale in scales] == ["generated", "declared"]
    assert scales[0]["tables"]["public.audit_log"]["rows"] == 2_000_000


def test_rows_loaded_by_hand_are_kept_for_the_run_and_seen_in_the_status(project, on_rows):
    build = project.command("db", "build", "--rows")
    assert build.status == 0, build.err
    assert "public.audit_log  2.0M rows" in build.out
    assert "generated" in build.out
    status = project.command("db", "status").out
    size = re.search(r"([\d.]+) GB on disk", status)
    assert size is not None, status
    assert float(size[1]) > 1.0


def test_rows_are_not_loaded_into_a_database_that_is_used_as_it_is(project):
    other = project.copy("as-is")
    other.replace(
        "pyproject.toml",
        'schema = "schema.sql"',
        'provider = "url"\nurl = "postgresql://nowhere/shop"\nas-is = true',
    )
    ran = other.command("db", "build", "--rows")
    assert ran.status == 2
    assert 'the database "default" is used as it is: no rows are loaded into it' in ran.err
