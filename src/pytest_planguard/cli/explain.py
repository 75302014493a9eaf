"""``explain``: one statement at production scale."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import click

from pytest_planguard.cli.common import (
    colored,
    columns,
    default_capture,
    load_config,
    progress,
    server_options,
)
from pytest_planguard.cli.growth_table import growth_lines

if TYPE_CHECKING:
    from pytest_planguard.model.finding import Finding
    from pytest_planguard.model.plan import Plan
    from pytest_planguard.model.report import DatabaseReport, QueryReport, Report
    from pytest_planguard.report._lines import Line

Said: TypeAlias = "str | Line"
"""A line, plain or with styles."""

_LONGEST = 4_000
"""Characters of a statement that are shown."""


@click.command("explain")
@click.argument("statement", metavar="SQL|KEY")
@click.option("--values", is_flag=True, help="With the values that plans were made with.")
@server_options
def command(statement: str, values: bool, **given: Any) -> int:
    """One statement at scale, with findings and advice.

    KEY is a captured query's, from a report; - reads the statement from standard input.
    """
    from pytest_planguard import pipeline
    from pytest_planguard.report import term
    from pytest_planguard.report._lines import paint

    config = load_config(given)
    text = sys.stdin.read() if statement == "-" else statement
    with progress() as show:
        report = pipeline.explain(config, text, default_capture(config), show)
    wide = columns() if sys.stdout.isatty() else 0
    for line in _lines(report, values=values):
        segments = [(line, "")] if isinstance(line, str) else line
        click.echo(paint([segments], color=colored(), columns=wide), nl=False)
    click.echo(term.blocks(report, color=colored(), columns=wide), nl=False)
    return 0 if report.queries and report.totals.unexplained == 0 else 3


def _lines(report: Report, *, values: bool) -> Iterator[Said]:
    from pytest_planguard.report import _text as words

    for _, database in sorted(report.databases.items()):
        yield words.server(database)
    if loud := words.assumed(report):
        yield f"! {loud}"
    yield from (f"! {note}" for note in report.notes)
    for one in report.queries:
        yield from _query(one, report, values=values)


def _query(one: QueryReport, report: Report, *, values: bool) -> Iterator[Said]:
    from pytest_planguard.model.plan import Unexplained
    from pytest_planguard.report import _text as words

    yield f"{one.query.key}  {words.shortened(one.query.sql, _LONGEST)}"
    if isinstance(one.outcome, Unexplained):
        yield f"  not planned: {one.outcome.reason}"
        return
    # The worst plan decides: findings are of it.
    findings = [finding for finding in report.findings if finding.key == one.query.key]
    for number, plan in enumerate(one.outcome.plans):
        yield from _head(plan, values=values)
        yield from _tree(plan, report.databases[one.query.database], findings if not number else [])
        yield from (f"    approximate: {reason}" for reason in plan.approximate)
    if one.growth is not None:
        yield from growth_lines(one.growth)


def _head(plan: Plan, *, values: bool) -> Iterator[str]:
    from pytest_planguard.report import _numbers as numbers

    with_values = ""
    if values and plan.values:
        shown = ", ".join("NULL" if value is None else value for value in plan.values)
        with_values = f", with {shown}"
    cost, rows = numbers.cost(plan.cost), numbers.rows(plan.rows)
    noun = "row" if rows == "1" else "rows"
    kind = f"{plan.sample.value}, {plan.drawn.kind}" if plan.drawn else plan.sample.value
    yield f"  {kind}: cost {cost}, {rows} {noun}{with_values}"


def _tree(plan: Plan, database: DatabaseReport, findings: Sequence[Finding]) -> Iterator[Said]:
    from pytest_planguard.report._tree import drawn, tree
    from pytest_planguard.sql.deep import room_for_deep_trees

    with room_for_deep_trees():
        rows = tree(plan, database.catalog, findings)
    yield from drawn(rows, columns())
