"""Which values must not leave the process that runs the tests."""

from __future__ import annotations

import re
from collections.abc import Iterable
from fnmatch import fnmatchcase

import msgspec

EVERYTHING = "*"
"""Every value, whatever it is compared with."""


class Redaction(msgspec.Struct, frozen=True):
    """Values that are replaced by stand-ins before anything is written or sent."""

    columns: tuple[str, ...] = ()
    """Shell patterns of ``table.column`` or ``schema.table.column``; a custom setting counts as a
    column of that name (``app.user_id``). ``*`` alone means every value."""
    values: tuple[str, ...] = ()
    """Regular expressions; a value one of them is found in is replaced, wherever it stands."""

    @property
    def wanted(self) -> bool:
        """Whether anything is to be replaced."""
        return bool(self.columns or self.values)

    @property
    def everything(self) -> bool:
        """Whether every value is."""
        return EVERYTHING in self.columns

    def covers(self, table: str, column: str) -> bool:
        """Whether a column's values are.

        Args:
            table: As a statement names it, with its schema or without.
            column: Its name.

        >>> Redaction(("users.email", "*.token")).covers("public.users", "email")
        True
        >>> Redaction(("audit.users.email",)).covers("users", "email")
        True
        >>> Redaction(("audit.users.email",)).covers("public.users", "email")
        False
        """
        return any(_covers(pattern, f"{table}.{column}") for pattern in self.columns)

    def covers_some(self, table: str) -> bool:
        """Whether the values of some column of a table are.

        >>> Redaction(("users.email",)).covers_some("users"), Redaction(("a.b",)).covers_some("c")
        (True, False)
        """
        return any(_covers(pattern.rpartition(".")[0], table) for pattern in self.columns)

    def without_columns(self, known: Iterable[tuple[str, str]]) -> tuple[str, ...]:
        """Patterns that name no column of these tables: a slip of the pen hides nothing.

        Args:
            known: Tables, schema-qualified, with a column each; names of settings, cut in two.
        """
        names = [f"{table}.{column}" for table, column in known]
        return tuple(
            pattern
            for pattern in self.columns
            if pattern != EVERYTHING and not any(_covers(pattern, name) for name in names)
        )

    def expressions(self) -> list[re.Pattern[str]]:
        """``values``, compiled."""
        return [re.compile(one) for one in self.values]


def _covers(pattern: str, name: str) -> bool:
    """Whether they agree as far as both go: either may leave the schema out."""
    if pattern == EVERYTHING:
        return True
    wanted, parts = pattern.split("."), name.split(".")
    shorter = min(len(wanted), len(parts))
    return fnmatchcase(".".join(parts[-shorter:]), ".".join(wanted[-shorter:]))


NO_REDACTION = Redaction()
"""Nothing is replaced."""
