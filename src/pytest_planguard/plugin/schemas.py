"""Schemas of the databases the tests use, read while they live; many suites drop them.

A test may count the objects the garbage collector knows, before and after what it does: what is
read in the middle of one is kept as bytes, and leaves the test's context as it was.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from contextvars import copy_context
from importlib.resources import files
from typing import TypeVar

import msgspec

from pytest_planguard.capture.connection import ConnectionParameters
from pytest_planguard.capture.recorder import Recorder, SchemaState
from pytest_planguard.model.capture import Database, name_in
from pytest_planguard.model.schema import Schema
from pytest_planguard.plugin.readers import reading

TakeSchema = Callable[[ConnectionParameters], Schema]
TakeTypes = Callable[[ConnectionParameters, Iterable[int]], dict[int, str]]
_T = TypeVar("_T")

ATTEMPTS = 5
"""Times a database is looked at that has no tables and no news, or that cannot be read: a look
costs some 50 ms, and one that waits for a lock or a connection seconds."""

LAST_LOOKS = 8
"""Databases looked at once more at the end, for changes that were not heard."""


class _Kept:
    """What is known of one database."""

    def __init__(self, database: Database) -> None:
        self.database = database
        """All but its schema."""
        self.schema = b""
        """Encoded; empty: none with tables was read."""
        self.digest = ""
        """The schema's."""
        self.attempts = 0
        self.failures = 0
        """Looks in a row that ended in an error."""
        self.made_by = b""
        """Which statements made its schema, as far as heard; databases made alike are read once."""
        self.tried: set[int] = set()
        self.sent = False

    def whole(self) -> Database:
        """All of it."""
        if not self.schema:
            return self.database
        schema = msgspec.msgpack.decode(self.schema, type=Schema)
        return msgspec.structs.replace(self.database, schema=schema)

    def keep(self, **changes: object) -> None:
        """Takes over what was learnt of all but the schema."""
        changed = msgspec.structs.replace(self.database, **changes)
        if self.schema:
            changed = msgspec.structs.replace(changed, why_no_schema="")
        if changed != self.database:
            self.database, self.sent = changed, False

    def keep_schema(self, schema: bytes, digest: str, made_by: bytes) -> None:
        """Takes over a schema that was read."""
        self.failures, self.made_by = 0, made_by
        if digest != self.digest:
            self.schema, self.digest, self.sent = schema, digest, False
        self.keep(why_no_schema="")


