"""Joins and sorts of a plan, read from the lines of its shape, old and new alike."""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

_HASH_JOIN = re.compile(r"(Parallel )?Hash\b.*\bJoin\b")
_NESTED_LOOP = re.compile(r"Nested Loop\b")
_PASSES_ON = re.compile(r"(Materialize|Memoize|Gather|Gather Merge|Result|Append|Hash)\b")
_SEQ_SCAN = re.compile(r"(Parallel )?Seq Scan\b(?: on (?P<relation>[^\s(\[]+))?")
_SUBPLAN = re.compile(r"(InitPlan|SubPlan|CTE)\b[^:]*: ")
_SORT = re.compile(r"Sort\b")


class Methods(msgspec.Struct, frozen=True):
    """How a plan joins and sorts."""

    hash_joins: int
    looped_scans: tuple[str, ...]
    """Relations read in full on the inner side of a nested loop, as the shape writes them."""
    sorts: int


def methods(shape: Sequence[str]) -> Methods:
    """Counts the joins and sorts of a shape."""
    lines = [(len(line) - len(line.lstrip()), _node(line)) for line in shape]
    looped: list[str] = []
    for position, (_, text) in enumerate(lines):
        if _NESTED_LOOP.match(text):
            children = _children(lines, position)
            looped += _read_in_full(lines, children[1]) if len(children) > 1 else []
    return Methods(
        hash_joins=sum(bool(_HASH_JOIN.match(text)) for _, text in lines),
        looped_scans=tuple(sorted(looped)),
        sorts=sum(bool(_SORT.match(text)) for _, text in lines),
    )


def _node(line: str) -> str:
    return _SUBPLAN.sub("", line.strip())


def _children(lines: Sequence[tuple[int, str]], position: int) -> list[int]:
    """Positions of the lines one level below a line."""
    depth = lines[position][0]
    below: list[int] = []
    for other in range(position + 1, len(lines)):
        if lines[other][0] <= depth:
            break
        below.append(other)
    nearest = min((lines[other][0] for other in below), default=0)
    return [other for other in below if lines[other][0] == nearest]


def _read_in_full(lines: Sequence[tuple[int, str]], position: int) -> list[str]:
    """Relations a side of a join reads in full, through nodes that only pass rows on."""
    text = lines[position][1]
    if match := _SEQ_SCAN.match(text):
        return [match["relation"] or ""]
    if not _PASSES_ON.match(text):
        return []
    return [name for child in _children(lines, position) for name in _read_in_full(lines, child)]
