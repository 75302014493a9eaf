"""Why a plan got worse, by planning it again with the old of one thing at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet

import msgspec

from pytest_planguard.baseline.causes import Cause, some
from pytest_planguard.baseline.compare import Pair
from pytest_planguard.baseline.entries import plan_entry
from pytest_planguard.baseline.worse import Scales
from pytest_planguard.model.baseline import PlanEntry
from pytest_planguard.model.moved import STATISTICS, Moved, Part
from pytest_planguard.model.plan import Plan
from pytest_planguard.model.report import ChangeKind
from pytest_planguard.sql.executed import executed_cost

MATTERS = 1.1
"""Times as expensive a plan must be with one thing than without it for that thing to be a cause;
within 10 % plans are ties (planning.md)."""

_REST = "the rest of it has an unknown cause; it may ask for other values"

Ask = Callable[[frozenset[int]], Plan | None]
"""The new plan with these of what moved put back; None: it cannot be planned so."""

Alike = Callable[[frozenset[int]], Plan | None]
"""The same, of nodes of the same types as the new plan's."""


def because(
    pair: Pair, moved: Sequence[Moved], scales: Scales, ask: Ask, alike: Alike
) -> Pair | Cause | None:
    """Why a plan got worse.

    Each thing is put back alone, and everything but it: what makes a difference in either is a
    cause, the one that makes the largest first. What no copy can put back (another text, another
    major, other distributions) is to blame for what is left when all else is put back.

    Args:
        pair: The plans; the new one is worse.
        moved: What moved between their worlds.
        scales: Of the comparison.
        ask: Plans again.
        alike: Plans the new plan itself again.

    Returns:
        The cause; the pair as it is rather to be judged, where costs are only counted in other
        units; None where it could not be planned again.
    """
    asked = _Asked(pair, moved, ask)
    settings = asked.of({Part.SETTING})
    same = alike(settings) if settings else None
    if same is not None and same.shape == pair.after.shape:
        if (kind := scales.judged(pair.before, same)) is not ChangeKind.WORSE:
            return _in_other_units(pair, kind, [moved[n] for n in sorted(settings)])
        asked.count_in_units_of(settings, same)
    return _cause(pair, moved, scales, asked)


def _cause(pair: Pair, moved: Sequence[Moved], scales: Scales, asked: _Asked) -> Cause | None:
    """What makes a difference, and what is to blame for the rest, by effect.

    Where all that moved is put back as it was and the plan is still worse, the cause is another
    one, as where the application asks for other values. That a table grew beside it must not make
    it pass for growth.
    """
    effects = asked.effects()
    whole, code = asked.plan(asked.back), asked.plan(asked.back - asked.of(STATISTICS))
    if effects is None or whole is None or code is None:
        return None
    still = _is_worse(scales.before, pair.before, whole, scales)
    rest = _left(moved, told=effects.keys()) if still else ()
    all_of_it = not effects and not still  # together, and none of it by itself
    ordered = [((-ratio, n), moved[n].sentences) for n, ratio in effects.items()]
    left = -_cost(whole) / max(pair.before.cost, 0.01)
    ordered += [((left, n - len(rest)), one.sentences) for n, one in enumerate(rest)]
    if all_of_it:
        ordered = [((0.0, n), moved[n].sentences) for n in asked.candidates]
    sentences = some([text for _, texts in sorted(ordered) for text in texts])
    if still and not rest and not any(one.part is Part.DISTRIBUTIONS for one in moved):
        return Cause((*sentences, _REST) if sentences else ())
    blamed = [*rest, *(moved[n] for n in (asked.candidates if all_of_it else effects))]
    return Cause(sentences, statistics_only=_is_of_growth(blamed, rest, code, asked, scales))


def _is_of_growth(
    blamed: Sequence[Moved], rest: Sequence[Moved], code: Plan, asked: _Asked, scales: Scales
) -> bool:
    """Whether statistics did it, and the old code and schema would plan no better with them."""
    statistical = any(one.part in STATISTICS for one in blamed)
    others = any(one.part not in STATISTICS for one in rest)
    return statistical and not others and not asked.is_worse_than(code, scales)


