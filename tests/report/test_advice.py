"""What every format says of an index beside its statement."""

from __future__ import annotations

import json

import msgspec
import pytest

import fix_reports
from pytest_planguard.model.finding import Finding, Severity
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


def partitioned(advised: tuple[QueryReport, Finding]) -> tuple[QueryReport, Finding]:
    """The same on a table of three partitions."""
    query, finding = advised
    assert finding.advice is not None
    ddl = [
        "CREATE INDEX t_a_idx ON ONLY public.t (a);",
        *(f"CREATE INDEX CONCURRENTLY t_{n}_a_idx ON public.t_{n} (a);" for n in range(3)),
        *(f"ALTER INDEX public.t_a_idx ATTACH PARTITION public.t_{n}_a_idx;" for n in range(3)),
        "CREATE INDEX CONCURRENTLY u_a_idx ON public.u (a);",
    ]
    advice = msgspec.structs.replace(finding.advice, ddl=tuple(ddl))
    return query, msgspec.structs.replace(finding, advice=advice, remedy="\n".join(ddl))


def test_partitions_statements_are_counted_where_there_is_little_room(
    advised: tuple[QueryReport, Finding],
) -> None:
    report = fix_reports.report(partitioned(advised))
    brief = [line.strip() for line in term.render(report).splitlines()]
    at = brief.index("CREATE INDEX t_a_idx ON ONLY public.t (a);")
    assert brief[at + 1].startswith("… 6 more statements make it CONCURRENTLY on each partition")
    assert brief[at + 2].startswith("CREATE INDEX CONCURRENTLY u_a_idx ON public.u (a);   cost")
    for whole in (term.render(report, verbose=True), markdown.render(report)):
        assert whole.count("ATTACH PARTITION") == 3


def test_an_index_that_is_no_error_is_told_with_what_it_depends_on(
    advised: tuple[QueryReport, Finding],
) -> None:
    query, finding = advised
    assert finding.message not in term.render(fix_reports.report(advised))
    warning = msgspec.structs.replace(finding, severity=Severity.WARNING)
    assert finding.message in term.render(fix_reports.report((query, warning)))
