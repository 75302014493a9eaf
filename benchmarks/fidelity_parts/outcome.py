"""What was measured, as tables and sentences; pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from fidelity_parts import ends
from fidelity_parts.compare import Comparison
from fidelity_parts.measure import ENDS, WAYS, Cell, Loaded
from fidelity_parts.table import percent, seconds, size, table

MASKED_GOAL = 0.95
FASTER, SMALLER = 100, 0.01
_SHOWN_WAYS = [way for way in WAYS if way is not ENDS]


def fidelity(cells: Sequence[Cell]) -> str:
    """Identical plans and the largest difference of costs: a row for each way."""
    columns = list(dict.fromkeys((cell.workload.name, cell.version) for cell in cells))
    found = {(cell.way, cell.workload.name, cell.version): cell for cell in cells}
    rows = [
        [way.name, *(_outcome(found[way, *column]) for column in columns)] for way in _SHOWN_WAYS
    ]
    return table(["", *(" ".join(column) for column in columns)], rows)


def costs(loaded: Sequence[Loaded], cells: Sequence[Cell]) -> str:
    """Time and disk beside the real thing."""
    rows = []
    for one in loaded:
        mine = [
            cell
            for cell in cells
            if (cell.workload.name, cell.version) == (one.workload, one.version)
        ]
        first = mine[0]
        rows.append([
            f"{one.workload} {one.version}", seconds(one.seconds), size(one.stored),
            seconds(first.pulled.seconds), size(first.pulled.size), seconds(first.seconds),
            size(first.stored), f"{one.seconds / first.seconds:,.0f} ×",
            percent(first.stored / one.stored),
        ])  # fmt: skip
    head = ["", "load", "size", "pull", "file", "build", "on disk", "faster", "of the size"]
    return table(head, rows)


def misses(cells: Sequence[Cell]) -> str:
    """Each query that differs, how, where, and its cause."""
    explained = {
        (cell.version, cell.workload.name, one.name)
        for cell in cells if cell.way is ENDS
        for one in cell.comparisons if _is_good(cell, one)
    }  # fmt: skip
    found: dict[tuple[str, str, str], list[tuple[Cell, Comparison]]] = defaultdict(list)
    for cell in cells:
        if cell.way is ENDS:
            continue
        for one in cell.comparisons:
            if not _is_good(cell, one):
                by_ends = (cell.version, cell.workload.name, one.name) in explained
                cause = _cause(cell, by_ends=by_ends)
                found[cell.workload.name, one.name, cause].append((cell, one))
    return "\n".join(_miss(*key, seen) for key, seen in found.items())


def missed_goals(cells: Sequence[Cell]) -> list[str]:
    """What was to be reached and was not."""
    return [sentence for cell in cells if cell.way is not ENDS for sentence in _missed(cell)]


def _missed(cell: Cell) -> Iterable[str]:
    where = f"{cell.workload.name} on {cell.version}, {cell.way.name}"
    if cell.way.values == "none" or cell.way.user != "postgres":
        return
    goal = cell.workload.goal if cell.way.values == "all" else MASKED_GOAL
    total = len(cell.comparisons)
    if cell.identical < goal * total:
        yield f"{where}: {cell.identical} of {total} plans are identical, wanted {goal:.0%}"
    if cell.way.values == "all" and cell.deviation > cell.workload.tolerance:
        yield f"{where}: a cost is off by {percent(cell.deviation)}"


def _outcome(cell: Cell) -> str:
    return f"{cell.identical}/{len(cell.comparisons)}, {percent(cell.deviation)}"


def _is_good(cell: Cell, one: Comparison) -> bool:
    return one.is_identical and one.deviation <= cell.workload.tolerance


def _cause(cell: Cell, *, by_ends: bool) -> str:
    if cell.way.values == "none":
        return "no values were pulled"
    if by_ends:
        return ends.CAUSE
    return "values are stand-ins" if cell.way.values == "masked" else "unknown"


def _miss(workload: str, query: str, cause: str, seen: list[tuple[Cell, Comparison]]) -> str:
    _, worst = max(seen, key=lambda one: one[1].deviation)
    where = ", ".join(
        sorted({f"{one.version.partition('.')[0]} {one.way.name}" for one, _ in seen})
    )
    how = worst.differences[0] if worst.differences else f"{worst.farthest or 'a node'} off"
    return (
        f"- {workload}: {query} ({where}): {how}; cost {worst.cost:,.2f} × {worst.ratio:.4f}:"
        f" {cause}"
    )
