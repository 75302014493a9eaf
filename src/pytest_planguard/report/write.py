"""Reports to where they were asked for: standard output, or a file each."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from pytest_planguard.errors import ConfigurationError, PlanguardError
from pytest_planguard.model.report import Report
from pytest_planguard.report import find, formats
from pytest_planguard.whole import replace_file

_EXTENSIONS = {"markdown": "md", "junit": "xml", "gitlab": "gitlab.json"}
_TO_OUTPUT = frozenset({"term", "github"})
"""Formats that are read where the tests' own output is."""


class Destination(msgspec.Struct, frozen=True):
    """One ``TYPE[:PATH]``."""

    format: str
    path: Path | None
    """None: standard output."""


class NotWrittenError(PlanguardError):
    """Some reports could not be written; all others are.

    Args:
        problems: One sentence for each file.
        text: What belongs on standard output all the same.
    """

    def __init__(self, problems: Sequence[str], text: str) -> None:
        super().__init__("\n  ".join(problems), hint="make the folder writable, or name another")
        self.text = text


def parse_destinations(destinations: Sequence[str], root: Path) -> tuple[Destination, ...]:
    """Destinations as given; relative paths start at the root, ``-`` is standard output.

    Raises:
        ConfigurationError: With every format that does not exist and every empty path.
    """
    known = formats()
    parsed, mistakes = [], []
    for text in destinations:
        name, colon, path = text.partition(":")
        if name not in known:
            mistakes.append(_unknown(name))
        elif colon and not path:
            mistakes.append(f'report "{text}" has no path behind the colon')
        else:
            parsed.append(Destination(name, _path(name, path, root)))
    if mistakes:
        raise ConfigurationError("\n  ".join(mistakes), hint=f"formats: {', '.join(known)}")
    return tuple(dict.fromkeys(parsed))


def write(
    report: Report,
    destinations: Sequence[str],
    root: Path,
    *,
    color: bool = False,
    width: int = 80,
    verbose: bool = False,
    title: bool = True,
    quiet: bool = False,
    wrap: bool = False,
) -> str:
    """Writes the files and gives back what goes to standard output.

    Args:
        report: What to render.
        destinations: ``TYPE[:PATH]`` each.
        root: What relative paths start at; default paths are below its ``.planguard``.
        color: Of ``term`` on standard output; files have none.
        width: Of ``term``, in columns.
        verbose: Of ``term``.
        title: Of ``term`` on standard output: False where the caller opens the section itself.
        quiet: Of ``term`` on standard output.
        wrap: Of ``term`` on standard output: break lines at the width.

    Raises:
        ConfigurationError: A destination is wrong; nothing is written.
        NotWrittenError: After all others were written.
    """
    output: list[str] = []
    problems: list[str] = []
    for destination in parse_destinations(destinations, root):
        to_output = destination.path is None
        look = {
            "verbose": verbose,
            "color": color and to_output,
            "width": width,
            "title": title or not to_output,
            "quiet": quiet and to_output,
            "wrap": wrap and to_output,
        }
        text = _render(report, destination.format, look)
        if destination.path is None:
            output.append(text)
            continue
        try:
            write_file(destination.path, text, root)
        except OSError as error:
            reason = error.strerror or error
            problems.append(f"{destination.path} cannot be written: {reason}")
    if problems:
        raise NotWrittenError(problems, "".join(output))
    return "".join(output)


def _render(report: Report, name: str, look: dict[str, Any]) -> str:
    if name != "term":
        return find(name).render(report)
    from pytest_planguard.report import term

    return term.render(report, **look)


def _path(name: str, path: str, root: Path) -> Path | None:
    if path == "-" or (not path and name in _TO_OUTPUT):
        return None
    return root / (path or f".planguard/report.{_EXTENSIONS.get(name, name)}")


def _unknown(name: str) -> str:
    try:
        find(name)
    except ConfigurationError as error:
        return error.message
    return f'unknown report "{name}"'


def write_file(file: Path, text: str, root: Path) -> None:
    """Beside and moved over: a reader never sees half a report.

    Raises:
        OSError: The folder or the file cannot be written.
    """
    own = root / ".planguard"
    if own in file.parents and not (own / ".gitignore").exists():
        own.mkdir(parents=True, exist_ok=True)
        (own / ".gitignore").write_text("*\n", encoding="utf-8")
    replace_file(file, text.encode("utf-8", "backslashreplace"))
