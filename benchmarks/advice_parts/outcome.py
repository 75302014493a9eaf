"""Advisors side by side, as tables and sentences; pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import msgspec
from fidelity_parts.compare import compare
from fidelity_parts.table import percent, seconds, size, table

from advice_parts.built import Built
from advice_parts.ours import OURS
from advice_parts.sets import Advised

WORSE = 1.05
"""A query is worse where it costs 5 % more than without (spec.Thresholds, maximum_loss)."""
SAME_GOAL, COST_TOLERANCE = 0.95, 0.02
"""Share of all cases whose plans the what-if must have foreseen, and how exactly their costs. All
workloads of a run together, as fidelity.py counts masked plans: one of TPC-H's 22 is 4.5 %."""


class Row(msgspec.Struct, frozen=True):
    """One advisor on one workload."""

    workload: str
    advised: Advised
    built: Built
    before: Mapping[str, float]
    """Costs without any of it."""
    first: Built | None = None
    """As many of our indexes, the first by their rank, where another advisor takes fewer."""

    @property
    def total(self) -> float:
        """Sum of costs with it."""
        return _total(self.built)

    @property
    def worse(self) -> list[str]:
        """Queries that cost more than without."""
        costs = self.built.costs
        return [name for name, cost in self.before.items() if costs[name] > cost * WORSE + 1.0]

    @property
    def gaining(self) -> int:
        """Queries that cost 30 % less."""
        costs = self.built.costs
        return sum(costs[name] <= 0.7 * cost for name, cost in self.before.items())


class Foreseen(msgspec.Struct, frozen=True):
    """How the what-if's plans compare with those on the built indexes."""

    workload: str
    queries: int
    same: int
    close: int
    """Same, and the total cost within 2 %."""
    differing: tuple[str, ...]


def _total(built: Built) -> float:
    return sum(built.costs.values())


def advisors(rows: Sequence[Row]) -> str:
    """A row an advisor."""
    lines = []
    for row in rows:
        before = sum(row.before.values())
        lines.append([
            row.workload, row.advised.advisor, f"{row.total:,.0f}", percent(row.total / before),
            str(len(row.built.sizes)), size(sum(row.built.sizes)), str(row.gaining),
            str(len(row.worse)), seconds(row.advised.seconds), str(len(row.advised.failed)),
            f"{_total(row.first):,.0f}, {size(sum(row.first.sizes))}" if row.first else "",
        ])  # fmt: skip
    head = ["workload", "advisor", "sum of costs", "of before", "indexes", "size", "gain 30 %",
            "worse", "time", "not looked at", "our first as many"]  # fmt: skip
    return table(head, lines)


def foreseen(workload: str, virtual: Mapping[str, object], real: Built) -> Foreseen:
    """Compares plan by plan."""
    found = [compare(name, node, virtual[name]) for name, node in real.nodes.items()]  # type: ignore[arg-type]
    same = [one for one in found if one.is_identical]
    return Foreseen(
        workload,
        len(found),
        len(same),
        sum(one.whole <= COST_TOLERANCE for one in same),
        tuple(
            f"{one.name}: "
            + (one.differences[0] if one.differences else f"costs × {one.ratio:.3f}")
            for one in found
            if not one.is_identical or one.whole > COST_TOLERANCE
        ),
    )


def missed(rows: Sequence[Row], prophecies: Sequence[Foreseen]) -> list[str]:
    """What was to be reached and was not."""
    sentences = []
    for ours in (row for row in rows if row.advised.advisor == OURS):
        if ours.worse:
            sentences.append(f"{ours.workload}: worse with our advice: {', '.join(ours.worse)}")
        if ours.built.refused:
            sentences.append(f"{ours.workload}: refused: {ours.built.refused[0]}")
        others = [row for row in rows if row.workload == ours.workload and row is not ours]
        sentences += [
            f"{ours.workload}: {row.advised.advisor} costs less with as few indexes or fewer"
            for row in others
            if row.built.sizes and row.total < (_total(row.first) if row.first else ours.total)
        ]
    cases = sum(one.queries for one in prophecies)
    same, close = (
        sum(counts)
        for counts in ((one.same for one in prophecies), (one.close for one in prophecies))
    )
    sentences += [
        f"{count} of {cases} {what} foreseen, wanted {SAME_GOAL:.0%}"
        for what, count in (("plans", same), ("costs", close))
        if count < SAME_GOAL * cases
    ]
    return sentences


