"""A statistics file for people: tables by size, and production's heavy queries without a test."""

from __future__ import annotations

import datetime as dt
import shutil
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import click

from pytest_planguard.cli.common import default_capture
from pytest_planguard.report import _numbers as numbers

if TYPE_CHECKING:
    from pytest_planguard.config import Config
    from pytest_planguard.model.statistics import ProductionCall, Statistics, TableStatistics

_PAGE = 8192
_WIDTH = 80
_MOST_CALLS = 20
_KINDS = {"p": " (partitioned)", "m": " (materialised view)", "f": " (foreign)"}


def show(statistics: Statistics) -> None:
    """Prints tables, largest first, and what the file says of itself."""
    for line in _heading(statistics):
        click.echo(line)
    table = _grid(
        ("table", "left"), ("rows", "right"), ("size", "right"), ("indexes", "right"),
        ("masked", "right"), ("analysed", "right"),
    )  # fmt: skip
    order = sorted(statistics.tables.items(), key=lambda one: (-_size(one[1]), -one[1].rows, one))
    for name, facts in order:
        table.add_row(
            name + _KINDS.get(facts.kind, ""),
            numbers.rows(facts.rows) if facts.rows >= 0 else "unknown",
            numbers.size(_size(facts)) if facts.kind in {"r", "m"} else "",
            numbers.size(_index_size(facts)) if facts.indexes else "",
            _masked(facts),
            facts.analyzed[:10] or "never",
        )
    _print(table)
    for line in doubts(statistics):
        click.echo(line)


def doubts(statistics: Statistics) -> Iterator[str]:
    """Lines about what is not in the file."""
    unseen = (*statistics.unseen, *statistics.calls_unseen)
    if unseen:
        yield "! not seen, or not repeated by a fixture:"
        yield from (f"  {sentence}" for sentence in unseen)
    if statistics.thinned:
        yield f"! {statistics.thinned}"


def show_calls(calls: Sequence[ProductionCall], config: Config) -> None:
    """Prints which of production's statements no test sends, most time first."""
    from pytest_planguard.sql.calls import of_applications, uncovered
    from pytest_planguard.sql.normalise import queries

    calls = of_applications(calls)
    capture = default_capture(config)
    if capture is None:
        click.echo(f"{numbers.counted(len(calls), 'statement')} of production; to see which no")
        click.echo("test covers, run pytest --planguard once")
        return
    lacking = uncovered(calls, queries(capture))
    covered = len(calls) - len(lacking)
    share = _time(lacking) / (_time(calls) or 1.0)
    click.echo(
        f"tests cover {covered:,} of {len(calls):,} statements of production, "
        f"{1 - share:.0%} of their time"
    )
    if not lacking:
        return
    table = _grid(
        ("no test covers", "left"), ("calls", "right"), ("ms", "right"), ("time", "right")
    )
    for call in lacking[:_MOST_CALLS]:
        part = call.calls * call.mean_ms / (_time(calls) or 1.0)
        text = " ".join(call.sql.split())
        table.add_row(text, numbers.rows(call.calls), f"{call.mean_ms:.3g}", f"{part:.1%}")
    _print(table)
    if len(lacking) > _MOST_CALLS:
        click.echo(f"and {len(lacking) - _MOST_CALLS:,} more")


def _heading(statistics: Statistics) -> Iterator[str]:
    version = statistics.server_version
    server = f"PostgreSQL {version // 10000}.{version % 10000}" if version else "no server"
    grown = f" · grown ×{statistics.grown:g}" if statistics.grown != 1 else ""
    day = dt.datetime.fromisoformat(statistics.clock)
    yield f"{server} · read {day:%Y-%m-%d} ({_age(day)}){grown}"
    tables = statistics.tables.values()
    size = sum(_size(table) + _index_size(table) for table in tables)
    yield (
        f"{numbers.counted(len(tables), 'table')}, {numbers.size(size)} with "
        f"{numbers.counted(sum(len(one.indexes) for one in tables), 'index', 'indexes')}"
    )
    kept = f", kept: {', '.join(statistics.kept)}" if statistics.kept else ""
    yield f"values: {_POLICIES[statistics.values.value]}{kept}"
    if statistics.settings:
        yield f"settings: {', '.join(f'{k} = {v}' for k, v in sorted(statistics.settings.items()))}"
    yield ""


_POLICIES = {
    "masked": "stand-ins for what may be personal",
    "all": "all as in production",
    "none": "none",
}


def _age(day: dt.datetime) -> str:
    if day.tzinfo is None:
        day = day.replace(tzinfo=dt.UTC)
    days = (dt.datetime.now(dt.UTC) - day).days
    if days <= 0:
        return "today"
    return "yesterday" if days == 1 else f"{days:,} days ago"


def _size(table: TableStatistics) -> float:
    """Bytes of the table with what it keeps elsewhere."""
    pages = table.pages if table.file_pages is None else table.file_pages
    return float((pages + table.toast_pages) * _PAGE)


def _index_size(table: TableStatistics) -> float:
    pages = (
        index.pages if index.file_pages is None else index.file_pages
        for index in table.indexes.values()
    )
    return float(sum(pages) * _PAGE)


def _masked(table: TableStatistics) -> str:
    columns = table.columns or table.inherited
    masked = sum(facts.masked for facts in columns.values())
    return f"{masked} of {len(columns)}" if columns else ""


def _time(calls: Sequence[ProductionCall]) -> float:
    return sum(call.calls * call.mean_ms for call in calls)


def _grid(*columns: tuple[str, Any]) -> Any:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="")
    for name, justify in columns:
        table.add_column(name, justify=justify, no_wrap=True, overflow="ellipsis")
    return table


def _print(table: Any) -> None:
    """Fits the terminal's width, 80 columns elsewhere: the first column gives way."""
    from rich.console import Console

    width = shutil.get_terminal_size((_WIDTH, 24)).columns
    others = [max(map(len, (column.header, *column.cells))) for column in table.columns[1:]]
    table.columns[0].max_width = max(10, width - sum(others) - 2 * len(others))
    console = Console(width=width, highlight=False, markup=False, emoji=False, no_color=True)
    with console.capture() as text:
        console.print(table)
    for line in text.get().splitlines():
        click.echo(line.rstrip())
