"""Indexes proven by the planner: used, much cheaper wherever too much is read, no harm to others.

All candidates of a run are made in one copy of the fixture. There each suspect query is planned
with its candidates, together and one by one; what is chosen is then shown, all of it at once, to
every query of the suite that it can matter to.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

import msgspec

from pytest_planguard.advice.candidates import candidates
from pytest_planguard.advice.choose import Option, Scan, Scans, choose
from pytest_planguard.advice.keys import TRIGRAMS
from pytest_planguard.advice.measure import Made, Suspect, measured
from pytest_planguard.advice.naming import renamed
from pytest_planguard.advice.ranked import in_order, ranked
from pytest_planguard.advice.suite import Suite
from pytest_planguard.advice.suspects import CLEAR_GAIN, Item, suspect_reads, wide_reads
from pytest_planguard.advice.together import After, Together
from pytest_planguard.advice.untried import untried
from pytest_planguard.advice.worded import Worded, names_in
from pytest_planguard.model.catalog import Catalog
from pytest_planguard.model.finding import Advice
from pytest_planguard.model.plan import PlanNode
from pytest_planguard.model.ports import HypotheticalIndex, WhatIf, WhatIfTrial
from pytest_planguard.model.spec import Thresholds
from pytest_planguard.model.statement import Layer

__all__ = ["Advised", "Item", "Suite", "advise"]

MOST_IN_ALL, FEWEST = 600, 4
"""Candidates of a run, and of each read where there are too many: the server looks at all of a
table's indexes for each plan, also at those it may not use (about a microsecond each)."""


class Advised(msgspec.Struct, frozen=True):
    """What helps, and what nobody knows of."""

    advice: Mapping[str, Mapping[str, Advice]] = {}
    """By key of the query, then by relation. What could not be verified is not there."""
    notes: tuple[str, ...] = ()
    """What was not tried, and why, one sentence each."""


