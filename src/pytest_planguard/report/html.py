"""The report as a page: one file that fetches nothing, opened from what a CI job leaves behind."""

from __future__ import annotations

import base64
import functools
import hashlib
from collections.abc import Iterator
from importlib import resources
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from pytest_planguard.model.report import Report
from pytest_planguard.report import _text as words
from pytest_planguard.report._page import page
from pytest_planguard.report._page_plans import DEEPEST
from pytest_planguard.report._room import Room
from pytest_planguard.sql.deep import room_for_deep_trees

LARGEST = 5_000_000
"""Bytes; CI servers show larger artefacts only as a download."""

_FOLDER = "page"
_FEWEST_TO_HALVE = 2


def render(report: Report) -> str:
    """The page, with as much of the report as fits into ``LARGEST``; what is left out is said."""
    with room_for_deep_trees():
        for room in _rooms():
            text = _rendered(report, room)
            if len(text.encode("utf-8", "backslashreplace")) <= LARGEST:
                break
    return text


def _rooms() -> Iterator[Room]:
    room = Room()
    yield room
    while room.queries >= _FEWEST_TO_HALVE:
        room = room.smaller()
        yield room


def _rendered(report: Report, room: Room) -> str:
    style, script = _style(), _own("page.js")
    return (
        _environment()
        .get_template("page.html")
        .render(
            page=page(report, room),
            style=Markup(style),  # noqa: S704 - the package's own file
            script=Markup(script),  # noqa: S704 - likewise
            policy=_policy(style, script),
        )
    )


@functools.cache
def _environment() -> Environment:
    """Compiled once in a process."""
    return Environment(
        loader=PackageLoader("pytest_planguard.report", _FOLDER),
        autoescape=True,
        finalize=_harmless,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def _harmless(value: Any) -> Any:
    """Every text passes here, so that none of it acts or hides; then it is escaped."""
    return words.clean(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _own(name: str) -> str:
    return (resources.files(__package__) / _FOLDER / name).read_text(encoding="utf-8")


def _style() -> str:
    """With a class for each percent: style in attributes is forbidden, it might be foreign."""
    widths = "".join(f".w{percent}{{width:{percent}%}}" for percent in range(101))
    depths = "".join(
        f".plan .d{depth}{{padding-left:calc({depth} * var(--level) + .5rem)}}"
        for depth in range(DEEPEST + 1)
    )
    return _own("page.css") + widths + depths


def _policy(style: str, script: str) -> str:
    """Nothing is allowed but the style and the script that stand here, by their digests."""
    return "; ".join(
        (
            "default-src 'none'",
            f"style-src '{_digest(style)}'",
            f"script-src '{_digest(script)}'",
            "base-uri 'none'",
            "form-action 'none'",
            "require-trusted-types-for 'script'",
            "trusted-types planguard",
        )
    )


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