class SchemaKeeper:
    """Keeps the last schema with tables of each database, and its types' names.

    Args:
        recorder: Knows the databases and what changed.
        take_schema: Reads a schema; None: nobody wants it.
        take_types: Reads type names.
    """

    def __init__(
        self, recorder: Recorder, take_schema: TakeSchema | None, take_types: TakeTypes
    ) -> None:
        self._recorder = recorder
        self._take_schema = take_schema
        self._take_types = take_types
        self._kept: dict[str, _Kept] = {}

    def look(self, *, last: bool = False) -> None:
        """Reads what is new; to be called while the tests' databases live.

        Args:
            last: There is no other chance: look again, whatever was heard.
        """
        for name in sorted(self._recorder.asked):
            self._read_types(name, again=last)
            if self._is_due(name) or (last and len(self._recorder.asked) <= LAST_LOOKS):
                self._read_schema(name)

    def before_drop(self, name: str) -> None:
        """Reads a database that is about to lose tables, if it has any that were not read."""
        if name not in self._recorder.databases or self._entry(name).failures >= ATTEMPTS:
            return
        state = self._recorder.schemas.get(name)
        kept = self._kept.get(name)
        if kept is None or not kept.schema or (state is not None and state.grown):
            self._read_types(name, again=False)
            self._read_schema(name)

    def databases(self) -> dict[str, Database]:
        """All that is known."""
        return {name: kept.whole() for name, kept in self._asked().items()}

    def news(self) -> dict[str, Database]:
        """What was not given by an earlier call."""
        fresh = {name: kept for name, kept in self._asked().items() if not kept.sent}
        for kept in fresh.values():
            kept.sent = True
        return {name: kept.whole() for name, kept in fresh.items()}

    def _asked(self) -> dict[str, _Kept]:
        """The databases a query was sent to, with what was heard of them last."""
        asked = {name: self._entry(name) for name in sorted(self._recorder.asked)}
        for name, aliases in self._recorder.aliases.items():
            if name in asked:
                asked[name].keep(aliases=tuple(sorted(aliases)))
        return asked

    def _entry(self, name: str) -> _Kept:
        if name not in self._kept:
            url = self._recorder.databases[name].url
            self._kept[name] = _Kept(Database(name=name, url=url))
        return self._kept[name]

    def _is_due(self, name: str) -> bool:
        kept = self._entry(name)
        if kept.failures >= ATTEMPTS:
            return False
        state = self._recorder.schemas.get(name)
        if state is not None and (state.grown or state.shrunk):
            return True
        return not kept.schema and kept.attempts < ATTEMPTS

    def _read_schema(self, name: str) -> None:
        if self._take_schema is None:
            return
        kept = self._entry(name)
        state = self._recorder.schemas.setdefault(name, SchemaState())
        # Another thread may change it meanwhile: that is read the next time.
        due, made_by = (state.grown, state.shrunk), _digest(state.texts)
        state.grown = state.shrunk = False
        kept.attempts += 1
        alike = self._made_alike(kept, made_by)
        if alike is not None:
            kept.keep_schema(alike.schema, alike.digest, made_by)
            return
        try:
            schema = self._ask(self._take_schema, self._recorder.databases[name])
        except Exception as error:  # noqa: BLE001 -- a user's test goes on, the report says why
            kept.failures += 1
            state.grown, state.shrunk = state.grown or due[0], state.shrunk or due[1]
            kept.keep(why_no_schema=f"{name_in(name)} could not be read: {_first_line(error)}")
            return
        if schema.objects:
            kept.keep_schema(msgspec.msgpack.encode(schema), schema.digest, made_by)
        else:
            kept.failures = 0
            kept.keep(why_no_schema=_why_empty(name_in(name), state))

    def _made_alike(self, kept: _Kept, made_by: bytes) -> _Kept | None:
        """Another database that the very same statements made."""
        if not made_by or kept.schema:
            return None
        for other in list(self._kept.values()):
            if other.made_by == made_by:
                return other
        return None

    def _ask(self, take: Callable[..., _T], *asked: object) -> _T:
        """Reads in a copy of the context: a variable that was set and reset leaves it changed."""

        def paused() -> _T:
            with self._recorder.paused():
                return take(*asked)

        return copy_context().run(paused)

    def _read_types(self, name: str, *, again: bool) -> None:
        kept = self._entry(name)
        wanted = self._recorder.oids.get(name, set()) - kept.database.types.keys()
        if not again:
            wanted -= kept.tried
        if not wanted:
            return
        kept.tried |= wanted
        try:
            found = self._ask(self._take_types, self._recorder.databases[name], sorted(wanted))
        except Exception as error:  # noqa: BLE001 -- a user's test goes on, the report says why
            self._recorder.note(
                f"types of parameters on {name_in(name)} could not be read: {_first_line(error)}"
            )
            return
        if found:
            kept.keep(types=kept.database.types | found)


def take_schema(parameters: ConnectionParameters) -> Schema:
    """Reads the schema of a database that lives.

    Raises:
        Exception: Of the driver, or of the reader.
    """
    from pytest_planguard.fixturedb.schema.clone import read_schema

    with reading(parameters) as run:
        return read_schema(run)


def take_types(parameters: ConnectionParameters, oids: Iterable[int]) -> dict[int, str]:
    """Names of types by OID, schema-qualified and quoted; unknown ones are left out.

    Raises:
        Exception: Of the driver: the database cannot be asked.
    """
    query = files("pytest_planguard.plugin").joinpath("types.sql").read_text(encoding="utf-8")
    with reading(parameters) as run:
        rows = run(query.replace("{oids}", ", ".join(map(str, oids))))
    return {int(oid): str(name) for oid, name in rows}


def _digest(texts: set[bytes]) -> bytes:
    return hashlib.sha256(b"\0".join(sorted(texts))).digest() if texts else b""


def _why_empty(name: str, state: SchemaState) -> str:
    if state.texts:
        return (
            f"tables of {name} are made inside a transaction that is never committed, "
            "so no other connection sees them"
        )
    return f"{name} had no tables whenever it was looked at"


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
