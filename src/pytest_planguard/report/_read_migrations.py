"""The migrations of a JSON report, read back: as far as a table of their statements shows them."""

from __future__ import annotations

from typing import Literal

import msgspec

from pytest_planguard.model.migration import (
    Built,
    Change,
    Dropped,
    DroppedKind,
    Lock,
    LockMode,
    Migration,
    Refusal,
    Step,
    Tool,
    Work,
)
from pytest_planguard.model.statement import Layer, Origin


class _Lock(msgspec.Struct):
    relation: str
    mode: LockMode


class _Work(msgspec.Struct):
    relation: str
    rows: float
    bytes: float
    index: str = ""


class _Write(msgspec.Struct):
    relation: str
    verb: str
    rows: float


class _Drop(msgspec.Struct):
    kind: DroppedKind
    relation: str
    name: str = ""


class _Step(msgspec.Struct):
    statement: str
    file: str
    line: int
    transaction: int
    locks: tuple[_Lock, ...]
    held: tuple[_Lock, ...]
    reads: tuple[_Work, ...]
    rewrites: tuple[_Work, ...]
    builds: tuple[_Work, ...]
    writes: tuple[_Write, ...]
    refusal: str | None
    verdict: tuple[str, ...]
    drops: tuple[_Drop, ...] = ()
    lock_timeout: str = "0"
    writes_unseen: tuple[_Work, ...] = ()


class ToldMigration(msgspec.Struct):
    """One migration as the file has it."""

    database: str
    tool: Literal["sql", "alembic", "django"]
    source: str
    steps: tuple[_Step, ...]
    failure: str | None = None
    irreversible: str | None = None


def migration(told: ToldMigration) -> Migration:
    """The migration, without what the file does not hold."""
    return Migration(
        database=told.database,
        tool=Tool(told.tool),
        source=told.source,
        steps=tuple(map(_step, told.steps)),
        failure=told.failure or "",
        irreversible=told.irreversible or "",
    )


def _step(told: _Step) -> Step:
    return Step(
        statement=told.statement,
        place=Origin(told.file, told.line, "", Layer.MIGRATION),
        transaction=told.transaction,
        locks=tuple(map(_lock, told.locks)),
        held=tuple(map(_lock, told.held)),
        reads=tuple(map(_work, told.reads)),
        rewrites=tuple(map(_work, told.rewrites)),
        built=tuple(Built(one.index, one.relation, one.rows, one.bytes) for one in told.builds),
        dropped=tuple(Dropped(one.kind, one.relation, one.name) for one in told.drops),
        changes=tuple(Change(one.relation, one.verb, one.rows) for one in told.writes),
        writes_unplanned=tuple(map(_work, told.writes_unseen)),
        lock_timeout=told.lock_timeout,
        refusal=None if told.refusal is None else Refusal(told.refusal, ""),
        verdict=told.verdict,
    )


def _lock(told: _Lock) -> Lock:
    return Lock(told.relation, told.mode)


def _work(told: _Work) -> Work:
    return Work(told.relation, told.rows, told.bytes)
