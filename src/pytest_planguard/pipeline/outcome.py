"""What a run is asked for, and what it comes to."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from pytest_planguard.config import Config
from pytest_planguard.errors import PlanguardError
from pytest_planguard.model.capture import Capture
from pytest_planguard.model.report import Report, Status, Totals, Verdict


class Options(msgspec.Struct, frozen=True):
    """What this run is to do besides judging."""

    update: bool = False
    """Accept into the baseline what was seen."""
    update_new: bool = False
    """Accept only queries that have no entry."""
    trim: bool = False
    """Drop entries that are gone."""
    reason: str = ""
    verbose: bool = False


class Outcome(msgspec.Struct, frozen=True):
    """The report, and the exit status it stands for."""

    report: Report
    root: Path = Path()
    """What relative paths of reports start at."""
    verbose: bool = False
    refused: PlanguardError | None = None
    """Why the baseline was not updated although that was asked for."""

    @property
    def exit_status(self) -> int:
        """pytest's: 0 passed, 1 failed or incomplete."""
        return 0 if self.report.verdict.status is Status.PASSED else 1

    @property
    def command_status(self) -> int:
        """The command line's: 0 passed, 1 failed, 3 incomplete."""
        statuses = {Status.PASSED: 0, Status.FAILED: 1, Status.INCOMPLETE: 3}
        return statuses[self.report.verdict.status]


class Look(msgspec.Struct, frozen=True):
    """How a terminal wants what it shows."""

    color: bool = False
    width: int = 80
    """Columns."""
    quiet: bool = False
    """One line a finding."""
    wrap: bool = False
    """It is a terminal, not a file or a log: lines are broken between words."""


def write_reports(outcome: Outcome, destinations: Sequence[str], look: Look = Look()) -> str:  # noqa: B008 - a frozen value
    """Writes a run's reports; the text is what goes to standard output, without a title.

    Args:
        outcome: The run's.
        destinations: ``TYPE[:PATH]`` each.
        look: Of what goes to standard output.

    Raises:
        ConfigurationError: A destination is wrong; nothing is written.
        NotWrittenError: After all that could be written was.
    """
    from pytest_planguard.report.write import write

    return write(
        outcome.report,
        destinations,
        outcome.root,
        verbose=outcome.verbose,
        title=False,
        color=look.color,
        width=look.width,
        quiet=look.quiet,
        wrap=look.wrap,
    )


def write_unjudged(config: Config, capture: Capture, reason: str) -> None:
    """Writes the files that were asked for, of a run that could not be judged.

    What an earlier run left there would pass for this one's. Nothing goes to standard output.

    Args:
        config: Names the reports.
        capture: What there was to judge.
        reason: Why it was not.

    Raises:
        NotWrittenError: After all that could be written was.
    """
    from pytest_planguard.report.write import write

    sent = sum(statement.executions for statement in capture.statements)
    report = Report(
        complete=False,
        databases={},
        totals=Totals(len(capture.finished), sent, 0, 0, 0),
        queries=(),
        findings=(),
        changes={},
        gone=(),
        verdict=Verdict(Status.INCOMPLETE, 0, 0, fail_on=config.fail_on),
        incomplete_reason=reason,
        folder=capture.folder or config.folder,
    )
    write(report, config.reports, config.root)
