"""Why a plan changed, as far as two worlds tell: what moved, without planning again."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from pytest_planguard.baseline.moved import moved
from pytest_planguard.model.baseline import PlanEntry, World
from pytest_planguard.model.moved import STATISTICS, Moved, Part

_MOST = 4
"""Sentences of one kind; a partitioned table can lose hundreds of indexes at once."""


class Cause(msgspec.Struct, frozen=True):
    """What moved, the most telling first; nothing: unknown, and never guessed."""

    sentences: tuple[str, ...] = ()
    statistics_only: bool = False
    """Nothing that matters but sizes and distributions moved."""


def cause_of(before: PlanEntry, after: PlanEntry, old: World | None, now: World) -> Cause:
    """What moved between two plans of one query.

    Args:
        before: The old plan: its indexes are looked for.
        after: The new one.
        old: The world of the old plan; None where the baseline has none: then only an index
            that is gone can be named.
        now: Today's.
    """
    if old is None:
        return Cause(some(_gone(before, now)))
    found = moved(before, after, old, now)
    return Cause(listed(found), statistics_only=is_of_statistics(found))


def listed(found: Sequence[Moved]) -> tuple[str, ...]:
    """Sentences of what moved, a few of each kind; distributions where nothing else did."""
    code = [one for one in found if one.part not in STATISTICS]
    kinds = (
        [one for one in code if one.part is Part.SCHEMA],
        [one for one in code if one.part is not Part.SCHEMA],
        [one for one in found if one.part is Part.SIZES],
    )
    told = tuple(text for kind in kinds for text in some(_sentences(kind)))
    return told or some(_sentences(found))


def is_of_statistics(found: Sequence[Moved]) -> bool:
    """Whether something moved, and all of it is sizes and distributions."""
    return bool(found) and all(one.part in STATISTICS for one in found)


def some(sentences: Sequence[str]) -> tuple[str, ...]:
    """The first few, and how many more."""
    if len(sentences) <= _MOST:
        return tuple(sentences)
    return (*sentences[: _MOST - 1], f"and {len(sentences) - _MOST + 1} more like it")


def _sentences(found: Sequence[Moved]) -> list[str]:
    return [text for one in found for text in one.sentences]


def _gone(before: PlanEntry, now: World) -> list[str]:
    """Indexes of the old plan that are not there any more."""
    there = {name.rpartition(".")[2] for name in now.indexes}
    used = sorted({name for names in before.indexes.values() for name in names})
    return [f"index {name} is gone since the baseline" for name in used if name not in there]
