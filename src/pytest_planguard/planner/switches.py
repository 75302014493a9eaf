"""Settings under which the planner finds a given plan again, whatever it would prefer."""

from __future__ import annotations

from pytest_planguard.model.plan import PlanNode

_NODES = {
    "enable_seqscan": {"Seq Scan"},
    # also asked for index-only scans (costsize.c, cost_index)
    "enable_indexscan": {"Index Scan", "Index Only Scan"},
    "enable_indexonlyscan": {"Index Only Scan"},
    "enable_bitmapscan": {"Bitmap Heap Scan"},
    "enable_tidscan": {"Tid Scan", "Tid Range Scan"},
    "enable_nestloop": {"Nested Loop"},
    "enable_hashjoin": {"Hash Join"},
    "enable_mergejoin": {"Merge Join"},
    "enable_sort": {"Sort"},
    "enable_incremental_sort": {"Incremental Sort"},
    "enable_material": {"Materialize"},
    "enable_memoize": {"Memoize"},
}
"""By setting: the types of nodes it lets the planner use."""


def switches(root: PlanNode) -> dict[str, str]:
    """Settings that leave only the types of nodes a plan is made of.

    >>> found = switches(PlanNode(node_type="Seq Scan"))
    >>> found["enable_indexscan"], found["enable_hashagg"], found.get("enable_seqscan")
    ('off', 'off', 'on')
    """
    types = {node.node_type for node in root.walk()}
    found = {name: "off" if types.isdisjoint(nodes) else "on" for name, nodes in _NODES.items()}
    hashed = any(node.strategy in ("Hashed", "Mixed") for node in root.walk())
    found["enable_hashagg"] = "on" if hashed else "off"
    if types.isdisjoint({"Gather", "Gather Merge"}):
        found["max_parallel_workers_per_gather"] = "0"
    return found
