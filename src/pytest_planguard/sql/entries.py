"""Where a btree is entered: what is compared behind the point where its order is of use no more.

EXPLAIN puts every comparison a btree can make into Index Cond, also those it can only make entry by
entry. ``taken_at >= … AND device_id = …`` on (taken_at, device_id) reads the entries of all devices
since then; ``device_id = …`` alone reads all entries, or, from PostgreSQL 18 on, one place for each
value of the first column. Neither shows in the rows of the node, and both do in its cost.
"""

from __future__ import annotations

from pytest_planguard.model.catalog import Catalog, Index
from pytest_planguard.model.judgement import Read
from pytest_planguard.sql.obstacles import conditions_of
from pytest_planguard.sql.predicates import Kind, oriented
from pytest_planguard.sql.relations import index_names


def passed_over(read: Read, catalog: Catalog) -> Index | None:
    """The index whose entries a read passes over to find its rows; None: it enters where they are.

    Multicolumn btrees are entered by the equalities on their first keys and one range behind
    them (PostgreSQL manual, 11.3 Multicolumn Indexes).
    """
    compared = _compared(read)
    for name in index_names(read.node, catalog):
        index = catalog.indexes.get(f"{read.relation.partition('.')[0]}.{name}")
        if index is not None and index.method == "btree" and _enters_late(index, compared):
            return index
    return None


def _compared(read: Read) -> dict[str, bool]:
    """Columns of the index conditions: whether for equality."""
    found: dict[str, bool] = {}
    by_index = read.conditions[: len(read.conditions) - len(read.filter)]
    for condition in conditions_of(by_index):
        own = oriented(condition, read.alias)
        column = own.subject.column if own is not None and own.subject is not None else None
        if column is not None:
            equal = condition.kind in (Kind.EQUALITY, Kind.BOOLEAN)
            found[column[1]] = found.get(column[1], False) or equal
    return found


def _enters_late(index: Index, compared: dict[str, bool]) -> bool:
    """Whether a key is compared behind the first that is not compared for equality."""
    keys = [key.strip('"') for key in index.keys]
    entered = 0
    while entered < len(keys) and compared.get(keys[entered], False):
        entered += 1
    return any(key in compared for key in keys[entered + 1 :])
