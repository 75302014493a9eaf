"""Plans as pictures: a line a node, bars for its cost and its rows, what changed marked."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, Sequence

import msgspec

from pytest_planguard.model.catalog import Catalog
from pytest_planguard.model.finding import Advice
from pytest_planguard.model.plan import Plan, Planned, PlanNode
from pytest_planguard.model.report import Change
from pytest_planguard.model.spec import Thresholds
from pytest_planguard.report import _numbers as numbers
from pytest_planguard.report import _text as words
from pytest_planguard.report._room import Room
from pytest_planguard.sql.figures import Figures, figures

_HEATS = (0.5, 0.2, 0.05)
"""Shares of the dearest plan's cost from which a node stands out: half of it, or one to look at."""

_COLD = Thresholds().minimum_gain_units
"""Planner units below which nothing stands out: there is nothing an index could save."""

DEEPEST = 20
"""Levels that are indented each by themselves."""


_ALL_OF_IT = "planned at scale, with all that this report advises"


class Line(msgspec.Struct, frozen=True):
    """One node, or several partitions that are read alike."""

    depth: int
    node: str
    details: str = ""
    """Its conditions and keys."""
    sign: str = ""
    """``gone`` or ``new`` beside the plan it is compared with."""
    heat: int = 0
    """0 to 3: how much of the dearest plan's cost is its own."""
    share: str = ""
    """Of the cost, its own."""
    own: int = 0
    """The same, in percent."""
    cost: str = ""
    """With all that is below it."""
    rows: str = ""
    kept: int = 0
    """Rows returned, in percent of the widest bar; the scale is logarithmic."""
    read: int = 0
    """Rows looked at, likewise."""


class Tree(msgspec.Struct, frozen=True):
    """One plan."""

    title: str
    cost: str
    width: int
    """Of its cost, in percent of the dearest one beside it."""
    heat: int
    """As a line's."""
    about: str
    lines: tuple[Line, ...]
    more: int = 0
    """Lines that are not shown."""
    measured: bool = True
    """False: only its shape is known."""


def side_by_side(
    outcome: Planned, change: Change | None, advice: Advice | None, catalog: Catalog, room: Room
) -> tuple[Tree, ...]:
    """The plan before where it was another, the plan now, and the one with what is advised.

    Args:
        outcome: Of a query.
        change: Since the baseline.
        advice: Of a finding on it.
        catalog: Of its database.
        room: Lines of each plan.
    """
    now = _now(outcome, change, advice)
    lines = figures(now.root, catalog, _probes(now))
    shape, before = [one.text for one in lines], _before(change)
    cost_before = change.cost_before if before and change is not None else None
    dearest = max(now.cost, cost_before or 0.0, 0.01)
    gone, new = signs([line.strip() for line in before], shape)
    trees = [_told(before, gone, cost_before, dearest, room)] if before else []
    marks = new if before else [""] * len(shape)
    trees.append(_tree("Now", _about(now), now.root, lines, marks, dearest, room))
    if advice is not None and advice.plan is not None:
        title = "With the index" if advice.indexes == 1 else "With the indexes"
        then = figures(advice.plan, catalog)
        _, marks = signs(shape, [one.text for one in then])
        trees.append(_tree(title, _ALL_OF_IT, advice.plan, then, marks, dearest, room))
    return tuple(trees)


def signs(before: Sequence[str], after: Sequence[str]) -> tuple[list[str], list[str]]:
    """Which lines of two plans are the other's too, wherever they stand in its tree.

    >>> signs(["Sort", "Seq Scan on a"], ["Sort", "Index Scan using i on a"])
    (['', 'gone'], ['', 'new'])
    """
    old, new = ["gone"] * len(before), ["new"] * len(after)
    matcher = difflib.SequenceMatcher(None, before, after, autojunk=False)
    for block in matcher.get_matching_blocks():
        old[block.a : block.a + block.size] = [""] * block.size
        new[block.b : block.b + block.size] = [""] * block.size
    return old, new


