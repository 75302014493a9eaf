from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from pytest_planguard.pipeline import Look
from pytest_planguard.plugin.terminal import Shown, look, show


class Reporter:
    """Writes down what it is told to write."""

    def __init__(self, *, isatty: bool = True) -> None:
        self.isatty = isatty
        self.said: list[str] = []
        self.stats: dict[str, list[Any]] = {}
        writer = SimpleNamespace(hasmarkup=True, fullwidth=100)
        self.config = SimpleNamespace(get_terminal_writer=lambda: writer)

    def write_sep(self, sep: str, title: str) -> None:
        self.said.append(f"{sep} {title}")

    def write_line(self, line: str, **_: bool) -> None:
        self.said.append(line)


@pytest.mark.parametrize(
    ("reporter", "verbose", "wanted"),
    [
        (Reporter(), 0, Look(color=True, width=100, wrap=True)),
        (Reporter(isatty=False), -1, Look(color=True, width=100, quiet=True)),
        (None, 1, Look()),
    ],
)
def test_reports_look_as_pytests_own_output(
    reporter: Reporter | None, verbose: int, wanted: Look
) -> None:
    assert look(reporter, verbose) == wanted  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("shown", "said"),
    [
        (Shown("planguard: passed · 3 tests\n"), ["planguard: passed · 3 tests"]),
        (Shown("failed: 1 error\nE …\n"), ["= planguard", "failed: 1 error", "E …"]),
        (
            Shown("planguard: passed\n", warnings=["a file was not written"]),
            ["= planguard", "planguard: passed", "warning: a file was not written"],
        ),
        (Shown(), []),
    ],
)
def test_a_run_with_nothing_to_say_has_one_line_and_no_section(
    shown: Shown, said: list[str]
) -> None:
    reporter = Reporter()
    show(reporter, shown)  # type: ignore[arg-type]
    assert reporter.said == said
