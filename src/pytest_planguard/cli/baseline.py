"""``baseline``: what was accepted; more of it, less of it, and what a run would change."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pytest_planguard.cli.check import judge
from pytest_planguard.cli.common import (
    captures_argument,
    did_you_mean,
    load_config,
    progress,
    read_captures,
    run_options,
    server_options,
)
from pytest_planguard.errors import BaselineError, ConfigurationError

if TYPE_CHECKING:
    from pytest_planguard.config import Config
    from pytest_planguard.model.baseline import Baseline, Entry
    from pytest_planguard.model.report import Change, Report

_ORDER = ("worse", "changed", "better", "new", "gone")


@click.group("baseline")
def command() -> None:
    """Look at what was accepted, and accept more."""


@command.command("update")
@captures_argument
@run_options
@click.option("--new", "update_new", is_flag=True, help="Only what has no entry yet.")
@click.option("--trim", is_flag=True, help="Drop entries not seen too; complete runs only.")
@click.option("--reason", metavar="TEXT", default="", help="Why errors are accepted.")
def update(captures: tuple[Path, ...], **given: Any) -> int:
    """Accept what the captured run saw: new and changed."""
    return judge(captures, {**given, "update": not given["update_new"]})


@command.command("trim")
@captures_argument
@run_options
def trim(captures: tuple[Path, ...], **given: Any) -> int:
    """Drop entries the captured run did not see; complete runs only."""
    config = load_config(given)
    report = _report(config, captures)
    from pytest_planguard.baseline import accept

    baseline = _baseline(config)
    dropped = accept.update(config.baseline, baseline, report, "new", trim=True, only=frozenset())
    click.echo(f"{dropped} of {len(baseline.entries)} entries dropped")
    return 0


@command.command("show")
@click.argument("key", required=False)
@click.option("--baseline", metavar="DIR", help="Default: planguard/baseline.")
def show(key: str | None, **given: Any) -> int:
    """List the entries, or show one with its plans."""
    from pytest_planguard.report import _text as words

    config = load_config(given)
    baseline = _baseline(config)
    entries = [one for _, one in sorted(baseline.entries.items())]
    if key is None:
        lines = [line for entry in entries for line in _listed(entry)]
    else:
        lines = [line for entry in _matching(baseline, key) for line in _shown(entry)]
    for line in lines:
        click.echo(words.clean(line))
    return 0


@command.command("diff")
@click.argument("what", nargs=-1, metavar="[CAPTURE]... | REVISION [REVISION]")
@run_options
def diff(what: tuple[str, ...], **given: Any) -> int:
    """What changed, with plans before and after; nothing is written.

    Without an argument, or with captures: what the captured run would change. With a REVISION of
    git: what changed since in the baseline's files, or from it to a second one (also as
    main..branch); this takes no database and no capture.
    """
    from pytest_planguard.report import _text as words

    config = load_config(given)
    revisions = [part for one in what if not Path(one).is_file() for part in one.split("..")]
    if revisions and (len(revisions) > 2 or len(revisions) < len(what)):
        raise ConfigurationError(
            f"found {', '.join(what)}, wanted captures, or one or two revisions",
            hint="a capture is a file that is there, anything else a revision of git",
        )
    if revisions:
        lines = _between(config, revisions[0] or "HEAD", *revisions[1:])
    else:
        lines = changes(_report(config, tuple(map(Path, what))))
    for line in lines:
        click.echo(words.clean(line))
    return 0


@command.command("accept")
@click.argument("key")
@captures_argument
@click.option("--reason", metavar="TEXT", required=True, help="Why; it stays with the entry.")
@click.option("--baseline", metavar="DIR", help="Default: planguard/baseline.")
@server_options
def accept_one(key: str, captures: tuple[Path, ...], reason: str, **given: Any) -> int:
    """Accept one query as the captured run saw it."""
    from pytest_planguard.baseline import accept, files

    config = load_config(given)
    report = _report(config, captures)
    known = {one.query.key for one in report.queries}
    key = next((new for new, old in _edited(report).items() if old == key), key)
    if key not in known:
        raise ConfigurationError(
            f'no captured query has the key "{key}"{did_you_mean(key, known)}',
            hint="keys are in `pytest-planguard baseline diff` and in the JSON report",
        )
    baseline = files.read(config.baseline)
    only = frozenset({key})
    written = accept.update(config.baseline, baseline, report, "all", reason, only=only)
    click.echo(_accepted(key, config.baseline) if written else _as_it_was(key, config.baseline))
    return 0


def _accepted(key: str, folder: Path) -> str:
    return f"{key} is accepted; commit {_from_here(folder)}"


def _as_it_was(key: str, folder: Path) -> str:
    """Also where another reason was given: the one it was accepted for stays."""
    return f"nothing to accept: {key} stands in {_from_here(folder)} as the captured run saw it"


def _from_here(folder: Path) -> Path:
    here = Path.cwd()
    return folder.relative_to(here) if folder.is_relative_to(here) else folder


def _between(config: Config, first: str, second: str | None = None) -> Iterator[str]:
    """From one revision to another; without a second, to what stands in the folder."""
    from pytest_planguard.baseline import files
    from pytest_planguard.baseline.between import between
    from pytest_planguard.cli.revisions import baseline_at
    from pytest_planguard.cli.revisions_table import difference_lines
    from pytest_planguard.model.baseline import Baseline
    from pytest_planguard.model.spec import Thresholds

    nothing = Baseline({}, {})
    before = baseline_at(first, config.baseline) or nothing
    if second is None:
        after = files.read(config.baseline) or nothing
    else:
        after = baseline_at(second or "HEAD", config.baseline) or nothing
    thresholds = Thresholds(large_table_rows=config.large_table_rows)
    return difference_lines(between(before, after, thresholds))


def changes(report: Report) -> Iterator[str]:
    """Every change, worst kind first, with plans before and after; what was not run, counted."""
    seen = [one.change for one in report.queries if one.change is not None]
    every = [*seen, *report.gone]
    places = {one.query.key: one.query.places for one in report.queries}
    for kind in _ORDER:
        for change in (one for one in every if one.kind.value == kind):
            origins = sorted({place.origin for place in places.get(change.key, ())})
            yield from _changed(change, origins)
    if not any(one.kind.value in _ORDER for one in every):
        yield "nothing changed"
    if left_out := sum(one.kind.value == "not_run" for one in every):
        yield f"{left_out:,} not run: their tests were left out"


def _changed(change: Change, origins: list[Any]) -> Iterator[str]:
    from pytest_planguard.report import _numbers as numbers
    from pytest_planguard.report import _text as words

    head = f"{change.kind.value} {change.key}"
    if change.renamed_from:
        head += f" (was {change.renamed_from})"
    if change.cost_before is not None and change.cost_after is not None:
        before, after = numbers.cost(change.cost_before), numbers.cost(change.cost_after)
        head += f"  cost {before} → {after}"
    yield "  ".join(part for part in (head, words.places(origins)) if part)
    if change.sql_before and change.sql_before != change.sql:
        yield f"  - {change.sql_before}"
        yield f"  + {change.sql}"
    else:
        yield f"    {change.sql}"
    if change.kind.value != "gone":
        yield from (f"  - {line}" for line in change.shape_before)
        yield from (f"  + {line}" for line in change.shape_after)
    yield from (f"    because {cause}" for cause in change.causes)


def _report(config: Config, captures: tuple[Path, ...]) -> Report:
    from pytest_planguard import pipeline

    capture = read_captures(config, captures)
    with progress() as show_progress:
        return pipeline.run(config, capture, pipeline.Options(), show_progress).report


def _baseline(config: Config) -> Baseline:
    from pytest_planguard.baseline import files

    baseline = files.read(config.baseline)
    if baseline is None:
        raise BaselineError(
            f"there is no baseline in {config.baseline}",
            hint="start one with: pytest --planguard --planguard-update",
        )
    return baseline


def _edited(report: Report) -> dict[str, str]:
    """Today's keys of queries that were edited, with those they had."""
    return {
        one.query.key: one.change.renamed_from
        for one in report.queries
        if one.change is not None and one.change.renamed_from
    }


def _matching(baseline: Baseline, key: str) -> list[Entry]:
    found = [one for (_, name), one in sorted(baseline.entries.items()) if name == key]
    if not found:
        known = {name for _, name in baseline.entries}
        raise ConfigurationError(
            f'the baseline has no query "{key}"{did_you_mean(key, known)}',
            hint="list them with: pytest-planguard baseline show",
        )
    return found


def _listed(entry: Entry) -> Iterator[str]:
    where = ", ".join(f"{one.file} {one.function}" for one in entry.origins)
    yield f"{entry.key}  {where}"
    yield f"    {entry.sql}"
    for accepted in entry.findings:
        reason = f": {accepted.reason}" if accepted.reason else ""
        yield f"    accepted {accepted.rule} {accepted.relation or ''}{reason}"


def _shown(entry: Entry) -> Iterator[str]:
    from pytest_planguard.report import _numbers as numbers

    yield from _listed(entry)
    for plan in entry.plans:
        access = ", ".join(f"{alias} {how}" for alias, how in sorted(plan.access.items()))
        yield f"  {plan.sample}: cost {numbers.cost(plan.cost)}; {access}"
        yield from (f"    {line}" for line in plan.shape)
    yield from (f"  {test}" for test in entry.tests)
