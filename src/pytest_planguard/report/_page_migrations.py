"""Migrations on the HTML page: a table each, what every statement locks, reads and rewrites."""

from __future__ import annotations

import msgspec

from pytest_planguard.model.migration import Migration
from pytest_planguard.model.report import Report
from pytest_planguard.report import _migrations as migrating
from pytest_planguard.report import _text as words
from pytest_planguard.report._room import Room


class Traced(msgspec.Struct, frozen=True):
    """One migration."""

    head: str
    titles: tuple[str, ...]
    rows: tuple[migrating.Row, ...]
    more: int
    """Statements that are not shown."""


def traced(report: Report, room: Room) -> tuple[Traced, ...]:
    """Those of the run, in its order."""
    return tuple(_traced(one, room) for one in report.migrations[: room.findings])


def _traced(migration: Migration, room: Room) -> Traced:
    rows = tuple(migrating.rows_of(migration))
    return Traced(
        head=words.shortened(migrating.head(migration), room.text),
        titles=migrating.TITLES,
        rows=rows[: room.findings],
        more=max(0, len(rows) - room.findings),
    )
