"""Questions to the planner about one condition: how many rows does the index alone select?

EXPLAIN tells how many rows a node returns, after its filter. What an index scan reads before
the filter throws rows away is the estimate of its index condition alone; of a condition that does
not bound all of what is walked through, the estimate of the part that does.
"""

from __future__ import annotations

import re

import msgspec

from pytest_planguard.model.catalog import Catalog
from pytest_planguard.model.plan import PlanNode
from pytest_planguard.model.ports import quoted
from pytest_planguard.sql.boundary import bounding

_TOKEN = re.compile(
    r"""(?P<string>E?'(?:[^'\\]|''|\\.)*')|(?P<parameter>\$\d+)"""
    r"""|(?P<alias>"(?:[^"]|"")+"|[^\W\d][\w$]*)\.(?P<column>"(?:[^"]|"")+"|(?![A-Z])[^\W\d][\w$]*)(?!\()"""
)


class Probe(msgspec.Struct, frozen=True, order=True):
    """A query over one table, with what it compares with left open."""

    text: str
    parameters: int


def probe_of(node: PlanNode, catalog: Catalog) -> Probe | None:
    """The probe for a scan node that reads more than it returns; None for others."""
    condition = _condition(node, catalog)
    if condition is None or node.relation is None or node.alias is None:
        return None
    if node.relation not in catalog.tables or "Plan " in condition or "SubPlan" in condition:
        return None
    numbers: dict[str, int] = {}

    def open_up(found: re.Match[str]) -> str:
        if found["string"] or found["alias"] in {node.alias, quoted(node.alias or "")}:
            return found[0]
        return f"${numbers.setdefault(found[0], len(numbers) + 1)}"

    text = _TOKEN.sub(open_up, condition)
    table = f"{quoted(node.schema or 'public')}.{quoted(node.relation_name or '')}"
    return Probe(f"SELECT FROM {table} {quoted(node.alias)} WHERE {text}", len(numbers))


def _condition(node: PlanNode, catalog: Catalog) -> str | None:
    """What selects the rows that are read, where that is not all that is asked."""
    conditions = bounding(node, catalog)
    if conditions is not None:
        return " AND ".join(conditions) or None
    return (node.index_cond or node.recheck_cond) if node.filter is not None else None
