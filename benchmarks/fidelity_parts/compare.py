"""Two plans of one query, node by node: everything but the planner's numbers must be equal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import Any

import msgspec

Node = dict[str, Any]
"""A plan node as ``EXPLAIN (FORMAT JSON, VERBOSE)`` prints it."""

NUMBERS = frozenset({"Startup Cost", "Total Cost", "Plan Rows", "Plan Width", "Plans"})
"""What shape is not; all else is: node type, relation, alias, index, join type, strategy, keys,
conditions, workers, parallel and partial modes, names of subplans and CTEs, output."""

PRINTED = 0.011
"""EXPLAIN prints costs with two decimals; both sides are rounded."""


class Comparison(msgspec.Struct, frozen=True):
    """What became of one query."""

    name: str
    differences: tuple[str, ...]
    """Where the shapes differ; none: identical."""
    cost: float
    """The real plan's."""
    ratio: float
    """Virtual total cost by the real one."""
    deviation: float
    """Largest relative difference of a cost over all nodes, startup and total; where the shapes
    differ, of the whole."""
    farthest: str = ""
    """The node it is at."""
    nodes: frozenset[str] = frozenset()
    """Types of node in the real plan."""

    @property
    def whole(self) -> float:
        """Relative difference of the query's total cost."""
        return abs(self.ratio - 1)

    @property
    def is_identical(self) -> bool:
        """Whether every node is the same."""
        return not self.differences


def compare(name: str, real: Node, virtual: Node) -> Comparison:
    """Compares two plans of one query; pure.

    >>> scan = {"Node Type": "Seq Scan", "Alias": "t", "Total Cost": 100.0, "Startup Cost": 0.0}
    >>> compare("same", scan, scan | {"Total Cost": 101.0}).deviation
    0.01
    >>> compare("other", scan, scan | {"Alias": "u"}).differences
    ('Seq Scan on t: Alias is u instead of t',)
    """
    differences = tuple(_differences(real, virtual))
    pairs = [(real, virtual)] if differences else list(_pairs(real, virtual))
    far = [(_deviation(one, other, key), one) for one, other in pairs
           for key in ("Startup Cost", "Total Cost")]  # fmt: skip
    deviation, node = max(far, key=lambda found: found[0])
    return Comparison(
        name,
        differences,
        real["Total Cost"],
        _ratio(real["Total Cost"], virtual["Total Cost"]),
        deviation,
        described(node) if deviation else "",
        frozenset(_types(real)),
    )


def described(node: Node) -> str:
    """A node in a few words."""
    where = node.get("Alias") or node.get("CTE Name") or ""
    index = f" using {node['Index Name']}" if node.get("Index Name") else ""
    return f"{node['Node Type']}{index}" + (f" on {where}" if where else "")


def _types(node: Node) -> Iterator[str]:
    yield str(node["Node Type"])
    for below in node.get("Plans", ()):
        yield from _types(below)


def _pairs(real: Node, virtual: Node) -> Iterator[tuple[Node, Node]]:
    yield real, virtual
    for one, other in zip(real.get("Plans", ()), virtual.get("Plans", ()), strict=True):
        yield from _pairs(one, other)


def _ratio(real: float, virtual: float) -> float:
    if abs(real - virtual) <= PRINTED:
        return 1.0
    return virtual / max(real, PRINTED)


def _deviation(real: Node, virtual: Node, key: str) -> float:
    one, other = float(real[key]), float(virtual[key])
    if abs(one - other) <= PRINTED:
        return 0.0
    return abs(one - other) / max(one, PRINTED)


def _differences(real: Node | None, virtual: Node | None) -> Iterator[str]:
    """One sentence for each node that differs; below one that is another, nothing is compared."""
    if real is None or virtual is None:
        one = "nothing" if real is None else described(real)
        yield f"{one}: is {described(virtual) if virtual else 'nothing'}"
        return
    if (real["Node Type"], real.get("Index Name"), real.get("Relation Name")) != (
        virtual["Node Type"], virtual.get("Index Name"), virtual.get("Relation Name"),
    ):  # fmt: skip
        yield f"{described(real)}: is {described(virtual)}"
        return
    keys = sorted((real.keys() | virtual.keys()) - NUMBERS)
    for key in keys:
        if real.get(key) != virtual.get(key):
            yield f"{described(real)}: {key} is {virtual.get(key)} instead of {real.get(key)}"
            break
    children: tuple[Sequence[Node], Sequence[Node]] = (
        real.get("Plans", ()),
        virtual.get("Plans", ()),
    )
    for below, beside in zip_longest(*children):
        yield from _differences(below, beside)
