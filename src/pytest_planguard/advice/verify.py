"""Indexes proven by the planner: used, much cheaper with every value, and no harm to others.

All candidates of a run are made in one copy of the fixture. There each suspect query is planned
with one candidate visible at a time; what is chosen is then shown to every other query that
reads the table.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

import msgspec

from pytest_planguard.advice.candidates import candidates, named, renamed
from pytest_planguard.advice.choose import Scan, choose
from pytest_planguard.advice.ddl import statements
from pytest_planguard.advice.suspects import Item, suspect_reads
from pytest_planguard.model.catalog import Catalog
from pytest_planguard.model.finding import Advice
from pytest_planguard.model.plan import Plan, Planned, Unexplained
from pytest_planguard.model.ports import HypotheticalIndex, WhatIf, WhatIfTrial
from pytest_planguard.model.spec import Thresholds
from pytest_planguard.model.statement import Layer
from pytest_planguard.sql.reads import full_index_walk

__all__ = ["Item", "advise"]


class _Suspect(msgspec.Struct, frozen=True):
    """A relation one query reads far too much of, in some of its plans."""

    item: Item
    relation: str
    plans: tuple[int, ...]
    """Positions of the plans that do."""
    candidates: tuple[HypotheticalIndex, ...]


def advise(
    items: Sequence[Item],
    catalog: Catalog,
    whatif: WhatIf,
    thresholds: Thresholds,
    writes: Mapping[str, float] | None = None,
) -> dict[str, dict[str, Advice]]:
    """Indexes that help, each verified in a copy of the fixture at scale.

    Args:
        items: All queries with plans; those of the suite's own code are never advised on.
        catalog: The fixture database's.
        whatif: Makes the copy.
        thresholds: What is large, what counts as a gain and as a loss.
        writes: How often the suite writes each table.

    Returns:
        By key of the query, then by relation. What could not be verified is not there.
    """
    suspects = _suspects(items, catalog, thresholds)
    indexes = {one.name: one for suspect in suspects for one in suspect.candidates}
    if not indexes:
        return {}
    with whatif.trial(list(indexes.values())) as trial:
        made = {name: one for name, one in indexes.items() if name not in trial.refused}
        scans = _scans(suspects, made, trial, thresholds)
        chosen: dict[tuple[str, str], str] = {}
        helped: dict[str, tuple[str, ...]] = {}
        harmful: set[str] = set()
        while True:
            chosen = choose(scans, made.keys() - harmful, made, trial.sizes, catalog, writes or {})
            untried = sorted(set(chosen.values()) - helped.keys())
            if not untried:
                break
            for name in untried:
                harms, helps = _effects(made[name], items, trial, thresholds)
                helped[name] = helps
                harmful |= {name} if harms else set()
        return _advice(chosen, scans, made, helped, trial.sizes, catalog)


def _suspects(items: Sequence[Item], catalog: Catalog, thresholds: Thresholds) -> list[_Suspect]:
    taken = _names_in(catalog)
    known: dict[HypotheticalIndex, HypotheticalIndex] = {}
    suspects = []
    for item in sorted(items, key=lambda item: item.query.key):
        if item.query.layer is Layer.TEST:
            continue
        for relation, found in sorted(suspect_reads(item, catalog, thresholds).items()):
            wanted: dict[HypotheticalIndex, None] = {}
            for position, read in found:
                plan = item.planned.plans[position]
                wanted |= dict.fromkeys(candidates(item.query, plan, read, catalog, thresholds))
            for index in wanted:
                if index not in known:
                    known[index] = renamed(index, taken)
            if wanted:
                positions = tuple(sorted({position for position, _ in found}))
                own = tuple(known[index] for index in wanted)
                suspects.append(_Suspect(item, relation, positions, own))
    return suspects


def _scans(
    suspects: Sequence[_Suspect],
    made: Mapping[str, HypotheticalIndex],
    trial: WhatIfTrial,
    thresholds: Thresholds,
) -> list[Scan]:
    """Every suspect with the candidates that help it, and the cost with each."""
    by_table: dict[str, list[str]] = defaultdict(list)
    for name, index in made.items():
        by_table[index.table].append(name)
    # Candidates of other queries on the same table are tried too: one index may serve several.
    pairs = [
        (number, name)
        for number, suspect in enumerate(suspects)
        for name in _worth_trying(suspect, by_table[suspect.relation], made)
    ]
    requests = [
        (suspects[n].item.query, suspects[n].item.planned, frozenset({name})) for n, name in pairs
    ]
    costs: dict[int, dict[str, float]] = defaultdict(dict)
    for (number, name), outcome in zip(pairs, trial.plan(requests), strict=True):
        cost = _cost_with(suspects[number], name, outcome, thresholds)
        if cost is not None:
            costs[number][name] = cost
    return [
        Scan(
            key=suspect.item.query.key,
            relation=suspect.relation,
            executions=suspect.item.query.executions,
            cost=max(suspect.item.planned.plans[n].cost for n in suspect.plans),
            with_index=costs[number],
        )
        for number, suspect in enumerate(suspects)
    ]


def _worth_trying(
    suspect: _Suspect, names: Sequence[str], made: Mapping[str, HypotheticalIndex]
) -> list[str]:
    """The suspect's own candidates, and others' that begin with a column of one of them.

    Another query's partial index holds that query's constant, which may be this one's parameter.
    """
    own = {index.name for index in suspect.candidates}
    leading = {index.columns[0] for index in suspect.candidates}
    return [
        name
        for name in names
        if name in own or (made[name].columns[0] in leading and not made[name].predicate)
    ]


def _cost_with(
    suspect: _Suspect, name: str, outcome: Planned | Unexplained, thresholds: Thresholds
) -> float | None:
    """The worst cost with the index; None where it is not used or not enough of a gain."""
    if isinstance(outcome, Unexplained):
        return None
    worst = 0.0
    for position in suspect.plans:
        before, after = suspect.item.planned.plans[position], outcome.plans[position]
        if name not in _indexes(after) or not _gains(before.cost, after.cost, thresholds):
            return None
        if _only_reads_less(before, after):
            return None
        worst = max(worst, after.cost)
    return worst


def _only_reads_less(before: Plan, after: Plan) -> bool:
    """Whether a new index is walked as a whole and filtered: narrower rows, and as many of them."""
    known = {node.index for node in before.root.walk()}
    nodes = list(after.root.walk())
    return not any(node.node_type == "Limit" for node in nodes) and any(
        node.index not in known and node.filter is not None and full_index_walk(node)
        for node in nodes
        if node.index is not None
    )


def _indexes(plan: Plan) -> set[str]:
    """Names of the indexes a plan uses; partitions' by those of their root."""
    names = {name for path in plan.access.values() for name in path.indexes}
    return names | {node.index for node in plan.root.walk() if node.index is not None}


