"""What planguard says in pytest's terminal: progress, one section, one count."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pytest_planguard.pipeline import Look

_SUMMARY = "planguard: "
"""How a report begins that has nothing to say: its one line needs no section."""


@dataclasses.dataclass
class Shown:
    """What the end of the session shows."""

    text: str = ""
    """Of the report; may have many lines."""
    warnings: list[str] = dataclasses.field(default_factory=list)
    errors: list[str] = dataclasses.field(default_factory=list)
    """What kept planguard from its work."""
    failing: int = 0
    """Findings that fail the session."""

    @property
    def failed(self) -> bool:
        """Whether the session fails for planguard's sake."""
        return bool(self.failing or self.errors)


class Counted:
    """Stands for one error in the final line's counts."""

    count_towards_summary = True


class Progress:
    """One line that is rewritten, on a terminal only."""

    def __init__(self, reporter: pytest.TerminalReporter | None) -> None:
        self._reporter = reporter if reporter is not None and reporter.isatty else None
        self._used = False

    def __call__(self, text: str) -> None:
        """Says what is being done."""
        if self._reporter is None:
            return
        if not self._used:
            self._reporter.ensure_newline()
        self._used = True
        self._reporter.rewrite(f"planguard: {text}", erase=True)

    def clear(self) -> None:
        """Takes the line away."""
        if self._used and self._reporter is not None:
            self._reporter.rewrite("", erase=True)


def look(reporter: pytest.TerminalReporter | None, verbose: int) -> Look:
    """As pytest's own output: its colours (``--color``, NO_COLOR, TERM) and its width.

    Args:
        reporter: None: nobody looks.
        verbose: pytest's count, ``-q`` is below 0.
    """
    from pytest_planguard.pipeline import Look

    if reporter is None:
        return Look(quiet=verbose < 0)
    writer = reporter.config.get_terminal_writer()
    return Look(writer.hasmarkup, writer.fullwidth, quiet=verbose < 0, wrap=bool(reporter.isatty))


def say(reporter: pytest.TerminalReporter, sentence: str) -> None:
    """A line among the dots of the tests, which go on below it."""
    reporter.ensure_newline()
    writer = reporter.config.get_terminal_writer()
    if writer.width_of_current_line:  # with ``-q`` dots stand behind no file's name
        writer.line()
    reporter.write_line(f"planguard: {sentence}", yellow=True)


def show(reporter: pytest.TerminalReporter, shown: Shown) -> None:
    """Writes the section, and counts for the last line."""
    lines = shown.text.splitlines()
    if not (lines or shown.warnings or shown.errors):
        return
    if len(lines) != 1 or not lines[0].startswith(_SUMMARY) or shown.warnings or shown.errors:
        reporter.write_sep("=", "planguard")
    for line in lines:
        reporter.write_line(line)
    for sentence in shown.warnings:
        reporter.write_line(f"warning: {sentence}", yellow=True)
    for sentence in shown.errors:
        reporter.write_line(f"error: {sentence}", red=True)
    count = shown.failing + len(shown.errors)
    if count:
        noun = "planguard error" if count == 1 else "planguard errors"
        reporter.write_line(f"FAIL {count} {noun}", red=True, bold=True)
        reporter.stats.setdefault(noun, []).extend(Counted() for _ in range(count))
