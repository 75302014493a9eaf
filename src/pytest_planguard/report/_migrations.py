"""A migration as a table: statement, lock, what waits, rows, bytes and verdict."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from pytest_planguard.model.migration import Lock, Migration, Step
from pytest_planguard.report import _numbers as numbers

_LONGEST = 60
"""Characters of a statement that are shown."""

TITLES = ("statement", "lock", "waits", "rows", "bytes", "verdict")


class Row(NamedTuple):
    """One statement; every cell is text."""

    statement: str
    lock: str
    waits: str
    rows: str
    bytes: str
    verdict: str


def rows_of(migration: Migration) -> list[Row]:
    """The statements in order."""
    return [_row(step) for step in migration.steps]


def head(migration: Migration) -> str:
    """``migration 0007.sql: 3 statements in 2 transactions``."""
    count = numbers.counted(len(migration.steps), "statement")
    transactions = numbers.counted(len({one.transaction for one in migration.steps}), "transaction")
    return f"migration {migration.source}: {count} in {transactions}"


def _row(step: Step) -> Row:
    lock = max(step.locks, key=lambda one: one.mode.rank, default=None)
    held = max(step.held, key=lambda one: one.mode.rank, default=None)
    strongest = lock if held is None or (lock and lock.mode.rank >= held.mode.rank) else held
    return Row(
        _shortened(step.statement),
        _lock(strongest, held=strongest is not lock) if strongest is not None else "",
        strongest.mode.waits if strongest is not None else "",
        *_amount(step),
        _verdict(step),
    )


def _lock(lock: Lock, *, held: bool) -> str:
    """The strongest it works under; where an earlier statement took it, that is said."""
    since = " (held)" if held else ""
    return f"{lock.mode.value} on {lock.relation.removeprefix('public.')}{since}"


def _amount(step: Step) -> tuple[str, str]:
    """The most it reads or writes of one table."""
    works = sorted(_works(step), reverse=True)
    if not works:
        return "", ""
    rows, size = works[0]
    return numbers.rows(rows), numbers.size(size) if size else ""


def _works(step: Step) -> Iterator[tuple[float, float]]:
    for work in (*step.reads, *step.rewrites, *step.writes_unplanned):
        yield work.rows, work.bytes
    for built in (*step.built, *step.rebuilt):
        yield built.rows, built.bytes
    for change in step.changes:
        yield change.rows, 0.0


def _verdict(step: Step) -> str:
    """Codes; where there are none, what it was."""
    if step.verdict:
        return " ".join(step.verdict)
    return "refused" if step.refusal is not None else "ok"


def _shortened(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"
