"""A database's schema as statements that make it again: what travels when a schema is cloned."""

from __future__ import annotations

import hashlib

import msgspec


class SchemaObject(msgspec.Struct, frozen=True):
    """One object and the statement that makes it."""

    kind: str
    """extension, schema, type, function, sequence, table, default, constraint, index, …"""
    name: str
    """Schema-qualified and quoted, as a message would show it."""
    ddl: str
    """One statement (or a few, for kinds that need it), without a trailing semicolon."""


class Schema(msgspec.Struct, frozen=True):
    """Everything needed to make a database's tables and indexes again, in order."""

    objects: tuple[SchemaObject, ...]
    server_version: int = 0
    """``server_version_num`` of the server it was read from; 0 where it was not read."""
    collation: str = ""
    """The database's default collation, e.g. ``en_US.utf8``; empty: unknown."""
    encoding: str = ""
    search_path: str = ""
    """The database's configured search_path; empty: the server's default."""
    lacking: tuple[str, ...] = ()
    """What could not be read or has no stand-in, one sentence each."""

    @property
    def digest(self) -> str:
        """Sixteen hexadecimal digits that change when an object does."""
        text = "\0".join(f"{item.kind}\0{item.name}\0{item.ddl}" for item in self.objects)
        return hashlib.sha256(text.encode()).hexdigest()[:16]
