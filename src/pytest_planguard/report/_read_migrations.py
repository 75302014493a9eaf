"""The migrations of a JSON report, read back as far as a report shows them."""

from __future__ import annotations

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


class _Build(msgspec.Struct):
    index: str
    relation: str
    rows: float
    bytes: float


class _Write(msgspec.Struct):
    relation: str
    verb: str
    rows: float


class _Drop(msgspec.Struct):
    kind: DroppedKind
    relation: str
    name: str


class _Step(msgspec.Struct):
    statement: str
    file: str
    line: int
    transaction: int
    locks: tuple[_Lock, ...]
    held: tuple[_Lock, ...]
    reads: tuple[_Work, ...]
    rewrites: tuple[_Work, ...]
    builds: tuple[_Build, ...]
    writes: tuple[_Write, ...]
    drops: tuple[_Drop, ...]
    lock_timeout: str
    refusal: str | None
    verdict: tuple[str, ...]
    writes_unplanned: tuple[_Work, ...] = ()


class MigrationDocument(msgspec.Struct):
    """One of the file's."""

    database: str
    tool: Tool
    source: str
    failure: str | None
    irreversible: str | None
    steps: tuple[_Step, ...]


def migration(one: MigrationDocument) -> Migration:
    """The migration, without what its file leaves out: under which lock a step works, notes."""
    return Migration(
        database=one.database,
        tool=one.tool,
        source=one.source,
        steps=tuple(map(_step, one.steps)),
        failure=one.failure or "",
        irreversible=one.irreversible or "",
    )


def _step(one: _Step) -> Step:
    return Step(
        statement=one.statement,
        place=Origin(one.file, one.line, "", Layer.MIGRATION),
        transaction=one.transaction,
        locks=_locks(one.locks),
        held=_locks(one.held),
        reads=_works(one.reads),
        rewrites=_works(one.rewrites),
        built=tuple(Built(made.index, made.relation, made.rows, made.bytes) for made in one.builds),
        dropped=tuple(Dropped(gone.kind, gone.relation, gone.name) for gone in one.drops),
        changes=tuple(Change(write.relation, write.verb, write.rows) for write in one.writes),
        writes_unplanned=_works(one.writes_unplanned),
        lock_timeout=one.lock_timeout,
        refusal=Refusal(one.refusal, "") if one.refusal is not None else None,
        verdict=one.verdict,
    )


def _locks(found: tuple[_Lock, ...]) -> tuple[Lock, ...]:
    return tuple(Lock(one.relation, one.mode) for one in found)


def _works(found: tuple[_Work, ...]) -> tuple[Work, ...]:
    return tuple(Work(one.relation, one.rows, one.bytes) for one in found)
