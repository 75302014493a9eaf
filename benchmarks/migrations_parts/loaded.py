"""The judge: the same statement on a loaded table, looked at with queries of this file's own.

A table was read where at least half of its rows were returned to the executor or the command, and
rewritten where its file changed and it still has rows. An index was built where its file is new.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import msgspec
import psycopg

_STATE = """
SELECT n.nspname || '.' || c.relname, pg_relation_filenode(c.oid),
       pg_stat_get{xact}_tuples_returned(c.oid)
         + coalesce((SELECT sum(pg_stat_get{xact}_tuples_returned(i.indexrelid))
                       FROM pg_index i WHERE i.indrelid = c.oid), 0),
       c.reltuples,
       ARRAY(SELECT pg_relation_filenode(i.indexrelid) FROM pg_index i WHERE i.indrelid = c.oid)
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.oid >= 16384 AND c.relkind IN ('r', 'm') AND n.nspname = 'public'
"""
_NAMES = """
SELECT coalesce(i.indrelid, c.oid)::int8, c.oid::int8, n.nspname || '.' || c.relname,
       c.relkind IN ('i', 'I')
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN pg_index i ON i.indexrelid = c.oid
 WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p', 'm', 'i', 'I')
"""
_LOCKS = """
SELECT l.relation::int8, l.mode
  FROM pg_locks l
 WHERE l.pid = %s AND l.locktype = 'relation' AND l.granted
"""


class Seen(msgspec.Struct, frozen=True):
    """What a statement did, as both sides say it."""

    locks: dict[str, str]
    """The strongest mode by table, ACCESS SHARE left out."""
    reads: frozenset[str]
    rewrites: frozenset[str]
    built: frozenset[str] = frozenset()
    """Tables with an index in a new file, though they keep their own."""
    seconds: float = 0.0


ORDER = [
    "AccessShareLock", "RowShareLock", "RowExclusiveLock", "ShareUpdateExclusiveLock", "ShareLock",
    "ShareRowExclusiveLock", "ExclusiveLock", "AccessExclusiveLock",
]  # fmt: skip


def within(url: str, text: str) -> Seen:
    """In a transaction that is rolled back."""
    with psycopg.connect(url) as connection:
        connection.execute("SET max_parallel_maintenance_workers = 0")
        connection.execute("SET max_parallel_workers_per_gather = 0")
        connection.commit()
        names = _names(connection)
        connection.commit()
        before = _state(connection, "_xact")
        began = time.monotonic()
        connection.execute(text)
        seconds = time.monotonic() - began
        after = _state(connection, "_xact")
        locks = _locks(connection, connection.info.backend_pid)
        emptied = {
            name
            for name in after
            if name in before
            and after[name][0] != before[name][0]
            and connection.execute(f"SELECT NOT EXISTS (SELECT FROM {name})").fetchone()[0]
        }
        connection.rollback()
    return _seen(before, after, names(locks), seconds, emptied)


def alone(url: str, text: str) -> Seen:
    """Outside of a transaction; locks are polled while it runs."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET max_parallel_maintenance_workers = 0")
        names = _names(connection)
        before = _reported(connection)
        locks: list[tuple[int, str]] = []
        over = threading.Event()
        poller = threading.Thread(
            target=_poll, args=(url, connection.info.backend_pid, locks, over)
        )
        poller.start()
        holder = threading.Thread(target=_hold, args=(url,))
        holder.start()
        time.sleep(_HELD / 3)
        began = time.monotonic()
        try:
            connection.execute(text)
        finally:
            seconds = time.monotonic() - began
            over.set()
            poller.join()
            holder.join()
        after = _reported(connection)
    return _seen(before, after, names(locks), seconds, set())


_HELD = 0.6
"""Seconds for which a writer's lock is held: a statement that waits for writers shows its own."""


def _hold(url: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("LOCK TABLE orders IN ROW EXCLUSIVE MODE")
        time.sleep(_HELD)


def _names(connection: Any) -> Callable[[Any], list[tuple[str, str]]]:
    """Tables there are before, by OID; whoever keeps readers off an index keeps them off it."""
    rows = connection.execute(_NAMES).fetchall()
    names = {oid: name for _, oid, name, _ in rows}
    tables = {oid: table for table, oid, _, is_index in rows if is_index}

    def known(locks: Any) -> list[tuple[str, str]]:
        found = []
        for oid, mode in locks:
            if oid in tables and mode == "AccessExclusiveLock":
                found.append((names[tables[oid]], mode))
            elif oid in names and oid not in tables:
                found.append((names[oid], mode))
        return found

    return known


def _poll(url: str, pid: int, locks: list[tuple[int, str]], over: threading.Event) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        while not over.is_set():
            locks += _locks(connection, pid)


def _locks(connection: Any, pid: int) -> list[tuple[int, str]]:
    return [(oid, mode) for oid, mode in connection.execute(_LOCKS, [pid]) if mode in ORDER]


def _reported(connection: Any) -> dict[str, tuple[Any, ...]]:
    connection.execute("SELECT pg_stat_force_next_flush()")
    connection.execute("SELECT pg_stat_clear_snapshot()")
    return _state(connection, "")


def _state(connection: Any, xact: str) -> dict[str, tuple[Any, ...]]:
    return {name: rest for name, *rest in connection.execute(_STATE.format(xact=xact))}


def _seen(
    before: dict[str, Any], after: dict[str, Any], locks: Any, seconds: float, emptied: set[str]
) -> Seen:
    strongest: dict[str, str] = {}
    for name, mode in locks:
        if mode != "AccessShareLock" and ORDER.index(mode) > ORDER.index(
            strongest.get(name, "AccessShareLock")
        ):
            strongest[name] = mode
    both = [name for name in before if name in after]
    rewrites = {name for name in both if before[name][0] != after[name][0]} - emptied
    reads = {
        name
        for name in both
        if after[name][1] - before[name][1] >= max(before[name][2], 1) * 0.5 and name not in emptied
    }
    indexed = {name for name in both if set(after[name][3]) - set(before[name][3])}
    built = indexed - rewrites - emptied
    return Seen(strongest, frozenset(reads), frozenset(rewrites), frozenset(built), seconds)
