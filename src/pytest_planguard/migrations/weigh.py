"""Effects times production: how many rows and bytes a statement reads and writes; pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from pytest_planguard.migrations.effects import Effects, Start
from pytest_planguard.migrations.shown import shown
from pytest_planguard.migrations.trace import Trace, Traced
from pytest_planguard.model.migration import (
    Built,
    Change,
    Dropped,
    DroppedKind,
    Lock,
    Step,
    Work,
)
from pytest_planguard.model.statistics import Statistics, TableStatistics
from pytest_planguard.sql.migration_text import MigrationStatement

PAGE = 8192


class Scale:
    """Production's sizes of the tables before the migration.

    Args:
        statistics: Of the fixture database at that schema.
        start: The twin at the same schema: it knows partitions.
    """

    def __init__(self, statistics: Statistics, start: Start) -> None:
        self._tables = statistics.tables
        parents = {
            one.name: start.snapshot.relations[one.parent].name
            for one in start.snapshot.relations.values()
            if one.parent in start.snapshot.relations and not one.is_index
        }
        self._parents = parents
        self._leaves: dict[str, list[str]] = defaultdict(list)
        for one in start.snapshot.relations.values():
            if one.kind == "r" and (root := self.root(one.name)) != one.name:
                self._leaves[root].append(one.name)

    def root(self, relation: str) -> str:
        """The partitioned table a partition belongs to in the end, or the relation itself."""
        while relation in self._parents:
            relation = self._parents[relation]
        return relation

    def leaves(self, relation: str) -> list[str]:
        """The partitions of a root; none: it is no partitioned table."""
        return self._leaves.get(relation, [])

    def rows(self, relation: str) -> float:
        """Of a table; of a partitioned one with all partitions."""
        return sum(self._known(one).rows for one in self.leaves(relation) or [relation])

    def bytes(self, relation: str, *, indexes: bool = False) -> float:
        """Likewise; with what is stored beside the rows (TOAST), and with indexes."""
        found = [self._known(one) for one in self.leaves(relation) or [relation]]
        pages = sum(one.pages + one.toast_pages for one in found)
        if indexes:
            pages += sum(index.pages for one in found for index in one.indexes.values())
        return float(pages * PAGE)

    def _known(self, relation: str) -> TableStatistics:
        return self._tables.get(relation) or TableStatistics(0.0, 0)


def steps(trace: Trace, scale: Scale, changes: Mapping[int, Sequence[Change]]) -> tuple[Step, ...]:
    """The statements as reports show them.

    Args:
        trace: What they did on the twin.
        scale: Production's sizes.
        changes: By position in the recording: rows written, of statements with a plan.
    """
    return tuple(
        _step(one, scale, tuple(changes.get(one.position, ()))) for one in trace.statements
    )


def _step(one: Traced, scale: Scale, changes: tuple[Change, ...]) -> Step:
    seen = one.effects
    planned = one.kind is MigrationStatement.DATA  # what it reads is its plan's to say
    plain = one.kind in (MigrationStatement.DATA, MigrationStatement.QUERY)
    unseen = one.kind in (MigrationStatement.BLOCK, MigrationStatement.QUERY)
    weighing = _Weighing(seen, scale, plain=plain)
    return Step(
        statement=shown(one.sent.text),
        place=one.sent.place,
        transaction=one.transaction,
        inside=one.inside,
        locks=together(seen.locks, scale),
        held=together(seen.held, scale),
        reads=() if planned else weighing.work(read_as_a_whole(seen, scale)),
        rewrites=weighing.work(seen.rewrites, indexes=True),
        built=weighing.built(seen.built),
        rebuilt=weighing.built(seen.rebuilt),
        dropped=_dropped(seen, scale),
        changes=changes,
        writes_unplanned=weighing.work(_unplanned(seen, changes, scale)) if unseen else (),
        lock_timeout=one.lock_timeout,
        statement_timeout=one.statement_timeout,
        refusal=one.refusal,
    )


_LOOKUP = 4.0
"""Cost of looking one key up: a page of its index, at ``random_page_cost``."""
_ROW = 0.01
"""``cpu_tuple_cost``."""


def read_as_a_whole(seen: Effects, scale: Scale) -> list[str]:
    """Tables that are read as a whole.

    The check of a foreign key joins both sides (ri_triggers.c, RI_Initial_Check): of a table with
    few rows each is looked up by the referenced key's index, where that is cheaper than reading.
    """
    looked_up = {to for of, to in seen.checks if _is_looked_up(of, to, scale)}
    whole = {of for of, _ in seen.checks}
    whole |= {to for of, to in seen.checks if not _is_looked_up(of, to, scale)}
    return [name for name in seen.reads if name not in looked_up - whole]


def _is_looked_up(table: str, referenced: str, scale: Scale) -> bool:
    reading = scale.bytes(referenced) / PAGE + _ROW * scale.rows(referenced)
    return _LOOKUP * scale.rows(table) < reading


def _unplanned(seen: Effects, changes: Sequence[Change], scale: Scale) -> list[str]:
    """Tables that were written, without those of which all is known."""
    known = {one.relation for one in changes if not one.at_least}
    return [name for name in seen.written if scale.root(name) not in known]


class _Weighing:
    """What one statement works on, with the lock it works under.

    Args:
        seen: Its effects.
        scale: Production's sizes.
        plain: It is a query, or writes rows: its own locks let others go on.
    """

    def __init__(self, seen: Effects, scale: Scale, *, plain: bool) -> None:
        self._scale = scale
        self._own = {lock.relation: lock for lock in seen.locks}
        # One that takes no new lock works under the one that is held: each mode is shown once.
        self._held = {} if plain else {lock.relation: lock for lock in seen.held}

    def work(self, names: Sequence[str], *, indexes: bool = False) -> tuple[Work, ...]:
        """Tables, largest first."""
        found = [
            Work(
                table,
                sum(self._scale.rows(one) for one in parts),
                sum(self._scale.bytes(one, indexes=indexes) for one in parts),
                self._lock(parts),
            )
            for table, parts in self._tables(names)
        ]
        return tuple(sorted(found, key=lambda one: (-one.rows, one.relation)))

    def built(self, pairs: Sequence[tuple[str, str]]) -> tuple[Built, ...]:
        """Indexes; of those on partitions of one table the first, for all of them."""
        found: list[Built] = []
        for work in self.work([table for _, table in pairs]):
            parts = {work.relation, *self._scale.leaves(work.relation)}
            names = [name for name, table in pairs if table in parts]
            if len(parts) > 1:
                names = names[:1]
            found += [
                Built(name, work.relation, work.rows, work.bytes, work.lock) for name in names
            ]
        return tuple(found)

    def _tables(self, names: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
        """Tables with the parts of them that are meant; several partitions are their table."""
        groups: dict[str, list[str]] = defaultdict(list)
        for name in names:
            groups[self._scale.root(name)].append(name)
        for root, parts in groups.items():
            own = [one for one in parts if one != root]
            yield (root, own or [root]) if len(own) != 1 else (own[0], own)

    def _lock(self, parts: Sequence[str]) -> Lock | None:
        """The strongest on one of them."""
        for locks in (self._own, self._held):
            found = [locks[one] for one in parts if one in locks]
            if found:
                return max(found, key=lambda one: one.mode.rank)
        return None


def together(locks: Sequence[Lock], scale: Scale) -> tuple[Lock, ...]:
    """Locks with those of all partitions of a table as one."""
    by_name = {lock.relation: lock for lock in locks}
    whole = _whole(by_name, scale)
    kept: dict[str, Lock] = {}
    for lock in locks:
        root = scale.root(lock.relation)
        name = root if root in whole else lock.relation
        known = kept.get(name)
        if known is None or lock.mode.rank > known.mode.rank:
            kept[name] = msgspec.structs.replace(lock, relation=name)
    return tuple(sorted(kept.values(), key=lambda one: (-one.mode.rank, one.relation)))


def _whole(names: Iterable[str], scale: Scale) -> frozenset[str]:
    """Partitioned tables that are named themselves, or with every partition."""
    known = frozenset(names)
    roots = {scale.root(name) for name in known}
    return frozenset(
        root
        for root in roots
        if scale.leaves(root)
        and (root in known or known >= frozenset(scale.leaves(root)))
        and known >= frozenset(scale.leaves(root))
    )


def _dropped(seen: Effects, scale: Scale) -> tuple[Dropped, ...]:
    """What is gone, of partitioned tables once; indexes of a dropped table go with it."""
    tables = {one.relation for one in seen.dropped if one.kind is DroppedKind.TABLE}
    found: dict[tuple[str, str, str], Dropped] = {}
    for one in seen.dropped:
        root = scale.root(one.relation)
        if one.kind in (DroppedKind.TABLE, DroppedKind.ROWS):
            gone = {other.relation for other in seen.dropped if other.kind is one.kind}
            relation = root if root in gone else one.relation
        else:
            relation = root
        if one.kind is DroppedKind.INDEX and one.relation in tables:
            continue
        key = (one.kind.value, relation, one.name)
        found.setdefault(
            key, msgspec.structs.replace(one, relation=relation, rows=scale.rows(relation))
        )
    return tuple(found.values())
