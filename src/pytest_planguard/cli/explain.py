"""``explain``: one statement at production scale."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from pytest_planguard.cli.common import (
    colored,
    default_capture,
    load_config,
    progress,
    server_options,
)
from pytest_planguard.cli.growth_table import growth_lines

if TYPE_CHECKING:
    from pytest_planguard.model.plan import Plan
    from pytest_planguard.model.report import QueryReport, Report


@click.command("explain")
@click.argument("statement", metavar="SQL|KEY")
@click.option("--values", is_flag=True, help="With the values that plans were made with.")
@server_options
def command(statement: str, values: bool, **given: Any) -> int:
    """One statement at scale, with findings and advice.

    KEY is a captured query's, from a report; - reads the statement from standard input.
    """
    from pytest_planguard import pipeline
    from pytest_planguard.report import _text as words
    from pytest_planguard.report import term

    config = load_config(given)
    text = sys.stdin.read() if statement == "-" else statement
    with progress() as show:
        report = pipeline.explain(config, text, default_capture(config), show)
    for line in _lines(report, values=values):
        click.echo(words.clean(line))
    click.echo(term.blocks(report, color=colored()), nl=False)
    return 0 if report.queries and report.totals.unexplained == 0 else 3


def _lines(report: Report, *, values: bool) -> Iterator[str]:
    from pytest_planguard.report import _text as words

    for _, database in sorted(report.databases.items()):
        yield words.server(database)
    if loud := words.assumed(report):
        yield f"! {loud}"
    yield from (f"! {note}" for note in report.notes)
    for one in report.queries:
        yield from _query(one, values=values)


def _query(one: QueryReport, *, values: bool) -> Iterator[str]:
    from pytest_planguard.model.plan import Unexplained

    yield f"{one.query.key}  {one.query.sql}"
    if isinstance(one.outcome, Unexplained):
        yield f"  not planned: {one.outcome.reason}"
        return
    for plan in one.outcome.plans:
        yield from _plan(plan, values=values)
    if one.growth is not None:
        yield from growth_lines(one.growth)


def _plan(plan: Plan, *, values: bool) -> Iterator[str]:
    from pytest_planguard.report import _numbers as numbers

    with_values = ""
    if values and plan.values:
        shown = ", ".join("NULL" if value is None else value for value in plan.values)
        with_values = f", with {shown}"
    cost, rows = numbers.cost(plan.cost), numbers.rows(plan.rows)
    noun = "row" if rows == "1" else "rows"
    kind = f"{plan.sample.value}, {plan.drawn.kind}" if plan.drawn else plan.sample.value
    yield f"  {kind}: cost {cost}, {rows} {noun}{with_values}"
    yield from (f"    {line}" for line in plan.shape)
    yield from (f"    approximate: {reason}" for reason in plan.approximate)
