"""What a statement did, from what the server said before and after it; pure.

Relations are those there were before the migration, by the names they had then.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from pytest_planguard.migrations.snapshot import Relation, Snapshot
from pytest_planguard.model.migration import Dropped, DroppedKind, Lock, LockMode


class Start(msgspec.Struct, frozen=True):
    """The twin before the migration."""

    snapshot: Snapshot
    columns: Mapping[tuple[int, int], str] = {}
    """Names by table and number."""

    def name(self, oid: int) -> str:
        """A relation's; only for those that were there."""
        return self.snapshot.relations[oid].name

    def is_table(self, oid: int) -> bool:
        """Whether it was there, and is no index."""
        relation = self.snapshot.relations.get(oid)
        return relation is not None and not relation.is_index


class Effects(msgspec.Struct, frozen=True):
    """Of one statement; every relation was there before the migration."""

    locks: tuple[Lock, ...] = ()
    held: tuple[Lock, ...] = ()
    reads: tuple[str, ...] = ()
    checks: tuple[tuple[str, str], ...] = ()
    """Foreign keys that were checked against the rows there are: the table, and the referenced."""
    rewrites: tuple[str, ...] = ()
    built: tuple[tuple[str, str], ...] = ()
    """Index and table."""
    rebuilt: tuple[tuple[str, str], ...] = ()
    dropped: tuple[Dropped, ...] = ()
    written: tuple[str, ...] = ()
    """Tables whose rows it may change: locked for writing, or really written."""


def effects(start: Start, before: Snapshot, after: Snapshot) -> Effects:
    """The difference.

    Args:
        start: Before the whole migration.
        before: Before the statement, in its transaction.
        after: After it, before the transaction ends.
    """
    rewrites = frozenset(_rewritten(start, before, after))
    emptied = frozenset(_emptied(start, before, after, rewrites))
    read = frozenset(_read(start, before, after)) - emptied
    return Effects(
        locks=_sorted(_taken(start, before, after)),
        held=_sorted(one for one in _held(start, before) if one.mode.blocks),
        reads=_names(start, read),
        checks=tuple(sorted(_checks(start, before, after, read))),
        rewrites=_names(start, rewrites),
        built=tuple(sorted(_built(start, before, after))),
        rebuilt=tuple(sorted(_rebuilt(start, before, after, rewrites))),
        dropped=tuple(_dropped(start, before, after, emptied)),
        written=_names(start, _written(start, before, after)),
    )


def _names(start: Start, oids: Iterator[int] | frozenset[int]) -> tuple[str, ...]:
    return tuple(sorted({start.name(oid) for oid in oids}))


def _sorted(locks: Iterator[Lock]) -> tuple[Lock, ...]:
    """The strongest of each table, strongest first."""
    best: dict[str, Lock] = {}
    for lock in locks:
        known = best.get(lock.relation)
        if known is None or (lock.mode.rank, not lock.index) > (known.mode.rank, not known.index):
            best[lock.relation] = lock
    return tuple(sorted(best.values(), key=lambda one: (-one.mode.rank, one.relation)))


def _taken(start: Start, before: Snapshot, after: Snapshot) -> Iterator[Lock]:
    for oid, modes in after.locks.items():
        for mode in modes - before.locks.get(oid, frozenset()):
            yield from _lock(start, oid, mode)


def _held(start: Start, before: Snapshot) -> Iterator[Lock]:
    for oid, modes in before.locks.items():
        for mode in modes:
            yield from _lock(start, oid, mode)


def _lock(start: Start, oid: int, mode: LockMode) -> Iterator[Lock]:
    """A table's lock; of an index only what keeps its table's readers out.

    Whoever plans a query opens every index of its tables (plancat.c, get_relation_info).
    """
    relation = start.snapshot.relations.get(oid)
    if relation is None or mode is LockMode.ACCESS_SHARE:
        return
    if not relation.is_index:
        yield Lock(relation.name, mode)
    elif mode is LockMode.ACCESS_EXCLUSIVE and relation.table in start.snapshot.relations:
        yield Lock(start.name(relation.table), mode, relation.name)


def _pairs(start: Start, before: Snapshot, after: Snapshot) -> Iterator[tuple[Relation, Relation]]:
    """Relations of the start that are there before and after."""
    for oid in start.snapshot.relations:
        if (old := before.relations.get(oid)) and (new := after.relations.get(oid)):
            yield old, new


def _read(start: Start, before: Snapshot, after: Snapshot) -> Iterator[int]:
    """Tables that were scanned, as a whole or through an index, or that a check must read.

    On an empty table the second side of a join may not be begun: the check of a foreign key reads
    both, where it reads one (ri_triggers.c, RI_Initial_Check).
    """
    scanned = {
        new.table if new.is_index else new.oid
        for old, new in _pairs(start, before, after)
        if new.scans > old.scans
    }
    for sides in _validated(before, after):
        if scanned & {*sides}:
            scanned |= {*sides}
    yield from filter(start.is_table, scanned)


