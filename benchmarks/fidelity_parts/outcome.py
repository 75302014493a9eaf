"""What was measured, as tables and sentences; pure."""

from __future__ import annotations

import tomllib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from fidelity_parts import ends
from fidelity_parts.compare import Comparison
from fidelity_parts.many import TABLES, Many
from fidelity_parts.measure import BASE, ENDS, WAYS, Cell, Loaded, Way
from fidelity_parts.table import percent, seconds, size, table
from fidelity_parts.workloads import MIXED, script

MASKED_GOAL = 0.95
"""Of a server's queries of all workloads: one of TPC-H's 22 is nearly all of the 5 % that may
differ, and which of them lie between two plans depends on the rows ANALYZE has drawn."""
FASTER, SMALLER = 100, 0.01
"""How much faster to build, and which share of the disk at most."""
MANY_SECONDS = 1.0
"""In which many tables are to be inflated once their schema is there."""

_OF_WAY = {
    "none": "no values were pulled",
    "masked": "values of the query do not meet the stand-ins",
    "all": "a reader does not see it at the source",
}

_Place = tuple[str, str, str]
"""Server version, workload and query."""


class Miss(NamedTuple):
    """One query that does not plan exactly as the real one."""

    cell: Cell
    query: Comparison
    cause: str


def fidelity(cells: Sequence[Cell]) -> str:
    """Identical plans, costs within the tolerance, and the largest difference: a row a way."""
    columns = list(dict.fromkeys((cell.workload.name, cell.version) for cell in cells))
    found = {(cell.way.name, cell.workload.name, cell.version): cell for cell in cells}
    rows = [
        [way.name, *(_outcome(found[way.name, *column]) for column in columns)]
        for way in WAYS
        if way is not ENDS
    ]
    return table(["", *(" ".join(column) for column in columns)], rows)


def in_short(cells: Sequence[Cell]) -> str:
    """The same as README quotes it: plans, then costs within the tolerance, a server each."""
    names = list(dict.fromkeys(cell.workload.name for cell in cells))
    rows = [
        [way.name, *(_in_short([one for one in cells if one.way is way and
                                one.workload.name == name]) for name in names)]
        for way in WAYS
        if way is not ENDS
    ]  # fmt: skip
    servers = " / ".join(dict.fromkeys(cell.version for cell in cells))
    return table(["", *(f"{name} on {servers}" for name in names)], rows)


def _in_short(cells: Sequence[Cell]) -> str:
    identical, close = (
        " / ".join(str(number) for number in numbers)
        for numbers in zip(*((cell.identical, cell.close) for cell in cells), strict=True)
    )
    return f"{identical} of {len(cells[0].comparisons)}; costs {close}"


def costs(loaded: Sequence[Loaded], cells: Sequence[Cell]) -> str:
    """Time and disk beside the real thing."""
    rows = []
    for real in loaded:
        cell = _base(cells, real)
        rows.append([
            f"{real.workload} {real.version}", seconds(real.seconds), size(real.stored),
            seconds(cell.pulled.seconds), size(cell.pulled.size), seconds(cell.started),
            seconds(cell.seconds), f"{real.seconds / cell.seconds:,.0f}", size(cell.stored),
            percent(cell.stored / real.stored),
        ])  # fmt: skip
    head = ["", "load", "size", "pull", "file", "server", "build", "× faster", "on disk", "of size"]
    return table(head, rows)


def misses(cells: Sequence[Cell]) -> list[Miss]:
    """All queries that differ, with the cause.

    Those without values are not looked into, and where values were masked or not seen, another
    cost of the same plan is no news.
    """
    by_ends = _good(cells, ENDS)
    missed_anyway: dict[_Place, str] = {}
    found = []
    for cell in sorted(cells, key=lambda cell: cell.way is not BASE):
        if cell.way is ENDS or cell.way.values == "none":
            continue
        for one in cell.comparisons:
            place = (cell.version, cell.workload.name, one.name)
            if is_good(cell, one) or (one.is_identical and not _is_exact(cell.way)):
                continue
            if cell.way is BASE:
                missed_anyway[place] = ends.CAUSE if place in by_ends else _known(one.name)
            cause = missed_anyway.get(place) or _of_way(cell.way)
            found.append(Miss(cell, one, cause))
    return found


def listed(found: Iterable[Miss]) -> str:
    """A line for each query and cause: how it differs at worst, and where."""
    groups: dict[tuple[str, str, str], list[Miss]] = defaultdict(list)
    for miss in found:
        groups[miss.cell.workload.name, miss.query.name, miss.cause].append(miss)
    return "\n".join(_line(group) for group in groups.values())


