"""How many rows each table has: declared, shared out among partitions, or assumed."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from pytest_planguard.fixturedb.scale.partitions import Tree, is_default
from pytest_planguard.fixturedb.scale.spans import float4
from pytest_planguard.model import bookkeeping
from pytest_planguard.model.catalog import Catalog
from pytest_planguard.model.statistics import ScaleSource


class Rows(msgspec.Struct, frozen=True):
    """A table's rows and where the number comes from."""

    count: float
    source: ScaleSource


def table_rows(
    catalog: Catalog, declared: Mapping[str, float], assumed: float
) -> tuple[dict[str, Rows], list[str]]:
    """Rows of every table (a partitioned one's: of its leaves), and what contradicts itself.

    A partitioned table's rows are shared equally by the partitions that are not declared
    themselves; the default partition gets none of them, as in production it should be empty,
    unless it is the only one left.

    Args:
        catalog: The tables.
        declared: Rows by schema-qualified name.
        assumed: Rows of a table (or a whole partitioned one) nobody declared.
    """
    split = _Split(catalog, declared, assumed)
    for name, table in sorted(catalog.tables.items()):
        if table.partition_bound is None or not table.parents:
            split.assign(name, None)
    return split.rows, split.mistakes


class _Split:
    """The recursion's state."""

    def __init__(self, catalog: Catalog, declared: Mapping[str, float], assumed: float) -> None:
        self.rows: dict[str, Rows] = {}
        self.mistakes: list[str] = []
        self._catalog = catalog
        self._tree = Tree(catalog)
        self._declared = declared
        self._assumed = assumed

    def assign(self, name: str, given: Rows | None) -> None:
        """Rows for a table and all partitions below it."""
        own = self._declared.get(name)
        given = Rows(own, ScaleSource.DECLARED) if own is not None else given
        children = self._tree.children(name)
        if not children:
            rows = given or Rows(bookkeeping.assumed(name, self._assumed), ScaleSource.ASSUMED)
            empty = self._catalog.tables[name].kind == "p"
            self.rows[name] = Rows(0.0 if empty else float4(rows.count), rows.source)
            return
        self._share(name, children, given)
        parts = [self.rows[child] for child in children]
        source = max((part.source for part in parts), key=list(ScaleSource).index)
        self.rows[name] = Rows(float4(sum(part.count for part in parts)), source)

    def _share(self, name: str, children: list[str], given: Rows | None) -> None:
        """Each child's part of what its parent has."""
        known = {child: rows for child in children if (rows := self._known(child)) is not None}
        sum_known = sum(known.values())
        if given is not None and sum_known > given.count:
            self.mistakes.append(
                f"{name}: {given.count:,.0f} rows declared, but those of its partitions"
                f" come to {sum_known:,.0f}"
            )
        open_children = [child for child in children if child not in known]
        sharing = [child for child in open_children if not is_default(self._catalog.tables[child])]
        if not sharing and (given is not None or not known):
            sharing = open_children
        total = given or Rows(self._assumed + sum_known, ScaleSource.ASSUMED)
        if given is None and not sharing:  # all but the default partition are declared
            total = Rows(sum_known, ScaleSource.DECLARED)
        share, extra = divmod(max(0, round(total.count - sum_known)), len(sharing) or 1)
        for child in children:
            if child in known:
                self.assign(child, None)
            elif child in sharing:
                more = 1 if sharing.index(child) < extra else 0
                self.assign(child, Rows(float(share + more), total.source))
            else:
                self.assign(child, Rows(0.0, total.source))

    def _known(self, name: str) -> float | None:
        """Rows that are declared, for the table or for everything below it."""
        if name in self._declared:
            return self._declared[name]
        parts = [self._known(child) for child in self._tree.children(name)]
        if not parts or any(part is None for part in parts):
            return None
        return sum(part for part in parts if part is not None)
