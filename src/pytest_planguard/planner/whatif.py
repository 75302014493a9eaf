"""The same queries with other indexes: made in a copy of the fixture, seen one set at a time.

All candidates are created in one copy. Which of them the planner may see is switched by
``pg_index.indisvalid``: it passes over an invalid index (src/backend/optimizer/util/plancat.c,
get_relation_info), and the catalog of a scratch copy is ours to write.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from pytest_planguard.model.catalog import Catalog
from pytest_planguard.model.plan import Planned, Unexplained
from pytest_planguard.model.ports import FixtureDatabase, HypotheticalIndex
from pytest_planguard.model.query import Query
from pytest_planguard.model.statistics import Statistics
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
        read_catalog: Reads the catalog of a database by connection string.
        settings: Session settings the fixture is planned with, too.
    """

    def __init__(
        self,
        fixture: FixtureDatabase,
        read_catalog: Callable[[str], Catalog],
        settings: dict[str, str],
    ) -> None:
        self._fixture = fixture
        self._read_catalog = read_catalog
        self._settings = {**settings, "default_transaction_read_only": "off"}

    @contextmanager
    def trial(self, indexes: Sequence[HypotheticalIndex]) -> Iterator[Trial]:
        """A copy with all these indexes, at scale, dropped at the end."""
        with self._fixture.copy_with(indexes) as copy:
            catalog = copy.catalog or self._read_catalog(copy.conninfo)
            with Wire(copy.conninfo, self._settings) as wire:
                names = [index.name for index in indexes if index.name not in copy.refused]
                yield Trial(
                    wire, catalog, self._fixture.statistics, names, copy.sizes, copy.refused
                )


class Trial:
    """One copy; see ``model.ports.WhatIfTrial``."""

    def __init__(
        self,
        wire: Wire,
        catalog: Catalog,
        statistics: Statistics,
        names: Sequence[str],
        sizes: dict[str, int],
        refused: dict[str, str],
    ) -> None:
        self.sizes = sizes
        self.refused = refused
        self._wire = wire
        self._names = names
        self._explainer = Explainer(wire, catalog, statistics)

    def plan(
        self, requests: Sequence[tuple[Query, Planned, frozenset[str]]]
    ) -> list[Planned | Unexplained]:
        """Plans each query with its own plans' samples, seeing only the named indexes."""
        by_set: dict[frozenset[str], list[int]] = defaultdict(list)
        for position, (_, _, visible) in enumerate(requests):
            by_set[visible].append(position)
        outcomes: dict[int, Planned | Unexplained] = {}
        for visible in sorted(by_set, key=sorted):
            self._show(visible)
            positions = by_set[visible]
            items = [(requests[n][0], requests[n][1]) for n in positions]
            outcomes.update(zip(positions, self._explainer.again(items), strict=True))
        return [outcomes[position] for position in range(len(requests))]

    def _show(self, visible: frozenset[str]) -> None:
        self._wire.idle()
        self._wire.execute(_SHOW.format(names=_names(self._names), visible=_names(sorted(visible))))


def _names(names: Sequence[str]) -> str:
    return "ARRAY[" + ", ".join(literal(name) for name in names) + "]"