def _validated(before: Snapshot, after: Snapshot) -> Iterator[tuple[int, int]]:
    """Both sides of foreign keys that hold from now on."""
    for key in after.foreign_keys.values():
        known = before.foreign_keys.get(key.oid)
        if key.validated and not (known and known.validated):
            yield key.table, key.references


def _checks(
    start: Start, before: Snapshot, after: Snapshot, read: frozenset[int]
) -> Iterator[tuple[str, str]]:
    for table, referenced in _validated(before, after):
        if {table, referenced} <= read:
            yield start.name(table), start.name(referenced)


def _rewritten(start: Start, before: Snapshot, after: Snapshot) -> Iterator[int]:
    """Tables with a new file that was filled from the old one: not those TRUNCATE emptied."""
    for old, new in _pairs(start, before, after):
        if old.is_index or not new.file or old.file == new.file:
            continue
        moved = old.tablespace != new.tablespace
        if moved or new.kind == "m" or _scanned(new, before, after):
            yield new.oid


def _scanned(new: Relation, before: Snapshot, after: Snapshot) -> bool:
    """Whether a table was read to fill its new file.

    Each of its indexes that has a new file too was built by a scan of the new one: TRUNCATE does
    that as well (tablecmds.c, ExecuteTruncateGuts: reindex_relation).
    """
    scans = rebuilt = 0
    for one in after.relations.values():
        known = before.relations.get(one.oid)
        if known is None or new.oid not in (one.oid, one.table):
            continue
        scans += one.scans - known.scans
        rebuilt += one.kind == "i" and one.file != known.file
    return scans > rebuilt


def _built(start: Start, before: Snapshot, after: Snapshot) -> Iterator[tuple[str, str]]:
    """New indexes with contents: those of partitioned tables have none of their own."""
    known = _index_names(before)
    for new in _made(start, before, after):
        if new.name not in known:
            yield new.name, start.name(new.table)


def _made(start: Start, before: Snapshot, after: Snapshot) -> Iterator[Relation]:
    """Indexes that are new to the catalog, and have a file that was not another's.

    A column's type that is stored alike gets its indexes made again around the files they had
    (tablecmds.c, TryReuseIndex): no row is read.
    """
    files = {one.file for one in before.relations.values() if one.is_index}
    for oid, new in after.relations.items():
        is_new = new.kind == "i" and oid not in before.relations and new.file not in files
        if is_new and start.is_table(new.table):
            yield new


def _index_names(moment: Snapshot) -> frozenset[str]:
    return frozenset(one.name for one in moment.relations.values() if one.is_index)


def _rebuilt(
    start: Start, before: Snapshot, after: Snapshot, rewrites: frozenset[int]
) -> Iterator[tuple[str, str]]:
    """Indexes with a new file on a table that keeps its own and was not emptied."""
    for old, new in _pairs(start, before, after):
        if new.kind != "i" or old.file == new.file or new.table in rewrites:
            continue
        table_before, table = before.relations.get(new.table), after.relations.get(new.table)
        if table_before and table and table_before.file == table.file and start.is_table(table.oid):
            yield start.name(new.oid), start.name(table.oid)
    known = _index_names(before)
    for new in _made(start, before, after):
        if new.name in known and new.table not in rewrites:
            yield new.name, start.name(new.table)


def _dropped(
    start: Start, before: Snapshot, after: Snapshot, emptied: frozenset[int]
) -> Iterator[Dropped]:
    again = _index_names(after)
    for oid, known in sorted(start.snapshot.relations.items()):
        if oid not in before.relations or oid in after.relations:
            continue
        if known.is_index and before.relations[oid].name in again:
            continue
        if not known.is_index:
            yield Dropped(DroppedKind.TABLE, known.name)
        elif known.table in after.relations and start.is_table(known.table):
            yield Dropped(DroppedKind.INDEX, start.name(known.table), known.name)
    for oid, number in sorted(after.dropped_columns - before.dropped_columns):
        if start.is_table(oid) and (oid, number) in start.columns:
            yield Dropped(DroppedKind.COLUMN, start.name(oid), start.columns[oid, number])
    for oid in sorted(emptied):
        yield Dropped(DroppedKind.ROWS, start.name(oid))


def _emptied(
    start: Start, before: Snapshot, after: Snapshot, rewritten: frozenset[int]
) -> Iterator[int]:
    """Tables whose new file was not filled from the old one."""
    for old, new in _pairs(start, before, after):
        if new.kind == "r" and new.file and old.file != new.file and new.oid not in rewritten:
            yield new.oid


def _written(start: Start, before: Snapshot, after: Snapshot) -> Iterator[int]:
    for oid, modes in after.locks.items():
        taken = modes - before.locks.get(oid, frozenset())
        if LockMode.ROW_EXCLUSIVE in taken and start.is_table(oid):
            yield oid
    for old, new in _pairs(start, before, after):
        if new.written > old.written and not new.is_index:
            yield new.oid