def advise(
    items: Sequence[Item],
    catalog: Catalog,
    whatif: WhatIf,
    thresholds: Thresholds,
    suite: Suite = Suite(),  # noqa: B008 - a frozen value
) -> Advised:
    """Indexes that help, each verified in a copy of the fixture at scale.

    Args:
        items: All queries with plans; those of the suite's own code are never advised on.
        catalog: The fixture database's.
        whatif: Makes the copy.
        thresholds: What is large, what counts as a gain and as a loss.
        suite: What is written, and how rows lie.

    Returns:
        What was verified, and what was not tried.
    """
    every = _suspects(items, catalog, thresholds, suite)
    most = max(FEWEST, MOST_IN_ALL // max(1, len(every)))
    suspects = [msgspec.structs.replace(one, candidates=one.candidates[:most]) for one in every]
    indexes = _candidates(suspects)
    if not indexes:
        return Advised()
    tables = frozenset(catalog.root_of(one.table) for one in indexes.values())
    concerned = [one for one in items if not tables.isdisjoint(one.planned.relations)]
    plans = [one.planned for one in concerned]
    with whatif.trial(list(indexes.values()), plans) as trial:
        made = {name: one for name, one in indexes.items() if name not in trial.refused}
        scans = measured(suspects, made, trial, thresholds)
        together = Together(concerned, made, trial, catalog, thresholds)
        chosen, after = _harmless(scans, made, trial, together, catalog, suite, thresholds)
        advised = _all(chosen)
        helped = {name: together.helped(name, after) for name in advised}
        worded = Worded(made, advised, trial.sizes, catalog, suite, helped)
        by_place = {one.place: one for one in suspects}
        advice = _advice(chosen, after, scans, by_place, worded, thresholds)
        given = {chosen[key, name] for key, one in advice.items() for name in one}
        advice = in_order(advice, chosen, ranked(given, after, together))
        left_out = len(_candidates(every)) - len(indexes)
        refused = {n: why for n, why in trial.refused.items() if not _is_of_trigrams(indexes[n])}
        return Advised(advice, untried(left_out, most, refused))


def _is_of_trigrams(index: HypotheticalIndex) -> bool:
    """Whether it takes an extension that few schemas have: QRY003 says so where it would help."""
    return any(TRIGRAMS in column for column in index.columns)


def _candidates(suspects: Sequence[Suspect]) -> dict[str, HypotheticalIndex]:
    return {one.name: one for suspect in suspects for one in suspect.candidates}


def _suspects(
    items: Sequence[Item], catalog: Catalog, thresholds: Thresholds, suite: Suite
) -> list[Suspect]:
    taken = names_in(catalog)
    known: dict[HypotheticalIndex, HypotheticalIndex] = {}
    suspects = []
    for item in sorted(items, key=lambda item: item.query.key):
        if item.query.layer is Layer.TEST:
            continue
        strict = suspect_reads(item, catalog, thresholds)
        wide = wide_reads(item, catalog, thresholds)
        for relation, found in sorted({**strict, **wide}.items()):
            wanted: dict[HypotheticalIndex, None] = {}
            for position, read in found:
                plan = item.planned.plans[position]
                made = candidates(item.query, plan, read, catalog, thresholds, suite)
                wanted |= dict.fromkeys(made)
            for index in wanted:
                if index not in known:
                    known[index] = renamed(index, taken)
            if wanted:
                positions = tuple(sorted({position for position, _ in found}))
                own = tuple(known[index] for index in wanted)
                least = CLEAR_GAIN if relation in wide else 0.0
                suspects.append(Suspect(item, relation, positions, own, least))
    return suspects


def _harmless(
    scans: Sequence[Scan],
    made: Made,
    trial: WhatIfTrial,
    together: Together,
    catalog: Catalog,
    suite: Suite,
    thresholds: Thresholds,
) -> tuple[dict[Scans, Option], dict[str, After]]:
    """What is chosen once all that harms a query is refused, and each query with all of it."""
    refused: frozenset[str] = frozenset()
    while True:
        allowed = made.keys() - refused
        chosen = choose(scans, allowed, made, trial.sizes, catalog, suite.writes, thresholds)
        after = together.with_all(_all(chosen))
        harmful = together.harmful(after) & _all(chosen)
        if not harmful:
            settled, after = _fewest(chosen, after, made, together)
            # What went may have been what kept a query from an index that harms it.
            harmful = together.harmful(after) & _all(settled)
            if not harmful:
                return settled, after
        refused |= harmful


def _fewest(
    chosen: Mapping[Scans, Option], after: Mapping[str, After], made: Made, together: Together
) -> tuple[dict[Scans, Option], dict[str, After]]:
    """What stays without the idle ones, and each query with just that."""
    offered = _all(chosen)
    rest = together.without_idle(after, offered, {key for key, _ in chosen})
    settled = _settled(chosen, rest, made)
    if (stays := _all(settled)) == offered:
        return settled, rest
    return settled, {**rest, **together.with_all(stays)}


def _settled(
    chosen: Mapping[Scans, Option], after: Mapping[str, After], made: Made
) -> dict[Scans, Option]:
    """For each scan what its query really uses of all that stays."""
    stays = frozenset().union(
        *(after[key].used & frozenset(made) for key, _ in chosen if key in after)
    )
    settled = {}
    for (key, relation), option in chosen.items():
        if option <= stays:
            settled[key, relation] = option
        elif key in after and (instead := after[key].used & stays):
            settled[key, relation] = instead
    return settled


def _all(chosen: Mapping[Scans, Option]) -> frozenset[str]:
    return frozenset().union(*chosen.values())


def _advice(
    chosen: Mapping[Scans, Option],
    after: Mapping[str, After],
    scans: Sequence[Scan],
    suspects: Mapping[Scans, Suspect],
    worded: Worded,
    thresholds: Thresholds,
) -> dict[str, dict[str, Advice]]:
    """Advice for each scan that still gains enough by what stays."""
    result: dict[str, dict[str, Advice]] = defaultdict(dict)
    for scan in scans:
        option, suspect = chosen.get(scan.place), suspects[scan.place]
        if option is None:
            continue
        cost = scan.with_index.get(option)
        if cost is None:  # others than were chosen for it serve it
            cost = max(after[scan.key].plans[n].cost for n in suspect.plans)
        if suspect.gains(scan.cost, cost, thresholds):
            said = worded.advice(scan, option, cost, suspect.reads)
            plan = (
                worded.as_advised(_worst(suspect, after[scan.key])) if scan.key in after else None
            )
            result[scan.key][scan.relation] = msgspec.structs.replace(said, plan=plan)
    return dict(result)


def _worst(suspect: Suspect, after: After) -> PlanNode:
    """What became of the plan that was the worst of those that read too much."""
    before = suspect.item.planned.plans
    worst = max(suspect.plans, key=lambda n: (before[n].cost, -n))
    return after.plans[worst].root
