"""What the server says of itself between two statements, as values."""

from __future__ import annotations

import msgspec

from pytest_planguard.fixturedb.queries import named_queries
from pytest_planguard.model.migration import LockMode

_MODES = {
    "AccessShareLock": LockMode.ACCESS_SHARE,
    "RowShareLock": LockMode.ROW_SHARE,
    "RowExclusiveLock": LockMode.ROW_EXCLUSIVE,
    "ShareUpdateExclusiveLock": LockMode.SHARE_UPDATE_EXCLUSIVE,
    "ShareLock": LockMode.SHARE,
    "ShareRowExclusiveLock": LockMode.SHARE_ROW_EXCLUSIVE,
    "ExclusiveLock": LockMode.EXCLUSIVE,
    "AccessExclusiveLock": LockMode.ACCESS_EXCLUSIVE,
}
"""As ``pg_locks.mode`` has them."""


class Relation(msgspec.Struct, frozen=True, array_like=True):
    """A table, partitioned table, materialised view or index at one moment."""

    oid: int
    name: str
    """Schema-qualified, unquoted."""
    kind: str
    """``relkind``: r, p, m, i, I."""
    file: int
    """The file's number; 0: it has none."""
    tablespace: int
    table: int
    """Of an index: its table; else 0."""
    parent: int
    """Of a partition, or a partition's index: what it is attached to; else 0."""
    scans: int
    """Begun since the counters were last reported."""
    written: int
    """Rows, likewise."""

    @property
    def is_index(self) -> bool:
        """Whether it is one."""
        return self.kind in ("i", "I")


class ForeignKey(msgspec.Struct, frozen=True, array_like=True):
    """A foreign key at one moment; those of partitions are their parent's."""

    oid: int
    table: int
    references: int
    validated: bool


class Snapshot(msgspec.Struct, frozen=True):
    """One moment of the twin, as the migration's own backend sees it."""

    relations: dict[int, Relation]
    locks: dict[int, frozenset[LockMode]]
    """Granted to the backend, by relation."""
    dropped_columns: frozenset[tuple[int, int]]
    """(table, number)."""
    foreign_keys: dict[int, ForeignKey]
    lock_timeout: str
    statement_timeout: str


class _Raw(msgspec.Struct):
    relations: list[Relation] | None
    locks: list[tuple[int, str]] | None
    dropped: list[tuple[int, int]] | None
    foreign_keys: list[ForeignKey] | None
    lock_timeout: str
    statement_timeout: str


_DECODER = msgspec.json.Decoder(_Raw)

QUERIES = named_queries(__package__, "snapshot.sql")

INSIDE = QUERIES["inside"]
"""Asked by the migration's own backend."""

OUTSIDE = INSIDE.replace("pg_stat_get_xact_", "pg_stat_get_")
"""The same with counters that have been reported: of what is committed, asked by anybody."""


def read(text: str) -> Snapshot:
    """The answer to ``INSIDE`` or ``OUTSIDE``."""
    raw = _DECODER.decode(text)
    locks: dict[int, set[LockMode]] = {}
    for oid, mode in raw.locks or ():
        if mode in _MODES:  # SIReadLock waits for nobody
            locks.setdefault(oid, set()).add(_MODES[mode])
    return Snapshot(
        relations={one.oid: one for one in raw.relations or ()},
        locks={oid: frozenset(modes) for oid, modes in locks.items()},
        dropped_columns=frozenset(raw.dropped or ()),
        foreign_keys={one.oid: one for one in raw.foreign_keys or ()},
        lock_timeout=raw.lock_timeout,
        statement_timeout=raw.statement_timeout,
    )


def mode_named(name: str) -> LockMode | None:
    """A mode by its name in ``pg_locks``; None: it is none of a table's."""
    return _MODES.get(name)
