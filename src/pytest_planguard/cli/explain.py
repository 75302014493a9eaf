"""``explain``: one statement at production scale."""

from __future__ import annotations

import shutil
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
from pytest_planguard.errors import BaselineError, ConfigurationError

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
@click.option("--before", is_flag=True, help="The plan the baseline has of KEY.")
@click.option("--after", is_flag=True, help="The plan now; with --before beside it.")
@server_options
def command(statement: str, values: bool, before: bool, after: bool, **given: Any) -> int:
    """One statement at scale, with findings and advice.

    KEY is a captured query's, from a report; - reads the statement from standard input. --before
    alone asks no server; with --after both plans stand side by side, and what changed is marked.
    """
    if before:
        return _before(statement, given, beside=after)
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


def _before(key: str, given: dict[str, Any], *, beside: bool) -> int:
    """What the baseline has, alone or beside what is planned now."""
    from pytest_planguard import pipeline
    from pytest_planguard.baseline import files
    from pytest_planguard.cli.before_after import before_lines, beside_lines
    from pytest_planguard.cli.common import read_captures
    from pytest_planguard.report import _text as words

    config = load_config(given)
    baseline = files.read(config.baseline)
    if baseline is None:
        raise BaselineError(
            f"there is no baseline in {config.baseline}",
            hint="start one with: pytest --planguard --planguard-update",
        )
    if not beside:
        found = [one for (_, name), one in sorted(baseline.entries.items()) if name == key]
        if not found:
            raise ConfigurationError(
                f'the baseline has no query "{key}"',
                hint="list them with: pytest-planguard baseline show",
            )
        for line in (line for one in found for line in before_lines(one)):
            click.echo(words.clean(line))
        return 0
    capture = read_captures(config, ())
    with progress() as show:
        found_now = pipeline.compared(config, key, capture, baseline, show)
    width = shutil.get_terminal_size((100, 24)).columns
    lines = beside_lines(found_now.entry, found_now.now, width, color=colored())
    for line in lines:
        click.echo(line)
    return 0


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
