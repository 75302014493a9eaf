"""What a run is asked for, and what it comes to."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from pytest_planguard.errors import PlanguardError
from pytest_planguard.model.report import Report, Status


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


def write_reports(outcome: Outcome, destinations: Sequence[str]) -> str:
    """Writes a run's reports; the text is what goes to standard output, without a title.

    Args:
        outcome: The run's.
        destinations: ``TYPE[:PATH]`` each.

    Raises:
        ConfigurationError: A destination is wrong; nothing is written.
        NotWrittenError: After all that could be written was.
    """
    from pytest_planguard.report.write import write

    return write(outcome.report, destinations, outcome.root, verbose=outcome.verbose, title=False)
