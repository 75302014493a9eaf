"""Chosen indexes as advice: statements, migrations, why none did before, what writes pay."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from pytest_planguard.advice.choose import Option, Scan
from pytest_planguard.advice.ddl import statements
from pytest_planguard.advice.existing import invalid_twin, superfluous, why_none_serves
from pytest_planguard.advice.measure import Made
from pytest_planguard.advice.naming import named, renamed
from pytest_planguard.advice.operations import operations
from pytest_planguard.advice.suite import Suite
from pytest_planguard.advice.writes import price
from pytest_planguard.model import words
from pytest_planguard.model.catalog import Catalog
from pytest_planguard.model.finding import Advice
from pytest_planguard.model.judgement import Read
from pytest_planguard.model.plan import PlanNode
from pytest_planguard.model.ports import HypotheticalIndex, quoted


class Worded:
    """Says what was chosen.

    Args:
        made: Candidates by the names they have in the copy.
        chosen: Those that are advised.
        sizes: Bytes, by these names.
        catalog: The fixture database's.
        suite: What is written, and which tools migrate.
        helped: By name: keys of the queries that gain.
    """

    def __init__(
        self,
        made: Made,
        chosen: Option,
        sizes: dict[str, int],
        catalog: Catalog,
        suite: Suite,
        helped: Mapping[str, tuple[str, ...]],
    ) -> None:
        self._sizes = sizes
        self._catalog = catalog
        self._suite = suite
        self._helped = helped
        self._indexes = _as_advised(made, chosen, catalog)

    def advice(self, scan: Scan, option: Option, cost: float, reads: Sequence[Read]) -> Advice:
        """The indexes that serve a scan together.

        Args:
            scan: Of one query and relation.
            option: Their names in the copy.
            cost: Of the query with them.
            reads: Of the relation, as it is now.
        """
        indexes = [self._indexes[name] for name in sorted(option)]
        sizes = {self._indexes[name].name: self._sizes.get(name, 0) for name in option}
        helped = {key for name in option for key in self._helped.get(name, ())}
        return Advice(
            ddl=tuple(text for index in indexes for text in self._ddl(index)),
            cost_before=scan.cost,
            cost_after=cost,
            size_bytes=sum(sizes.values()),
            also_helps=tuple(sorted(helped - {scan.key})),
            indexes=len(indexes),
            writes=price(indexes, sizes, self._catalog, self._suite),
            notes=(*why_none_serves(reads, self._catalog), *self._makes_superfluous(indexes)),
            operations=self._operations(indexes),
        )

    def as_advised(self, plan: PlanNode) -> PlanNode:
        """A plan made in the copy, its new indexes by the names they are advised by.

        A partition's has a name of the server's making there; it is known by its table, where
        one index is advised on that.
        """
        return self._as_advised(plan, plan)

    def _as_advised(self, node: PlanNode, above: PlanNode) -> PlanNode:
        """A bitmap's index is on the table of the node above it."""
        table = node if node.relation is not None else above
        return msgspec.structs.replace(
            node,
            index=self._name_of(node.index, table) if node.index is not None else None,
            children=tuple(self._as_advised(child, table) for child in node.children),
        )

    def _name_of(self, index: str, table: PlanNode) -> str:
        if index in self._indexes:
            return self._indexes[index].name
        if f"{table.schema}.{index}" in self._catalog.indexes or table.relation is None:
            return index
        root = self._catalog.root_of(table.relation)
        names = [one.name for one in self._indexes.values() if one.table == root]
        return names[0] if len(names) == 1 else index

    def _ddl(self, index: HypotheticalIndex) -> tuple[str, ...]:
        twin = invalid_twin(index, self._catalog)
        if twin is not None:
            return (f"REINDEX INDEX CONCURRENTLY {quoted(twin.schema)}.{quoted(twin.name)};",)
        return statements(index, self._catalog)

    def _operations(self, indexes: Sequence[HypotheticalIndex]) -> dict[str, tuple[str, ...]]:
        """None where one is to be built again: a migration has made it already."""
        if any(invalid_twin(one, self._catalog) is not None for one in indexes):
            return {}
        return operations(indexes, self._catalog, self._suite)

    def _makes_superfluous(self, indexes: Sequence[HypotheticalIndex]) -> Iterator[str]:
        for index in indexes:
            names = superfluous(index, self._catalog)
            if names:
                plural = "are" if len(names) > 1 else "is"
                yield f"{words.listed(names)} {plural} superfluous then: {index.name} begins alike"


def _as_advised(made: Made, chosen: Option, catalog: Catalog) -> dict[str, HypotheticalIndex]:
    """By name in the copy: the index under the name it is advised by.

    In the copy names had to differ from those of all other candidates; here they need not.
    """
    taken = names_in(catalog)
    return {name: renamed(named(made[name]), taken) for name in sorted(chosen)}


def names_in(catalog: Catalog) -> set[str]:
    """Names an index may not have: a schema's tables and indexes share one name space."""
    return {name.partition(".")[2] for name in (*catalog.indexes, *catalog.tables)}