def _now(outcome: Planned, change: Change | None, advice: Advice | None) -> Plan:
    """The plan the news is about: the one that changed, or that an index is for; else the worst."""
    if change is not None and _before(change):
        changed = (plan for plan in outcome.plans if plan.shape == change.shape_after)
        return next(changed, outcome.worst)
    if advice is not None:
        meant = (plan for plan in outcome.plans if plan.cost == advice.cost_before)
        return next(meant, outcome.worst)
    return outcome.worst


def _before(change: Change | None) -> tuple[str, ...]:
    if change is None or change.shape_before == change.shape_after:
        return ()
    return change.shape_before


def _probes(plan: Plan) -> dict[int, float]:
    if not plan.probes:
        return {}
    rows = dict(plan.probes)
    return {id(node): rows[n] for n, node in enumerate(plan.root.walk()) if n in rows}


def _about(plan: Plan) -> str:
    kinds = {
        "captured": "with values from the tests",
        "generic": "without values, as prepared statements come to be planned",
        "common": "with common values of the statistics",
    }
    kind = kinds[plan.sample.value]
    drawn = f": {plan.drawn.kind}" if plan.drawn is not None else ""
    return "; ".join([f"{kind}{drawn}", *plan.approximate])


def _told(
    shape: Sequence[str], marks: Sequence[str], cost: float | None, dearest: float, room: Room
) -> Tree:
    """A plan of which the baseline knows the shape and the cost."""
    lines = tuple(
        Line(min((len(line) - len(text)) // 2, DEEPEST), *_parts(text, room), sign=mark)
        for line, mark in zip(shape[: room.nodes], marks, strict=False)
        for text in (line.lstrip(" "),)
    )
    return Tree(
        "Before",
        numbers.cost(cost) if cost is not None else "",
        _percent(cost or 0.0, dearest),
        _heat(cost or 0.0, dearest),
        "as the baseline has it, without the figures of its nodes",
        lines,
        len(shape) - len(lines),
        measured=False,
    )


def _tree(
    title: str,
    about: str,
    root: PlanNode,
    lines: Sequence[Figures],
    marks: Iterable[str],
    dearest: float,
    room: Room,
) -> Tree:
    most = max((max(one.rows, one.read) for one in lines), default=0.0)
    shown = tuple(
        _line(one, mark, root.total_cost, dearest, most, room)
        for one, mark in zip(lines[: room.nodes], marks, strict=False)
    )
    return Tree(
        title,
        numbers.cost(root.total_cost),
        _percent(root.total_cost, dearest),
        _heat(root.total_cost, dearest),
        words.shortened(about, room.text),
        shown,
        len(lines) - len(shown),
    )


def _line(one: Figures, mark: str, total: float, dearest: float, most: float, room: Room) -> Line:
    share = min(1.0, one.own / max(total, 0.01))
    details = f"[{'; '.join(one.conditions)}]" if one.conditions else ""
    return Line(
        depth=min(one.depth, DEEPEST),
        node=words.shortened(one.name, room.text),
        details=words.shortened(details, room.text),
        sign=mark,
        heat=_heat(one.own, dearest),
        share=f"{share:.0%}" if share >= 0.005 or share == 0 else "<1%",
        own=_percent(share, 1.0),
        cost=numbers.cost(one.cost),
        rows=_rows(one),
        kept=_logarithmic(one.rows, most),
        read=_logarithmic(one.read, most),
    )


def _rows(one: Figures) -> str:
    """``47 of 47.0M read``, ``20,000 in 400 loops``."""
    text = numbers.rows(one.rows)
    if one.read >= one.rows + 1:
        text += f" of {numbers.rows(one.read)} read"
    return text + (f" in {numbers.rows(one.loops)} loops" if one.loops >= 1.5 else "")


def _parts(text: str, room: Room) -> tuple[str, str]:
    """A stored line as a node's name and its conditions."""
    node, bracket, details = text.partition(" [")
    return words.shortened(node, room.text), words.shortened(
        f"[{details}", room.text
    ) if bracket else ""


def _heat(cost: float, dearest: float) -> int:
    return sum(cost >= max(_COLD, least * dearest) for least in _HEATS)


def _percent(part: float, whole: float) -> int:
    return max(0, min(100, round(100 * part / whole)))


def _logarithmic(number: float, most: float) -> int:
    return _percent(math.log1p(max(number, 0.0)), math.log1p(most)) if most > 0 else 0
