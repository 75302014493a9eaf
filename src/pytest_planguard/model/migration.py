"""A migration as it was traced: what each statement locked, read and rewrote, at production's size.

The effects are seen on an empty database at the schema before the migration; numbers of rows and
bytes are production's. What the migration itself makes does not count: nobody waits for it.
"""

from __future__ import annotations

import enum

import msgspec

from pytest_planguard.model.statement import Origin


class LockMode(enum.StrEnum):
    """Table locks, weakest first, by their names in PostgreSQL's manual (13.3.1)."""

    ACCESS_SHARE = "ACCESS SHARE"
    ROW_SHARE = "ROW SHARE"
    ROW_EXCLUSIVE = "ROW EXCLUSIVE"
    SHARE_UPDATE_EXCLUSIVE = "SHARE UPDATE EXCLUSIVE"
    SHARE = "SHARE"
    SHARE_ROW_EXCLUSIVE = "SHARE ROW EXCLUSIVE"
    EXCLUSIVE = "EXCLUSIVE"
    ACCESS_EXCLUSIVE = "ACCESS EXCLUSIVE"

    @property
    def rank(self) -> int:
        """0 is weakest."""
        return list(LockMode).index(self)

    @property
    def waits(self) -> str:
        """What an application does that has to wait for it; empty: nothing (table 13.2)."""
        if self is LockMode.ACCESS_EXCLUSIVE:
            return "reads and writes"
        return "writes" if self.rank >= LockMode.SHARE.rank else ""

    @property
    def blocks(self) -> bool:
        """Whether an application's reads or writes wait."""
        return self.rank >= LockMode.SHARE.rank


class Tool(enum.StrEnum):
    """What a migration is written for; recipes are written for it too."""

    SQL = "sql"
    ALEMBIC = "alembic"
    DJANGO = "django"


class Lock(msgspec.Struct, frozen=True):
    """A lock on a table that was there before the migration."""

    relation: str
    """Schema-qualified, as before the migration; a partition by its own name."""
    mode: LockMode
    index: str = ""
    """The lock is on this index of the table: a reader of the table takes it too."""


class Work(msgspec.Struct, frozen=True):
    """A table, or an index, that is read or written as a whole."""

    relation: str
    rows: float = 0.0
    """Production's."""
    bytes: float = 0.0
    """Production's: of what is read or written."""
    lock: Lock | None = None
    """Under which the statement does it."""


class Built(msgspec.Struct, frozen=True):
    """An index made on a table that was there before."""

    name: str
    """Schema-qualified."""
    relation: str
    rows: float = 0.0
    bytes: float = 0.0
    """Of the table that is read."""
    lock: Lock | None = None
    """Under which the statement does it."""


class DroppedKind(enum.StrEnum):
    """What is gone."""

    TABLE = "table"
    COLUMN = "column"
    INDEX = "index"
    ROWS = "rows"
    """The table is there, and empty."""


class Dropped(msgspec.Struct, frozen=True):
    """Something that was there before the migration and is not any more."""

    kind: DroppedKind
    relation: str
    """The table's name, schema-qualified."""
    name: str = ""
    """Of the column or the index."""
    rows: float = 0.0
    """Production's rows of the table."""


class Change(msgspec.Struct, frozen=True):
    """Rows that a statement with a plan writes."""

    relation: str
    verb: str
    """``updates``, ``deletes``, ``inserts``, ``merges``."""
    rows: float
    """As planned at production's size."""
    of: float = 0.0
    """Rows of the table."""
    reads: float = 0.0
    """Rows its largest scan reads."""
    at_least: bool = False
    """More may be written: not all statements of a block, or rounds of its loops, are known."""


class Refusal(msgspec.Struct, frozen=True):
    """The server's answer to a statement that failed."""

    message: str
    sqlstate: str

    @property
    def needs_no_transaction(self) -> bool:
        """Whether it was refused because a transaction was open (``active_sql_transaction``)."""
        return self.sqlstate == "25001"


class Step(msgspec.Struct, frozen=True):
    """One statement of a migration and what it did."""

    statement: str
    place: Origin
    transaction: int = 0
    """Statements of one transaction share the number."""
    inside: bool = False
    """The migration opened that transaction; else the statement is one by itself."""
    locks: tuple[Lock, ...] = ()
    """Taken by this statement, strongest first; ACCESS SHARE is left out."""
    held: tuple[Lock, ...] = ()
    """Held since earlier statements of the transaction, of modes that block."""
    reads: tuple[Work, ...] = ()
    rewrites: tuple[Work, ...] = ()
    """Tables written anew, with their indexes."""
    built: tuple[Built, ...] = ()
    rebuilt: tuple[Built, ...] = ()
    """Indexes that were there and are written anew while their table is not."""
    dropped: tuple[Dropped, ...] = ()
    changes: tuple[Change, ...] = ()
    writes_unplanned: tuple[Work, ...] = ()
    """Tables written by a block or a function, where not all of its statements are known."""
    lock_timeout: str = "0"
    """In force, as ``SHOW`` prints it; 0: it waits for ever."""
    statement_timeout: str = "0"
    refusal: Refusal | None = None
    verdict: tuple[str, ...] = ()
    """Codes of what was found of it."""

    @property
    def waits_for_ever(self) -> bool:
        """Whether nothing bounds its wait for a lock."""
        return self.lock_timeout == "0" and self.statement_timeout == "0"

    @property
    def blocking(self) -> tuple[Lock, ...]:
        """Its own locks that make an application wait."""
        return tuple(lock for lock in self.locks if lock.mode.blocks)


class Migration(msgspec.Struct, frozen=True):
    """All statements that lead from one schema to the next, in order."""

    database: str
    tool: Tool
    source: str
    """Where they come from, for reports: ``0007_add_index.sql``, ``alembic 41ab:head``."""
    steps: tuple[Step, ...] = ()
    failure: str = ""
    """Why it did not run to its end, and what had been applied by then; one sentence each line."""
    irreversible: str = ""
    """Why the way back failed; empty: it did not, or none was tried."""
    lossy: tuple[Dropped, ...] = ()
    """What the way back drops of what was there before the migration."""
    notes: tuple[str, ...] = ()
