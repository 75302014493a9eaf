"""``upgrade``: what another server major makes of the captured queries."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pytest_planguard.cli.common import (
    captures_argument,
    emit,
    load_config,
    progress,
    read_captures,
    server_options,
)

if TYPE_CHECKING:
    from pytest_planguard.pipeline.upgrade import Upgrade


@click.command("upgrade")
@captures_argument
@click.option(
    "--to",
    metavar="MAJOR|IMAGE|URL",
    required=True,
    help="The new server: 18, postgres:18.4, or a server's URL.",
)
@click.option(
    "--from", "start", metavar="MAJOR|IMAGE|URL", default="", help="Default: as configured."
)
@click.option("--fail-on", metavar="none|error|warning", help="What fails; default error.")
@click.option(
    "--report", metavar="TYPE[:PATH]", multiple=True, help="term, json, markdown …; repeatable."
)
@click.option("--select", metavar="CODES", help="Rules to run, as in ruff: PLN, IDX001.")
@click.option("--ignore", metavar="CODES", help="Rules not to run.")
@click.option("-v", "--verbose", is_flag=True, help="Plans before and after in the report.")
@server_options
def command(captures: tuple[Path, ...], to: str, start: str, verbose: bool, **given: Any) -> int:
    """The captured queries on another major, with the same statistics and settings.

    What the old server's plans have already is known; what is worse or new on the other fails at
    the level of --fail-on. The project's baseline is neither read nor written.
    """
    from pytest_planguard import pipeline
    from pytest_planguard.report import _text as words

    config = load_config(given)
    capture = read_captures(config, captures)
    with progress() as show:
        found = pipeline.upgrade(config, capture, to, start, show)
    for line in _lines(found):
        click.echo(words.clean(line))
    emit(config, found.report, verbose=verbose)
    return {"passed": 0, "failed": 1, "incomplete": 3}[found.report.verdict.status.value]


def _lines(found: Upgrade) -> Iterator[str]:
    """Both servers with the counts, then every plan that is another one."""
    from pytest_planguard.cli.baseline import changes
    from pytest_planguard.pipeline.upgrade import alone

    report = found.report
    for name, database in sorted(report.databases.items()):
        several = f"{name}: " if len(report.databases) > 1 else ""
        was, now = found.before.get(name, "?"), database.server.version_text
        yield f"{several}PostgreSQL {was} → {now}, with the same statistics and settings"
    counts = report.changes
    yield (
        f"{counts.get('same', 0):,} plans alike, {counts.get('worse', 0):,} worse, "
        f"{counts.get('better', 0):,} better, {counts.get('changed', 0):,} of another shape"
    )
    if unplanned := report.totals.unexplained:
        yield f"{unplanned:,} not plannable"
    yield from changes(alone(report))