class _Asked:
    """What was planned again so far."""

    def __init__(self, pair: Pair, moved: Sequence[Moved], ask: Ask) -> None:
        self.back = frozenset(n for n, one in enumerate(moved) if one.undo is not None)
        self._moved = moved
        self._ask = ask
        self._base: frozenset[int] = frozenset()
        self._seen: dict[frozenset[int], Plan | None] = {frozenset(): pair.after}

    def of(self, parts: AbstractSet[Part]) -> frozenset[int]:
        """What can be put back of these parts."""
        return frozenset(n for n in self.back if self._moved[n].part in parts)

    @property
    def candidates(self) -> frozenset[int]:
        """What may be a cause."""
        return self.back - self._base

    def count_in_units_of(self, settings: frozenset[int], same: Plan) -> None:
        """Leaves settings put back that do not turn the plan, only its costs."""
        chosen = self.plan(settings)
        if chosen is not None and chosen.shape == same.shape:
            self._base = settings

    def plan(self, put_back: frozenset[int]) -> Plan | None:
        """The plan with these put back."""
        wanted = put_back | self._base
        if wanted not in self._seen:
            self._seen[wanted] = self._ask(wanted)
        return self._seen[wanted]

    def effects(self) -> dict[int, float] | None:
        """How many times as expensive each of what matters makes the plan."""
        now, whole = self.plan(frozenset()), self.plan(self.back)
        if now is None or whole is None:
            return None
        found: dict[int, float] = {}
        for n in sorted(self.candidates):
            alone, rest = self.plan(frozenset({n})), self.plan(self.back - {n})
            steps = ((now, alone), (rest, whole))
            found[n] = max(_times(worse, better) for worse, better in steps)
        return {n: ratio for n, ratio in found.items() if ratio >= MATTERS}

    def is_worse_than(self, code: Plan, scales: Scales) -> bool:
        """Whether today's code and schema plan worse than the old ones, at today's sizes."""
        now = self.plan(frozenset())
        return now is not None and _is_worse(scales.now, plan_entry(code), now, scales, _cost(code))


def _cost(plan: Plan) -> float:
    return executed_cost(plan.root)


def _times(worse: Plan | None, better: Plan | None) -> float:
    if worse is None or better is None:
        return 1.0
    return _cost(worse) / max(_cost(better), 0.01)


def _is_worse(
    rows: Mapping[str, float],
    before: PlanEntry,
    after: Plan,
    scales: Scales,
    cost: float | None = None,
) -> bool:
    """Whether a plan is worse than another at one and the same size."""
    if cost is not None:
        before = msgspec.structs.replace(before, cost=cost)
    same_size = msgspec.structs.replace(scales, before=rows, now=rows)
    return same_size.judged(before, after) is ChangeKind.WORSE


def _left(moved: Sequence[Moved], told: AbstractSet[int]) -> tuple[Moved, ...]:
    """What is to blame for what is left; other distributions where there is nothing else.

    A table that grew has other values, too, and a column whose distribution moved has another
    histogram: where either is told, that is enough. Sizes are put back as they were: what is left
    then is not theirs.
    """
    others = tuple(one for one in moved if one.undo is None and one.part not in STATISTICS)
    statistical = {n: one for n, one in enumerate(moved) if one.part in STATISTICS}
    if others or not told.isdisjoint(statistical):
        return others
    found = tuple(statistical.values())
    return found if any(one.part is Part.DISTRIBUTIONS for one in found) else ()


def _in_other_units(pair: Pair, kind: ChangeKind, settings: Sequence[Moved]) -> Pair:
    """What the new plan is in the units of the old one: a setting is a price, not a page read."""
    told = "; ".join(text for one in settings for text in one.sentences)
    note = f"it costs no more in the units of the baseline: {told}"
    return msgspec.structs.replace(pair, kind=kind, note=note)
