"""Where a plan's cost and rows go: the lines of its shape, each with its figures."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from pytest_planguard.model.catalog import Catalog
from pytest_planguard.model.plan import PlanNode
from pytest_planguard.model.spec import Thresholds
from pytest_planguard.sql.reads import Probes, reads
from pytest_planguard.sql.scans import Run, runs
from pytest_planguard.sql.shape import Line, outline

_EVERY_TABLE = Thresholds(large_table_rows=0)


class Figures(msgspec.Struct, frozen=True):
    """One line of a shape; partitions that are read alike are one line and counted together.

    Costs and rows are those of all loops and processes, as far as a LIMIT above lets the node run.
    """

    depth: int
    """0 for the top node."""
    name: str
    conditions: tuple[str, ...]
    cost: float
    """With all that is below it, in planner units."""
    own: float
    """Without what is below it."""
    rows: float
    """That it returns."""
    read: float
    """Rows a scan looks at to return these; 0 for other nodes."""
    loops: float

    @property
    def text(self) -> str:
        """As a line of the shape, without its indentation."""
        return self.name + (f" [{'; '.join(self.conditions)}]" if self.conditions else "")


def figures(root: PlanNode, catalog: Catalog, probes: Probes | None = None) -> tuple[Figures, ...]:
    """The lines of a plan's shape with what each costs and how many rows it reads and returns.

    Args:
        root: The plan.
        catalog: Of its database.
        probes: As in ``sql.reads.reads``.
    """
    found = runs(root)
    looked_at = {id(one.node): one.rows_read for one in reads(root, catalog, _EVERY_TABLE, probes)}
    return tuple(_figures(line, found, looked_at) for line in outline(root, catalog))


def own_cost(node: PlanNode, found: Mapping[int, Run]) -> float:
    """What a node costs over all loops without the nodes below it."""
    below = sum(found[id(child)].cost for child in node.children)
    return max(0.0, found[id(node)].cost - below)


def _figures(line: Line, found: Mapping[int, Run], looked_at: Mapping[int, float]) -> Figures:
    return Figures(
        depth=line.said.depth,
        name=line.said.name,
        conditions=line.said.conditions,
        cost=sum(found[id(node)].cost for node in line.nodes),
        own=sum(own_cost(node, found) for node in line.nodes),
        rows=sum(found[id(node)].rows for node in line.nodes),
        read=sum(looked_at.get(id(node), 0.0) for node in line.nodes),
        loops=max(found[id(node)].loops for node in line.nodes),
    )