def _gains(before: float, after: float, thresholds: Thresholds) -> bool:
    gain = before - after
    return gain >= thresholds.minimum_gain_units and gain >= thresholds.minimum_gain * before


def _effects(
    index: HypotheticalIndex,
    items: Sequence[Item],
    trial: WhatIfTrial,
    thresholds: Thresholds,
) -> tuple[bool, tuple[str, ...]]:
    """Whether an index makes any query dearer, and the keys of those it makes much cheaper."""
    touching = [item for item in items if _touches(item, index.table)]
    requests = [(item.query, item.planned, frozenset({index.name})) for item in touching]
    harms, helps = False, []
    for item, outcome in zip(touching, trial.plan(requests), strict=True):
        if isinstance(outcome, Unexplained):
            continue
        pairs = list(zip(item.planned.plans, outcome.plans, strict=True))
        harms |= any(_loses(before.cost, after.cost, thresholds) for before, after in pairs)
        worst_before = max(before.cost for before, _ in pairs)
        worst_after = max(after.cost for _, after in pairs)
        if _gains(worst_before, worst_after, thresholds):
            helps.append(item.query.key)
    return harms, tuple(sorted(helps))


def _loses(before: float, after: float, thresholds: Thresholds) -> bool:
    """Dearer by more than is allowed, and by more than rounding (costs have two decimals)."""
    return after > before * (1 + thresholds.maximum_loss) and after - before > 1.0


def _touches(item: Item, relation: str) -> bool:
    return any(
        path.relation == relation for plan in item.planned.plans for path in plan.access.values()
    )


def _advice(
    chosen: Mapping[tuple[str, str], str],
    scans: Sequence[Scan],
    made: Mapping[str, HypotheticalIndex],
    helped: Mapping[str, tuple[str, ...]],
    sizes: Mapping[str, int],
    catalog: Catalog,
) -> dict[str, dict[str, Advice]]:
    taken = _names_in(catalog)
    # In the copy names had to differ from those of all other candidates; here they need not.
    wanted = sorted(set(chosen.values()))
    ddl = {name: statements(renamed(named(made[name]), taken), catalog) for name in wanted}
    result: dict[str, dict[str, Advice]] = defaultdict(dict)
    for scan in scans:
        name = chosen.get((scan.key, scan.relation))
        if name is not None:
            result[scan.key][scan.relation] = Advice(
                ddl=ddl[name],
                cost_before=scan.cost,
                cost_after=scan.with_index[name],
                size_bytes=sizes.get(name, 0),
                also_helps=tuple(key for key in helped[name] if key != scan.key),
            )
    return dict(result)


def _names_in(catalog: Catalog) -> set[str]:
    """Names an index may not have: a schema's tables and indexes share one name space."""
    return {name.partition(".")[2] for name in (*catalog.indexes, *catalog.tables)}