def where_others_win(rows: Sequence[Row]) -> list[str]:
    """What each of the others does better, and at what price."""
    sentences = []
    for ours in (row for row in rows if row.advised.advisor == OURS):
        for row in rows:
            if row.workload == ours.workload and row is not ours:
                sentences += _wins(ours, row)
    return sentences


def _wins(ours: Row, rival: Row) -> Iterator[str]:
    name = f"{ours.workload}: {rival.advised.advisor}"
    times = rival.total / ours.total
    if len(rival.built.sizes) < len(ours.built.sizes):
        fewer = f"{len(rival.built.sizes)} indexes instead of {len(ours.built.sizes)}"
        first = ""
        if rival.first is not None:
            first = f", {rival.total / _total(rival.first):,.1f} times that of our first as many"
        yield f"{name} takes {fewer}, at {times:,.1f} times the cost{first}"
    if sum(rival.built.sizes) < sum(ours.built.sizes):
        share = sum(rival.built.sizes) / sum(ours.built.sizes)
        yield f"{name} takes {share:.0%} of the bytes, at {times:,.1f} times the cost"
    if rival.advised.seconds < ours.advised.seconds:
        part = rival.advised.seconds / ours.advised.seconds
        yield f"{name} takes {part:.0%} of the time"
    cheaper = [n for n, cost in rival.built.costs.items() if cost < 0.9 * ours.built.costs[n] - 100]
    if cheaper:
        best = min(cheaper, key=lambda n: rival.built.costs[n] - ours.built.costs[n])
        saved = f"{ours.built.costs[best]:,.0f} → {rival.built.costs[best]:,.0f}"
        yield f"{name} is cheaper for {len(cheaper)} queries, most of all {best}: {saved}"


def reports(rows: Sequence[Row]) -> str:
    """Who is right: a report is, where any advisor's indexes save 30 % and 100 units."""
    lines = []
    for row in rows:
        own = [one for one in rows if one.workload == row.workload]
        lacking = {name for name, cost in row.before.items() if _is_missing(name, cost, own)}
        said = set(row.advised.reports)
        if said:
            lines.append([
                row.workload, row.advised.advisor, str(len(said)), str(len(said & lacking)),
                str(len(said - lacking)), str(len(lacking - said)),
            ])  # fmt: skip
    return table(["workload", "", "reports", "right", "wrong", "overlooked"], lines)


def who_reports(rows: Sequence[Row]) -> str:
    """Query by query: whether an index is missing, and which advisor says so.

    ``right`` and ``wrong`` are reports; ``overlooked`` is silence about a missing index, ``-`` is
    rightful silence, ``?`` a query the advisor could not look at. An advisor that reports nothing
    of any query has no column.
    """
    lines = []
    telling = list(dict.fromkeys(row.advised.advisor for row in rows if row.advised.reports))
    for workload in dict.fromkeys(row.workload for row in rows):
        own = [row for row in rows if row.workload == workload]
        by_advisor = {row.advised.advisor: row for row in own}
        for name, cost in own[0].before.items():
            missing = _is_missing(name, cost, own)
            best = min(row.built.costs[name] for row in own)
            found = [_judgement(by_advisor.get(one), name, missing=missing) for one in telling]
            if missing or {*found} - {"-", "?", ""}:
                lines.append([workload, name, f"{cost:,.0f}", f"{best:,.0f}", *found])
    return table(["workload", "query", "before", "best", *telling], lines)


def _judgement(row: Row | None, name: str, *, missing: bool) -> str:
    if row is None:
        return ""
    if name in row.advised.reports:
        return "right" if missing else "wrong"
    if any(text.partition(":")[0] == name for text in row.advised.failed):
        return "?"
    return "overlooked" if missing else "-"


def _is_missing(name: str, before: float, rows: Sequence[Row]) -> bool:
    best = min(row.built.costs[name] for row in rows)
    return best <= 0.7 * before and before - best >= 100


def by_query(rows: Sequence[Row]) -> str:
    """Costs of each query with each advisor's indexes, where they differ."""
    lines = []
    for workload in dict.fromkeys(row.workload for row in rows):
        own = [row for row in rows if row.workload == workload]
        for name, cost in own[0].before.items():
            costs = [row.built.costs[name] for row in own]
            if min(costs) < 0.98 * max(cost, *costs):
                lines.append([workload, name, f"{cost:,.0f}", *(f"{one:,.0f}" for one in costs)])
    return table(["workload", "query", "before", *(row.advised.advisor for row in own)], lines)
