"""What differs between two baselines, as text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_planguard.baseline.between import Between, EntryChange
    from pytest_planguard.model.baseline import Accepted, Entry

_ORDER = ("worse", "changed", "better", "new", "gone", "same")


def difference_lines(found: Between) -> Iterator[str]:
    """Entries first, the worst kind of change first, then the headers' facts."""
    if not found.entries and not found.worlds:
        yield "nothing changed"
    for kind in _ORDER:
        for one in found.entries:
            if one.change.kind.value == kind:
                yield from _entry(one)
    for name, facts in sorted(found.worlds.items()):
        yield f"header of database {name}"
        yield from (f"  {fact}" for fact in facts)


def _entry(one: EntryChange) -> Iterator[str]:
    from pytest_planguard.report import _numbers as numbers

    change, entry = one.change, one.after or one.before
    assert entry is not None
    head = f"{change.kind.value} {change.key}"
    if change.renamed_from:
        head += f" (was {change.renamed_from})"
    if change.cost_before is not None and change.cost_after is not None:
        head += f"  cost {numbers.cost(change.cost_before)} → {numbers.cost(change.cost_after)}"
    yield "  ".join((head, _places(entry)))
    if change.sql_before and change.sql_before != change.sql:
        yield f"  - {change.sql_before}"
        yield f"  + {change.sql}"
    else:
        yield f"    {entry.sql}"
    if change.shape_before != change.shape_after:
        yield from (f"  - {line}" for line in change.shape_before)
        yield from (f"  + {line}" for line in change.shape_after)
    yield from (f"    because {cause}" for cause in change.causes)
    yield from _accepted(one)


def _accepted(one: EntryChange) -> Iterator[str]:
    """What was accepted, and no longer is."""
    before = set(one.before.findings) if one.before is not None else set()
    after = set(one.after.findings) if one.after is not None else set()
    if one.after is not None:
        yield from (f"    no longer accepted {_told(each)}" for each in _sorted(before - after))
    yield from (f"    accepted {_told(each)}" for each in _sorted(after - before))


def _sorted(found: set[Accepted]) -> list[Accepted]:
    return sorted(found, key=lambda each: (each.rule, each.relation or "", each.reason))


def _told(accepted: Accepted) -> str:
    what = " ".join(part for part in (accepted.rule, accepted.relation) if part)
    return f"{what}: {accepted.reason}" if accepted.reason else what


def _places(entry: Entry) -> str:
    places = [f"{one.file} {one.function}" for one in entry.origins]
    more = f" (+{len(places) - 1} more)" if len(places) > 1 else ""
    return places[0] + more if places else ""
