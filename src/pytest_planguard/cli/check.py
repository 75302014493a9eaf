"""``check``: from captures to a verdict."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import click

from pytest_planguard.cli.common import (
    captures_argument,
    emit,
    load_config,
    progress,
    read_captures,
    run_options,
)
from pytest_planguard.errors import PlanguardError


@click.command("check")
@captures_argument
@run_options
@click.option("--update", is_flag=True, help="Accept what this run saw: new and changed.")
@click.option("--update-new", is_flag=True, help="Accept only what has no entry yet.")
@click.option("--trim", is_flag=True, help="Drop entries not seen; complete runs only.")
@click.option("--reason", metavar="TEXT", default="", help="Why errors are accepted.")
def command(captures: tuple[Path, ...], **given: Any) -> int:
    """Merge captures (shards), plan, judge, compare, report.

    Without a CAPTURE the default one is taken, .planguard/capture.json.gz.
    """
    return judge(captures, given)


def judge(captures: tuple[Path, ...], given: dict[str, Any]) -> int:
    """Runs the pipeline as the options say and writes the reports; the exit status.

    Raises:
        PlanguardError: The run could not be judged, or the baseline not be updated.
    """
    from pytest_planguard import pipeline
    from pytest_planguard.report.write import NotWrittenError

    config = load_config(given)
    options = pipeline.Options(
        update=given.get("update", False),
        update_new=given.get("update_new", False),
        trim=given.get("trim", False),
        reason=given.get("reason", ""),
        verbose=given.get("verbose", False),
    )
    capture = read_captures(config, captures)
    try:
        with progress() as show:
            outcome = pipeline.run(config, capture, options, show)
    except PlanguardError as error:
        with suppress(NotWrittenError):  # the reason itself is about to be told
            pipeline.write_unjudged(config, capture, error.message)
        raise
    quiet = given.get("quiet", False)
    emit(config, outcome.report, verbose=options.verbose, quiet=quiet)
    if outcome.refused is not None:
        raise outcome.refused
    return outcome.command_status
