"""Where a plan's cost and rows go: the lines of its shape, each with its figures."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from pytest_planguard.model.catalog import Catalog
from pytest_planguard.model.plan import PlanNode
from pytest_planguard.model.spec import Thresholds
from pytest_planguard.sql.reads import Probes, reads
from pytest_planguard.sql.scans import Run, runs
from pytest_planguard.sql.shape import shape_of_nodes

_EVERY_TABLE = Thresholds(large_table_rows=0)


class Figures(msgspec.Struct, frozen=True):
    """One line of a shape; partitions that are read alike are one line and counted together.

    Costs and rows are those of all loops and processes, as far as a LIMIT above lets the node run.
    """

    text: str
    """Without its indentation."""
    depth: int
    """0 for the top node."""
    cost: float
    """With all that is below it, in planner units."""
    own: float
    """Without what is below it."""
    rows: float
    """That it returns."""
    read: float
    """Rows a scan looks at to return these; 0 for other nodes."""
    loops: float


def figures(root: PlanNode, catalog: Catalog, probes: Probes | None = None) -> tuple[Figures, ...]:
    """The lines of a plan's shape with what each costs and how many rows it reads and returns.

    Args:
        root: The plan.
        catalog: Of its database.
        probes: As in ``sql.reads.reads``.
    """
    run = runs(root)
    looked_at: dict[int, float] = {}
    for one in reads(root, catalog, _EVERY_TABLE, probes):
        looked_at[id(one.node)] = one.rows_read
    return tuple(
        _figures(text, nodes, run, looked_at) for text, nodes in shape_of_nodes(root, catalog)
    )


def _figures(
    line: str, nodes: Sequence[PlanNode], run: dict[int, Run], looked_at: dict[int, float]
) -> Figures:
    text = line.lstrip(" ")
    return Figures(
        text=text,
        depth=(len(line) - len(text)) // 2,
        cost=sum(run[id(node)].cost for node in nodes),
        own=sum(_own(node, run) for node in nodes),
        rows=sum(run[id(node)].rows for node in nodes),
        read=sum(looked_at.get(id(node), 0.0) for node in nodes),
        loops=run[id(nodes[0])].loops,
    )


def _own(node: PlanNode, run: dict[int, Run]) -> float:
    below = sum(run[id(child)].cost for child in node.children)
    return max(0.0, run[id(node)].cost - below)
