"""Two texts side by side, what changed marked as ``diff --side-by-side`` does."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from itertools import zip_longest

import msgspec


class Row(msgspec.Struct, frozen=True):
    """One line on the screen."""

    before: str
    mark: str
    """``|`` changed, ``<`` gone, ``>`` new, a blank where both are the same."""
    after: str


def rows(before: Sequence[str], after: Sequence[str], width: int) -> Iterator[Row]:
    """Lines beside each other; long ones go on below, indented deeper.

    Args:
        before: Lines of the one.
        after: Lines of the other.
        width: Of both columns with the mark between them; 40 at least.
    """
    column = (max(width, 40) - 3) // 2
    matcher = SequenceMatcher(None, before, after, autojunk=False)
    for kind, start, end, from_, to in matcher.get_opcodes():
        for left, right in zip_longest(before[start:end], after[from_:to]):
            mark = _mark(left, right) if kind != "equal" else " "
            yield from _wrapped(left or "", mark, right or "", column)


def _mark(left: str | None, right: str | None) -> str:
    if left is None:
        return ">"
    return "<" if right is None else "|"


def _wrapped(left: str, mark: str, right: str, column: int) -> Iterator[Row]:
    pairs = zip_longest(_folded(left, column), _folded(right, column), fillvalue="")
    for one, other in pairs:
        yield Row(one.ljust(column), mark, other)


def _folded(line: str, column: int) -> list[str]:
    depth = min(len(line) - len(line.lstrip()), column // 2)
    return textwrap.wrap(
        line.strip(),
        column,
        initial_indent=" " * depth,
        subsequent_indent=" " * (depth + 4),
        break_on_hyphens=False,
    )
