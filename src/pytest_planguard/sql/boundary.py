"""How much of a btree an index condition walks through to find what it finds.

Only conditions on the leading keys say where to begin and where to end: all that are compared for
equality, and one range behind them (``indexBoundQuals`` in btcostestimate, selfuncs.c). The others
are looked at entry by entry, although EXPLAIN prints them in the same Index Cond.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence

from pytest_planguard.model.catalog import Catalog
from pytest_planguard.model.plan import PlanNode
from pytest_planguard.sql.predicates import Condition, Kind, oriented, split_conditions
from pytest_planguard.sql.printed import without_alias

_SCANS = frozenset({"Index Scan", "Index Only Scan"})

_PRICES = {
    "random_page_cost": 4.0,
    "cpu_tuple_cost": 0.01,
    "cpu_index_tuple_cost": 0.005,
    "cpu_operator_cost": 0.0025,
}
"""PostgreSQL's defaults (19.7.2 Planner Cost Constants)."""

_BETWEEN = re.compile(r"[\s()]+")

_SKIPPING = 18
"""The first major that skips within an index, from one leading value to the next."""


def bounding(node: PlanNode, catalog: Catalog) -> tuple[str, ...] | None:
    """The conditions that bound what is walked through, where others do not; None: all do.

    None, too, where a filter follows and the server may skip: what it walks through is not known.
    """
    index = catalog.indexes.get(f"{node.schema}.{node.index}")
    if node.node_type not in _SCANS or node.index_cond is None or index is None:
        return None
    if index.method != "btree" or node.alias is None or _is_hidden(node, catalog):
        return None
    return _part_that_bounds(node.index_cond, node.alias, tuple(index.keys))


@functools.lru_cache(maxsize=16384)
def _part_that_bounds(text: str, alias: str, keys: tuple[str, ...]) -> tuple[str, ...] | None:
    """Of an index condition, if that is not all of it; many plans have the same ones."""
    conditions = split_conditions(text)
    by_key = [[one for one in conditions if _is_on(one, key, alias)] for key in keys]
    if sum(map(len, by_key)) != len(conditions):  # some key is printed otherwise: nobody can tell
        return None
    found = _bounding(by_key)
    return None if len(found) == len(conditions) else tuple(one.text for one in found)


def _bounding(by_key: Sequence[Sequence[Condition]]) -> list[Condition]:
    """Conditions on the leading keys, up to the first that nothing fixes."""
    found: list[Condition] = []
    for here in by_key:
        found += here
        if not any(one.kind in (Kind.EQUALITY, Kind.BOOLEAN) for one in here):
            break
    return found


def _is_on(condition: Condition, key: str, alias: str) -> bool:
    own = oriented(condition, alias)
    if own is None or own.subject is None:
        return False
    first = own.subject.fields[0] if own.subject.fields else own.subject
    if first.column is not None:
        return first.column[1] == key.strip('"').replace('""', '"')
    return _letters(without_alias(first.text, alias)) == _letters(key)


def _letters(expression: str) -> str:
    """An expression without blanks and brackets, of which plans print more than definitions."""
    return _BETWEEN.sub("", expression)


def entries_walked(node: PlanNode, catalog: Catalog, selected: float | None) -> float | None:
    """Entries one loop looks at; None where it finds all it looks at, or nobody can tell.

    PostgreSQL 18 skips from one leading value to the next, and EXPLAIN does not say so. What is
    walked can't be more than the node's cost pays for, the rows it fetches taken off.

    Args:
        node: An index scan.
        catalog: Of the database.
        selected: Rows that the bounding conditions let through; None: there are none.
    """
    conditions = bounding(node, catalog)
    index = catalog.indexes.get(f"{node.schema}.{node.index}")
    if conditions is None or index is None or (conditions and selected is None):
        return None
    whole = selected if selected is not None and conditions else index.tuples
    return whole if catalog.server.major < _SKIPPING else min(whole, _paid_for(node, catalog))


def _is_hidden(node: PlanNode, catalog: Catalog) -> bool:
    """Whether it can't be told how many rows a node fetches: a filter throws some of them away."""
    return node.filter is not None and catalog.server.major >= _SKIPPING


def _paid_for(node: PlanNode, catalog: Catalog) -> float:
    fetched = _price("cpu_tuple_cost", catalog)
    if node.node_type == "Index Scan":
        fetched += _price("random_page_cost", catalog)
    entry = _price("cpu_index_tuple_cost", catalog)
    entry += _price("cpu_operator_cost", catalog) * len(split_conditions(node.index_cond))
    return max(0.0, node.total_cost - node.rows * fetched) / max(entry, 1e-9)


def _price(name: str, catalog: Catalog) -> float:
    try:
        return float(catalog.server.settings.get(name, _PRICES[name]))
    except ValueError:
        return _PRICES[name]
