"""What a test run captured of DDL: the part of it that the baseline's schema does not have yet.

A suite makes its schema from nothing. Its statements are sent again to an empty database, and where
that stands at the baseline's schema, what is new begins.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from pytest_planguard.fixturedb.queries import named_queries
from pytest_planguard.migrations.recorded import Recording, Sent
from pytest_planguard.model.capture import Ddl
from pytest_planguard.model.migration import Tool
from pytest_planguard.sql.migration_text import MigrationStatement, migration_statement

if TYPE_CHECKING:
    import psycopg

    from pytest_planguard.fixturedb.twin import Twin

_LEFT_OUT = (MigrationStatement.SERVER, MigrationStatement.RIGHTS)

Facts = tuple[Mapping[str, tuple[str, ...]], Mapping[str, str]]
"""Tables with their facts, and indexes with their definitions, as the baseline keeps them."""

NOT_MET = (
    "the statements the tests sent never stand at the baseline's schema, so that what of them is "
    "new is not known (tables made by create_all, or a baseline of another branch)"
)
NOTHING_NEW = "the tests made no schema that the baseline does not have"


class Split(msgspec.Struct, frozen=True):
    """Captured DDL on both sides of the baseline's schema."""

    before: tuple[str, ...] = ()
    """Statements that lead to it, from nothing."""
    after: tuple[Sent, ...] = ()
    why_not: str = ""
    """Why nothing is known to be new."""


class CapturedDdl:
    """The new part as a source.

    Args:
        split: As found.
        tool: What the project migrates with.
    """

    runs = False

    def __init__(self, split: Split, tool: Tool = Tool.SQL) -> None:
        self.tool = tool
        self._split = split

    def record(self, twin: Twin | None) -> Recording:  # noqa: ARG002 - nothing has to run
        """Its statements; bounds of transactions are not captured, each is by itself."""
        source = "the test run" + (f": {self._split.why_not}" if self._split.why_not else "")
        return Recording(self._split.after, source)


def ddl_of(ddl: Iterable[Ddl], is_ours: Callable[[str], bool]) -> list[Sent]:
    """The statements of the database that was sent most, in their order.

    Workers of a run make a database each, by the same statements.
    """
    groups: dict[str, list[Sent]] = defaultdict(list)
    for one in ddl:
        if is_ours(one.database):
            groups[one.database].append(Sent(one.text, one.place.origin))
    return max(groups.values(), key=len, default=[])


def split(
    sent: Sequence[Sent],
    connection: psycopg.Connection[Any],
    wanted: Facts,
    facts: Callable[[psycopg.Connection[Any]], Facts],
) -> Split:
    """Where a database that the statements make stands at the baseline's schema for the last time.

    Args:
        sent: From nothing.
        connection: To an empty database, in autocommit mode.
        wanted: The baseline's.
        facts: Reads the connected database's.
    """
    import psycopg

    query = named_queries(__package__, "captured.sql")["counts"].encode()
    counts = (len(wanted[0]), len(wanted[1]))
    taken: list[Sent] = []
    before = 0
    for one in sent:
        if migration_statement(one.text) in _LEFT_OUT:
            continue  # a suite may drop the database it made: not one of this server
        try:
            connection.execute(one.text.encode())
        except psycopg.Error:
            continue  # it failed in the tests, or is of something that is not captured
        taken.append(one)
        row = connection.execute(query).fetchone()
        if row == counts and facts(connection) == wanted:
            before = len(taken)
    if not before:
        return Split(why_not=NOT_MET)
    after = tuple(taken[before:])
    texts = tuple(one.text for one in taken[:before])
    return Split(texts, after, "" if after else NOTHING_NEW)
