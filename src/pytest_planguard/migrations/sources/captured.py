"""What a test run captured of DDL: the part of it that the baseline's schema does not have yet.

A suite makes its schema from nothing, and may take it down again. Its statements are sent again to
an empty database: where that stands at the baseline's schema, what is new begins, and where it
stands at today's, what is new ends.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from pytest_planguard.fixturedb.queries import named_queries
from pytest_planguard.migrations.recorded import Recording, Sent
from pytest_planguard.model.capture import Ddl
from pytest_planguard.model.migration import Tool
from pytest_planguard.sql.captured_ddl import schema_statements, takes_away

if TYPE_CHECKING:
    import psycopg

    from pytest_planguard.fixturedb.twin import Twin

TIME_LIMIT = 60.0
"""Seconds for all captured statements: on an empty database one takes milliseconds."""

Facts = tuple[Mapping[str, tuple[str, ...]], Mapping[str, str]]
"""Tables with their facts, and indexes with their definitions, as the baseline keeps them."""

NOT_MET = (
    "the statements the tests sent never stand at the baseline's schema, so that what of them is "
    "new is not known (tables made by create_all, or a baseline of another branch)"
)
NOT_REACHED = (
    "the statements the tests sent go from the baseline's schema to another one than today's, so "
    "that where the new ones end is not known (one of them failed, or was sent before)"
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
    """The statements of the database that was sent most, single and in their order.

    Workers of a run make a database each, by the same statements. What is about the server (suites
    make and drop databases from another one), rights, temporary tables and what empties tables is
    left out, so that none of it runs on the server that judges.
    """
    groups: dict[str, list[Sent]] = defaultdict(list)
    for one in ddl:
        if is_ours(one.database):
            single = schema_statements(one.text)
            groups[one.database] += [Sent(text, one.place.origin) for text in single]
    return max(groups.values(), key=len, default=[])


def ways(sent: Sequence[Sent]) -> Iterator[Sequence[Sent]]:
    """The statements as they were sent, then without those that only take away.

    A text is captured once: where a suite goes up, down and up again (each migration there and
    back, say), the second way up is not among them, and what it built on is gone.
    """
    yield sent
    rest = [one for one in sent if not takes_away(one.text)]
    if len(rest) < len(sent):
        yield rest


def split(
    sent: Sequence[Sent],
    connection: psycopg.Connection[Any],
    wanted: Facts,
    today: Facts,
    facts: Callable[[psycopg.Connection[Any]], Facts],
    *,
    time_limit: float = TIME_LIMIT,
) -> Split:
    """The statements up to the baseline's schema, and those from there to today's.

    What comes after is the suite's: it takes down what it made. Where the baseline's schema is met
    several times on the way, the last one counts.

    Args:
        sent: From nothing, as of ``ddl_of``.
        connection: To an empty database, in autocommit mode.
        wanted: The baseline's.
        today: Of this run.
        facts: Reads the connected database's.
        time_limit: Seconds for all of it.
    """
    if wanted == today:
        return Split(why_not=NOTHING_NEW)
    query = named_queries(__package__, "captured.sql")["counts"].encode()
    counts = {(len(tables), len(indexes)) for tables, indexes in (wanted, today)}
    deadline = time.monotonic() + time_limit
    taken: list[Sent] = []
    before = 0
    for one in sent:
        left = deadline - time.monotonic()
        if left <= 0:
            return Split(why_not=f"they did not end within {time_limit:g} seconds on empty tables")
        if not _runs(connection, one.text, left):
            continue  # it failed in the tests, or is of something that is not captured
        taken.append(one)
        if connection.execute(query).fetchone() not in counts:
            continue
        now = facts(connection)
        if now == wanted:
            before = len(taken)
        elif before and now == today:
            return Split(tuple(one.text for one in taken[:before]), tuple(taken[before:]))
    return Split(why_not=NOT_REACHED if before else NOT_MET)


def _runs(connection: psycopg.Connection[Any], text: str, seconds: float) -> bool:
    """Whether the server takes a statement, in the time there is left."""
    import psycopg

    bound = f"SET statement_timeout = {max(1, round(seconds * 1000))}"
    try:
        connection.execute(bound.encode())  # each time: the one before may have set its own
        connection.execute(text.encode())
    except psycopg.Error:
        if connection.closed:
            raise
        return False
    return True
