"""A plan as a tree a person reads: what each node does, its rows, and where the cost goes."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

import msgspec

from pytest_planguard.model.catalog import Catalog
from pytest_planguard.model.finding import Finding
from pytest_planguard.model.plan import Plan, PlanNode
from pytest_planguard.report import _numbers as numbers
from pytest_planguard.report import _text as words
from pytest_planguard.report._lines import STYLES
from pytest_planguard.report._lines import Line as Drawn
from pytest_planguard.sql.figures import own_cost
from pytest_planguard.sql.scans import runs
from pytest_planguard.sql.shape import Line, outline

_SORTS = frozenset({"Sort", "Incremental Sort"})
_OF_NODES = {"PLN005": _SORTS}
"""Rules that speak of a node, not of how a table is read."""
_HEAVY = 0.5
"""From this share of the cost on a node stands out."""
_NARROWEST = 20
"""Columns for a condition at least, however deep it stands."""


class Row(msgspec.Struct, frozen=True):
    """A node, or partitions that are read alike, as one line of the tree."""

    share: float
    """Of the plan's cost, 0 to 1: the node's own, without what is below it, over all loops."""
    rows: float
    """Of one loop over all processes, as far as a LIMIT above lets it run."""
    loops: float
    branch: str
    """What leads to it: ``│  └─ ``."""
    below: str
    """What stands left of the lines that belong to it."""
    name: str
    conditions: tuple[str, ...]
    findings: tuple[Finding, ...]


def tree(plan: Plan, catalog: Catalog, findings: Sequence[Finding] = ()) -> list[Row]:
    """The plan from the top down.

    Args:
        plan: What to show.
        catalog: Of the database it was planned in.
        findings: Of its query: each stands at the costliest node that reads its table, else at
            the top.
    """
    lines = outline(plan.root, catalog)
    found = runs(plan.root)
    own = [sum(own_cost(node, found) for node in line.nodes) for line in lines]
    marks: dict[int, list[Finding]] = {}
    for finding in findings:
        marks.setdefault(_position(finding, lines, own, catalog), []).append(finding)
    total = max(plan.cost, 0.01)
    depths = [line.said.depth for line in lines]
    return [
        Row(
            share=min(own[position] / total, 1.0),
            rows=sum(found[id(node)].rows / found[id(node)].loops for node in line.nodes),
            loops=max(found[id(node)].loops for node in line.nodes),
            branch=_branch(depths, position),
            below=_below(depths, position),
            name=line.said.name,
            conditions=line.said.conditions,
            findings=tuple(marks.get(position, ())),
        )
        for position, line in enumerate(lines)
    ]


def _position(
    finding: Finding, lines: Sequence[Line], own: Sequence[float], catalog: Catalog
) -> int:
    """The line a finding stands at."""

    def fits(node: PlanNode) -> bool:
        if finding.rule in _OF_NODES:
            return node.node_type in _OF_NODES[finding.rule]
        return node.relation is not None and catalog.root_of(node.relation) == finding.relation

    places = [number for number, line in enumerate(lines) if any(map(fits, line.nodes))]
    return max(places, key=lambda number: own[number], default=0)


def _branch(depths: Sequence[int], position: int) -> str:
    depth = depths[position]
    if depth == 0:
        return ""
    corner = "├─ " if _goes_on(depths, position, depth) else "└─ "
    return _trunk(depths, position, depth) + corner


def _below(depths: Sequence[int], position: int) -> str:
    """The trunks that pass by a node's own lines, to its children too."""
    depth = depths[position]
    passing = _trunk(depths, position, depth + 1)
    return passing + ("│  " if _goes_on(depths, position, depth + 1) else "   ")


def _trunk(depths: Sequence[int], position: int, depth: int) -> str:
    return "".join(
        "│  " if _goes_on(depths, position, level) else "   " for level in range(1, depth)
    )


def _goes_on(depths: Sequence[int], position: int, level: int) -> bool:
    """Whether another node of that level follows, before one nearer to the top."""
    for depth in depths[position + 1 :]:
        if depth <= level:
            return depth == level
    return False


_LEFT = 28
"""Columns of the numbers."""


def drawn(rows: Sequence[Row], columns: int) -> Iterator[Drawn]:
    """The tree as lines of a terminal, at most so many columns wide where words allow it."""
    yield [(f"    {'cost':>6}  {'rows':>14}", "dim")]
    for row in rows:
        style = "bold" if row.share >= _HEAVY else ""
        first, *more = _in_columns(row.name, columns - _LEFT - len(row.branch))
        yield [
            (f"    {_percent(row.share):>6}", style),
            (f"  {_counted(row):>14}  {row.branch}", ""),
            (first, style),
        ]
        left = " " * _LEFT + row.below
        yield from ([(left, ""), (text.strip(), style)] for text in more)
        yield from _details(row, left, columns)


def _details(row: Row, left: str, columns: int) -> Iterator[Drawn]:
    """The findings at a node, then its conditions."""
    for finding in row.findings:
        letter = finding.severity.value[0].upper()
        yield [(left, ""), (f"^ {letter} {finding.rule} {finding.name}", STYLES[finding.severity])]
    for condition in row.conditions:
        for text in _in_columns(condition, columns - len(left)):
            yield [(left, ""), (text, "dim")]


def _in_columns(text: str, room: int) -> list[str]:
    return textwrap.wrap(
        words.clean(text),
        max(room, _NARROWEST),
        subsequent_indent="  ",
        break_long_words=False,
        break_on_hyphens=False,
    ) or [""]


def _counted(row: Row) -> str:
    """``8.1M``, ``1 × 47,000``: rows of a loop, and how many there are."""
    return numbers.rows(row.rows) + (f" × {numbers.rows(row.loops)}" if row.loops > 1 else "")


def _percent(share: float) -> str:
    if 0 < share < 0.005:
        return "<1 %"
    return f"{share * 100:.0f} %"
