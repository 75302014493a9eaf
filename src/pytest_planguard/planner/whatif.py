"""The same queries with other indexes: made in a copy of the fixture, seen one set at a time.

All candidates are created in one copy. Which of them the planner may see is switched by
``pg_index.indisvalid``: it passes over an invalid index (src/backend/optimizer/util/plancat.c,
get_relation_info), and the catalog of a scratch copy is ours to write.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from pytest_planguard.errors import ScaleError
from pytest_planguard.model.catalog import Catalog
from pytest_planguard.model.plan import Planned, Unexplained
from pytest_planguard.model.ports import FixtureDatabase, HypotheticalIndex
from pytest_planguard.model.query import Query
from pytest_planguard.planner.explain import Explainer
from pytest_planguard.planner.wire import Wire, literal

_SHOW = """
WITH RECURSIVE made AS (
    SELECT c.oid, c.relname AS candidate
      FROM pg_class c
     WHERE c.relname = ANY ({names}::name[]) AND c.relkind IN ('i', 'I')
    UNION ALL
    SELECT h.inhrelid, made.candidate FROM pg_inherits h JOIN made ON made.oid = h.inhparent
)
UPDATE pg_index i SET indisvalid = (made.candidate = ANY ({visible}::name[]))
  FROM made
 WHERE made.oid = i.indexrelid AND i.indisvalid <> (made.candidate = ANY ({visible}::name[]))
"""


class Trials:
    """Makes copies of a fixture database with more indexes.

    Args:
        fixture: The database at scale.
        catalog: Its catalog.
        settings: Session settings the fixture is planned with, too.
    """

    def __init__(
        self, fixture: FixtureDatabase, catalog: Catalog, settings: Mapping[str, str]
    ) -> None:
        self._fixture = fixture
        self._catalog = catalog
        self._settings = {**settings, "default_transaction_read_only": "off"}

    @contextmanager
    def trial(
        self, indexes: Sequence[HypotheticalIndex], plans: Sequence[Planned] | None = None
    ) -> Iterator[Trial]:
        """A copy with all these indexes, dropped at the end; see ``model.ports.WhatIf``."""
        relations = None if plans is None else frozenset().union(*(one.relations for one in plans))
        with self._fixture.copy_with(indexes, self._catalog, relations) as copy:
            catalog = copy.catalog or self._catalog
            with Wire(copy.conninfo, self._settings) as wire:
                tables = {
                    index.name: catalog.root_of(index.table)
                    for index in indexes
                    if index.name not in copy.refused
                }
                explainer = Explainer(wire, catalog, self._fixture.statistics)
                yield Trial(wire, explainer, tables, relations, copy.sizes, copy.refused)


class Trial:
    """One copy; see ``model.ports.WhatIfTrial``."""

    def __init__(
        self,
        wire: Wire,
        explainer: Explainer,
        tables: Mapping[str, str],
        relations: frozenset[str] | None,
        sizes: dict[str, int],
        refused: dict[str, str],
    ) -> None:
        self.sizes = sizes
        self.refused = refused
        self._wire = wire
        self._explainer = explainer
        self._tables = tables
        self._relations = relations

    def plan(
        self, requests: Sequence[tuple[Query, Planned, frozenset[str]]]
    ) -> list[Planned | Unexplained]:
        """Plans each query with its own plans' samples, seeing only the named indexes.

        Raises:
            ScaleError: One reads what was not said to be read.
        """
        wanted = [(planned.relations, visible) for _, planned, visible in requests]
        self._refuse_small(frozenset().union(*(touched for touched, _ in wanted)))
        outcomes: dict[int, Planned | Unexplained] = {}
        for visible, positions in rounds(wanted, self._tables):
            self._show(visible)
            items = [(requests[n][0], requests[n][1]) for n in positions]
            outcomes.update(zip(positions, self._explainer.again(items, bare=True), strict=True))
        return [outcomes[position] for position in range(len(requests))]

    def _refuse_small(self, touched: frozenset[str]) -> None:
        if self._relations is not None and (small := touched - self._relations):
            raise ScaleError(
                f"not at scale in the copy with more indexes: {', '.join(sorted(small))}",
                hint="please report it: every plan made there must be announced",
            )

    def _show(self, visible: frozenset[str]) -> None:
        if not self._tables:  # a database that is used as it is: nothing was made, nor may be
            return
        self._wire.idle()
        names = _names(sorted(self._tables))
        self._wire.execute(_SHOW.format(names=names, visible=_names(sorted(visible))))


def rounds(
    requests: Sequence[tuple[frozenset[str], frozenset[str]]], tables: Mapping[str, str]
) -> list[tuple[frozenset[str], list[int]]]:
    """Requests that can be planned at the same time: no query sees an index that is not its own.

    Showing other indexes is what takes time: every session forgets what it knew of their tables.
    What is shown of one table is nothing to a query that does not read it.

    Args:
        requests: The tables each reads, and the indexes it is to see.
        tables: The table of each index.

    Returns:
        Indexes to show, and positions of the requests that are planned then; pure.
    """
    shown: list[dict[str, frozenset[str]]] = []
    positions: list[list[int]] = []
    for position, (touched, visible) in enumerate(requests):
        own = {table: frozenset(n for n in visible if tables[n] == table) for table in touched}
        number = next((n for n, one in enumerate(shown) if _agree(one, own)), len(shown))
        if number == len(shown):
            shown.append({})
            positions.append([])
        shown[number].update(own)
        positions[number].append(position)
    return [
        (frozenset().union(*one.values()), places)
        for one, places in zip(shown, positions, strict=True)
    ]


def _agree(shown: Mapping[str, frozenset[str]], own: Mapping[str, frozenset[str]]) -> bool:
    return all(shown.get(table, names) == names for table, names in own.items())


def _names(names: Sequence[str]) -> str:
    return "ARRAY[" + ", ".join(literal(name) for name in names) + "]"