def missed_goals(
    loaded: Sequence[Loaded], cells: Sequence[Cell], many: Mapping[str, Many], *, full: bool
) -> list[str]:
    """What was to be reached and was not.

    Args:
        loaded: The real databases.
        cells: What was compared.
        many: By server, how long many tables took.
        full: Of full size. In small tables plans lie close together, so that masked values count
            for more than they do at scale, they load in no time, and some nodes do not pay.
    """
    judged = [cell for cell in cells if cell.way is not ENDS and (full or _is_exact(cell.way))]
    sentences = [sentence for cell in judged for sentence in _missed(cell)]
    sentences += _missed_masked(judged)
    for real in loaded if full else ():
        cell, name = _base(cells, real), f"{real.workload} on {real.version}"
        if real.seconds < FASTER * cell.seconds:
            sentences.append(f"{name}: built only {real.seconds / cell.seconds:.0f} times faster")
        if cell.stored > SMALLER * real.stored:
            sentences.append(f"{name}: takes {percent(cell.stored / real.stored)} of the disk")
        sentences += _not_seen(cell)
    return sentences + [
        f"{TABLES:,} tables on {version}: inflated in {one.inflate:.2f} s,"
        f" wanted below {MANY_SECONDS:g} s"
        for version, one in many.items()
        if one.inflate >= MANY_SECONDS
    ]


def is_good(cell: Cell, one: Comparison) -> bool:
    """Whether shape and the costs of all nodes are as they should be."""
    return one.is_identical and one.deviation <= cell.workload.tolerance


def _missed(cell: Cell) -> Iterable[str]:
    if not _is_exact(cell.way):
        return
    where = f"{cell.workload.name} on {cell.version}, {cell.way.name}"
    goal, total = cell.workload.goal, len(cell.comparisons)
    if cell.identical < goal * total:
        yield f"{where}: {cell.identical} of {total} plans are identical, wanted {goal:.0%}"
    if cell.close < goal * total:
        tolerance = percent(cell.workload.tolerance)
        yield f"{where}: {cell.close} of {total} costs are within {tolerance}, wanted {goal:.0%}"


def _missed_masked(cells: Sequence[Cell]) -> Iterable[str]:
    for version in dict.fromkeys(cell.version for cell in cells):
        masked = [one for one in cells if one.version == version and _is_masked(one.way)]
        identical = sum(one.identical for one in masked)
        total = sum(len(one.comparisons) for one in masked)
        if identical < MASKED_GOAL * total:
            yield (
                f"{version}, masked: {identical} of {total} plans are identical,"
                f" wanted {MASKED_GOAL:.0%}"
            )


def _is_masked(way: Way) -> bool:
    """As it is by default; whoever keeps columns knew what was going to be asked."""
    return way.values == "masked" and way.sent and not way.keeps and way.user == BASE.user


def _not_seen(cell: Cell) -> Iterable[str]:
    """What no real plan has proves nothing of the virtual ones."""
    seen = frozenset[str]().union(*(one.nodes for one in cell.comparisons))
    if absent := sorted(cell.workload.nodes - seen):
        yield f"{cell.workload.name} on {cell.version}: no plan has {', '.join(absent)}"


def _base(cells: Sequence[Cell], real: Loaded) -> Cell:
    place = (real.workload, real.version, BASE)
    return next(cell for cell in cells if (cell.workload.name, cell.version, cell.way) == place)


def _outcome(cell: Cell) -> str:
    total = len(cell.comparisons)
    return f"{cell.identical}/{total}, {cell.close}/{total}, {percent(cell.deviation)}"


def _is_exact(way: Way) -> bool:
    """Whether costs, too, are to be those of the real database."""
    return way.values == "all" and way.user == BASE.user


def _good(cells: Sequence[Cell], way: Way) -> set[_Place]:
    return {
        (cell.version, cell.workload.name, one.name)
        for cell in cells
        if cell.way is way
        for one in cell.comparisons
        if is_good(cell, one)
    }


def _known(query: str) -> str:
    return str(tomllib.loads(script(MIXED / "causes.toml")).get(query, "unknown"))


def _of_way(way: Way) -> str:
    return "unknown" if _is_exact(way) else _OF_WAY[way.values]


def _line(group: Sequence[Miss]) -> str:
    worst = max(group, key=lambda miss: (not miss.query.is_identical, miss.query.deviation)).query
    where = sorted(
        {f"{miss.cell.version.partition('.')[0]} {miss.cell.way.name}" for miss in group}
    )
    cell = group[0].cell
    how = _shortened(worst.differences[0]) if worst.differences else f"costs at {worst.farthest}"
    return (
        f"- {cell.workload.name}, {worst.name}: {how}; total {worst.cost:,.2f} × {worst.ratio:.4f}."
        f" Because {group[0].cause} ({', '.join(where)})"
    )


def _shortened(text: str, most: int = 160) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
