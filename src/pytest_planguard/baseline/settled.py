"""What of a header is written anew: numbers that moved by more than another sample moves them."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from pytest_planguard.baseline.column_changes import settled_line
from pytest_planguard.baseline.moved_statistics import ROWS_MOVED, are_made
from pytest_planguard.model.baseline import World


def settled(old: World, now: World) -> World:
    """Today's world, with the sizes and statistics that stand there where they hold still.

    What stands there is what is compared with, so that nothing creeps: ten times 5 % are written.
    A digest holds still with its lines where a run makes its statistics itself. Production's are
    of a file that somebody changed: a digest that still was that of the former one would let
    whatever gets worse later count as theirs.
    """
    rows = {name: _rows(old.rows.get(name), count) for name, count in now.rows.items()}
    lines = {
        table: {
            name: settled_line(known.get(name), text, now.rows.get(table, 0.0))
            for name, text in columns.items()
        }
        for table, columns in now.statistics.items()
        for known in [old.statistics.get(table, {})]
    }
    digests = {
        table: old.digests.get(table, digest)
        if are_made(now) and _stands(table, old, lines)
        else digest
        for table, digest in now.digests.items()
    }
    return msgspec.structs.replace(now, rows=rows, statistics=lines, digests=digests)


def _rows(was: float | None, is_now: float) -> float:
    return was if was is not None and abs(is_now - was) <= ROWS_MOVED * was else is_now


def _stands(table: str, old: World, lines: Mapping[str, Mapping[str, str]]) -> bool:
    """Whether every line is the one that is there."""
    return bool(lines.get(table)) and lines[table] == old.statistics.get(table)
