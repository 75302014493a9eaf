"""What a plan calls relations, indexes and sort keys, in the words of the query."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pytest_planguard.model.catalog import Catalog
from pytest_planguard.model.plan import PlanNode

_ORDER_SUFFIX = re.compile(r"( COLLATE \S+)?( USING \S+)?( DESC)?( NULLS (FIRST|LAST))?$")


def alias_of(node: PlanNode, catalog: Catalog, below_append: bool) -> str:
    """The alias as the query knows it: EXPLAIN numbers those of partitions.

    A partition asked for by name is told from one reached through its root by what it is
    called: reached through the root, its alias is the root's with a number, or bare.
    """
    alias = node.alias or node.relation_name or node.function_name or node.node_type
    relation = node.relation
    if relation is None or catalog.root_of(relation) == relation:
        return alias
    if alias == node.relation_name and not below_append:
        return alias
    return re.sub(r"_\d+$", "", alias)


def index_names(node: PlanNode, catalog: Catalog) -> tuple[str, ...]:
    """Indexes a scan uses, a partition's by the name of the partitioned index it belongs to."""
    below = (child.index for child in _bitmaps(node) if child.index is not None)
    own = (node.index,) if node.index is not None else ()
    return tuple(root_index(name, node.schema, catalog) for name in (*own, *below))


def root_index(name: str, schema: str | None, catalog: Catalog) -> str:
    """The partitioned index an index is attached to in the end, or itself; without schema."""
    found = catalog.indexes.get(f"{schema}.{name}")
    while found is not None and found.parent is not None:
        name = found.parent.rpartition(".")[2]
        found = catalog.indexes.get(found.parent)
    return name


def _bitmaps(node: PlanNode) -> Iterator[PlanNode]:
    for child in node.children:
        if child.node_type.startswith("Bitmap"):
            yield child
            yield from _bitmaps(child)


def sort_column(key: str) -> tuple[str, str]:
    """A sort key cut into its expression and what follows it (`` DESC NULLS LAST``).

    >>> sort_column("o.created_at DESC")
    ('o.created_at', ' DESC')
    """
    found = _ORDER_SUFFIX.search(key)
    return (key[: found.start()], found[0]) if found else (key, "")
