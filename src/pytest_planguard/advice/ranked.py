"""The order in which indexes are worth making: whoever makes only some takes the first."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

import msgspec

from pytest_planguard.advice.choose import Option, Scans
from pytest_planguard.advice.together import After, Together
from pytest_planguard.model.finding import Advice

MOST_OF_IT = 0.95
"""Of the gain of all: how many of the first bring it is said."""


class Ranked(msgspec.Struct, frozen=True):
    """Indexes that help together, mostly one, in their place."""

    option: Option
    gained: float
    """Share of what all save that these and the ones before do, 0 to 1."""


def ranked(
    options: Collection[Option], after: Mapping[str, After], together: Together
) -> list[Ranked]:
    """What is advised, each the one that saves most beside those before it.

    Saved is the sum over the suite's queries of their costs, each query once: what production asks
    how often is not known of all. Taking the best next one is how a budget is spent on gains that
    overlap (G. Nemhauser, L. Wolsey and M. Fisher, "An analysis of approximations for maximizing
    submodular set functions", 1978).

    Args:
        options: What is advised.
        after: Queries with all of it.
        together: Plans them with some of it.
    """
    users = {option: _users(option, after) for option in options}
    now = {key: after[key].before for keys in users.values() for key in keys}
    whole = sum(now.values()) - sum(after[key].cost for key in now)
    left = sorted(options, key=sorted)
    taken: Option = frozenset()
    saves: dict[Option, dict[str, float]] = {}
    stale, gained, order = left, 0.0, []
    while left:
        saves.update(_costs(stale, taken, users, after, together))
        best = max(left, key=lambda option: (_saved(saves[option], now), -left.index(option)))
        gained += _saved(saves[best], now)
        now.update(saves[best])
        taken |= best
        left = [option for option in left if option != best]
        # What others save is another number where the same queries use them.
        stale = [option for option in left if not users[option].isdisjoint(users[best])]
        order.append(Ranked(best, min(1.0, gained / whole) if whole > 0 else 1.0))
    return order


def in_order(
    advice: Mapping[str, Mapping[str, Advice]],
    chosen: Mapping[Scans, Option],
    order: Sequence[Ranked],
) -> dict[str, dict[str, Advice]]:
    """The same advice with its place, as a number and in words."""
    places = {one.option: number for number, one in enumerate(order, 1)}
    words = said(order)
    return {
        key: {
            relation: _placed(one, places[option := chosen[key, relation]], words.get(option, ""))
            for relation, one in by_relation.items()
        }
        for key, by_relation in advice.items()
    }


def _placed(advice: Advice, place: int, text: str) -> Advice:
    notes = (*advice.notes, text) if text else advice.notes
    return msgspec.structs.replace(advice, rank=place, notes=notes)


def said(order: Sequence[Ranked]) -> dict[Option, str]:
    """The place of each in words; nothing where there are no three.

    >>> one, two, three = (frozenset({name}) for name in ("a_idx", "b_idx", "c_idx"))
    >>> list(said([Ranked(one, 0.9), Ranked(two, 0.968), Ranked(three, 1.0)]).values())[1:]
    ['number 2 of 3 by gain: the first 2 bring 96 % of it', \
'number 3 of 3 by gain: the first 2 bring 96 % of it']
    """
    if len(order) < 3:
        return {}
    enough = next(
        n for n, one in enumerate(order, 1) if one.gained >= MOST_OF_IT or n == len(order)
    )
    share = f"{int(order[enough - 1].gained * 100)} %"
    first = "the first brings" if enough == 1 else f"the first {enough} bring"
    rest = f": {first} {share} of it" if enough < len(order) else ""
    return {
        one.option: f"number {n} of {len(order)} by gain{rest}" for n, one in enumerate(order, 1)
    }


def _users(option: Option, after: Mapping[str, After]) -> frozenset[str]:
    return frozenset(key for key, one in after.items() if not one.used.isdisjoint(option))


def _costs(
    options: Sequence[Option],
    taken: Option,
    users: Mapping[Option, frozenset[str]],
    after: Mapping[str, After],
    together: Together,
) -> Iterator[tuple[Option, dict[str, float]]]:
    """What the users of each cost with it, beside what is taken."""
    wanted = [(option, key) for option in options for key in sorted(users[option])]
    requests = [(after[key].item, option | taken) for option, key in wanted]
    costs: dict[Option, dict[str, float]] = {option: {} for option in options}
    for (option, key), cost in zip(wanted, together.costs(requests), strict=True):
        costs[option][key] = after[key].before if cost is None else cost
    yield from costs.items()


def _saved(costs: Mapping[str, float], now: Mapping[str, float]) -> float:
    return sum(now[key] - cost for key, cost in costs.items())
