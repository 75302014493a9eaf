"""``migrations``: what a migration locks, reads and rewrites at production's size."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pytest_planguard.cli.common import (
    chosen_database,
    default_capture,
    emit,
    load_config,
    progress,
    run_options,
)
from pytest_planguard.errors import ConfigurationError

if TYPE_CHECKING:
    from pytest_planguard.config import Config
    from pytest_planguard.model.report import Report
    from pytest_planguard.pipeline.migrations import Source

NOTHING_SEEN = 3
"""Exit status where no migration was given: that nothing was found says nothing."""


@click.command("migrations")
@click.argument("files", nargs=-1, metavar="[FILE]...", type=click.Path(path_type=Path))
@click.option(
    "--sql",
    "sql",
    multiple=True,
    metavar="FILE...",
    type=click.Path(path_type=Path),
    help="SQL files, in the order they are run in.",
)
@click.option(
    "--down",
    multiple=True,
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="SQL files of the way back, which is gone after the way there.",
)
@click.option(
    "--single-transaction", is_flag=True, help="Each SQL file is sent as one transaction."
)
@click.option(
    "--alembic",
    is_flag=False,
    flag_value="",
    metavar="[REV:REV]",
    help="Revisions of Alembic; without a range the last one.",
)
@click.option(
    "--django",
    is_flag=False,
    flag_value="",
    metavar="[APP[:FROM[:TO]]]",
    help="Migrations of Django, after FROM up to TO; without them the last one of the app.",
)
@click.option(
    "--command", metavar="COMMAND", help="Any program that migrates the database of DATABASE_URL."
)
@click.option("--schema", metavar="SPEC", default="", help="The schema before, as configured.")
@click.option("--database", metavar="NAME", help="Which, where there are several.")
@click.option(
    "--time-limit", type=float, default=60.0, show_default=True, help="Seconds for all of it."
)
@run_options
def command(files: tuple[Path, ...], **given: Any) -> int:
    """What a migration locks, reads and rewrites, at production's size.

    Its statements run on an empty twin of the schema before it; what they do there is multiplied by
    production's rows and bytes. Fails for errors, without a baseline too.
    """
    from pytest_planguard.pipeline import migrations as pipeline

    config = load_config(given)
    if not files and all(given[name] in (None, ()) for name in _WAYS):
        return _of_the_run(config, given)
    source = _source(config, files, given)
    before = given["schema"] or getattr(source, "schema_before", "")
    database = chosen_database(config, given["database"])
    asked = pipeline.Asked(database, before, given["time_limit"])
    with progress() as show:
        report = pipeline.migrations(config, source, asked, default_capture(config), show)
    return _told(config, report, given)


def _of_the_run(config: Config, given: dict[str, Any]) -> int:
    """What the last run of the tests captured; loudly where that is nothing."""
    from pytest_planguard.baseline import files
    from pytest_planguard.model.capture import Capture
    from pytest_planguard.pipeline.captured_migrations import captured_migrations

    capture = default_capture(config) or Capture(())
    database = chosen_database(config, given["database"])
    with progress() as show:
        report = captured_migrations(config, capture, files.read(config.baseline), database, show)
    return _told(config, report, given)


def _told(config: Config, report: Report, given: dict[str, Any]) -> int:
    """Writes the report; the exit status."""
    emit(config, report, verbose=given["verbose"], quiet=given["quiet"])
    nothing = not any(one.steps or one.failure for one in report.migrations)
    return NOTHING_SEEN if nothing else _STATUSES[report.verdict.status.value]


_WAYS = ("sql", "alembic", "django", "command")
_STATUSES = {"passed": 0, "failed": 1, "incomplete": 3}


def _source(config: Config, files: tuple[Path, ...], given: dict[str, Any]) -> Source:
    """The one that was asked for.

    Raises:
        ConfigurationError: Several were.
    """
    from pytest_planguard.migrations.sources.sql import SqlFiles
    from pytest_planguard.migrations.sources.tool import ToolSource
    from pytest_planguard.model.migration import Tool

    named = (*given["sql"], *files)
    asked = [name for name in _WAYS[1:] if given[name] is not None]
    if len(asked) + bool(named) > 1:
        raise ConfigurationError(
            f"found {' and '.join([*asked, *(['sql'] if named else [])])}, wanted one of them",
            hint="trace one after the other",
        )
    if given["command"] is not None:
        from pytest_planguard.migrations.sources.program import Program

        return Program(given["command"], config.root, given["time_limit"])
    if asked:
        return ToolSource(Tool(asked[0]), given[asked[0]], config.root, given["time_limit"])
    return SqlFiles(
        named, config.root, single_transaction=given["single_transaction"], down=given["down"]
    )
