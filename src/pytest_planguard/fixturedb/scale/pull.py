"""Statistics of a production database: its catalogs, read in one read-only transaction.

No table is read, no scan counter moves, and no extension or right beyond an ordinary reader's is
needed; what the role was not allowed to see is told in sentences.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import msgspec

from pytest_planguard.errors import StatisticsError
from pytest_planguard.fixturedb.queries import named_queries
from pytest_planguard.fixturedb.scale import heights, production_calls, pulled
from pytest_planguard.fixturedb.scale.observed_extended import WITH_CHILDREN
from pytest_planguard.fixturedb.scale.unseen import besides, sentences
from pytest_planguard.model.statistics import ProductionCall, Statistics, ValuePolicy

if TYPE_CHECKING:
    import psycopg

Collate = Callable[[Sequence[str], str], list[str]]
"""Sorts distinct texts by the named collation (empty: the database's own) on the source."""

OLDEST = 130000
LOCK_TIMEOUT = 2
"""Seconds to wait at most for whoever has a relation exclusively."""

_RANGES_SINCE = 170000
_EXPRESSIONS_SINCE = 140000
_INHERITED_SINCE = 150000

_INHERITED = (
    f"(SELECT {WITH_CHILDREN} FROM pg_catalog.pg_class t "  # noqa: S608 - a constant
    "JOIN pg_catalog.pg_namespace n ON n.oid = t.relnamespace "
    "WHERE n.nspname = e.schemaname AND t.relname = e.tablename)"
)
"""Before 15 the views of extended statistics do not tell it."""
_RANGES = (
    "s.range_length_histogram::text::text[], s.range_empty_frac, "
    "s.range_bounds_histogram::text::text[]"
)


class Wanted(msgspec.Struct, frozen=True):
    """What is to be pulled."""

    values: ValuePolicy = ValuePolicy.MASKED
    keep: frozenset[str] = frozenset()
    """``table.column`` whose values are kept although others are masked."""
    calls: bool = False
    """Production's ``pg_stat_statements`` too."""
    timeout: float = 60.0
    """Seconds a single statement may take."""


def pull(connection: psycopg.Connection[Any], wanted: Wanted) -> Statistics:
    """Reads all there is in one READ ONLY, REPEATABLE READ transaction.

    Args:
        connection: In autocommit mode, to the database; its isolation is set and reset.
        wanted: What is to be read, and how long a statement may take.

    Raises:
        StatisticsError: The server is too old, did not answer in time, or was lost.
        ConfigurationError: A column to keep does not exist (see ``mask.masked``).
    """
    import psycopg

    version = connection.info.server_version
    if version < OLDEST:
        raise StatisticsError(
            f"the server is PostgreSQL {version // 10000}, statistics are read from 13 and newer",
            hint="upgrade the server, or declare the tables' sizes in the configuration",
        )
    try:
        with _only_reading(connection, wanted.timeout):
            return _pull(connection, wanted)
    except psycopg.errors.QueryCanceled as error:
        raise StatisticsError(
            f"the server did not answer within {wanted.timeout:g} s: {_first_line(error)}",
            hint="try again when it is less busy, or with a longer --timeout SECONDS",
        ) from None
    except psycopg.errors.LockNotAvailable:
        raise StatisticsError(
            f"somebody has had a table exclusively for more than {LOCK_TIMEOUT} s",
            hint="try again when no ALTER TABLE, VACUUM FULL or the like is running",
        ) from None
    except psycopg.Error as error:
        raise StatisticsError(
            f"statistics cannot be read: {_first_line(error)}",
            hint="check that the role may connect to the database and read its catalogs",
        ) from None


@contextmanager
def _only_reading(connection: psycopg.Connection[Any], timeout: float) -> Iterator[None]:
    """A transaction that cannot write, sees one instant, and waits for nobody for long."""
    import psycopg

    connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
    connection.read_only = True
    limits = {"statement_timeout": timeout, "lock_timeout": min(timeout, LOCK_TIMEOUT)}
    try:
        with connection.transaction(force_rollback=True):
            for name, seconds in limits.items():
                milliseconds = str(max(1, round(seconds * 1000)))
                connection.execute("SELECT set_config(%s, %s, true)", [name, milliseconds])
            yield
    finally:
        if not connection.closed:
            connection.isolation_level = None
            connection.read_only = None


def _pull(connection: psycopg.Connection[Any], wanted: Wanted) -> Statistics:
    """Within the transaction: facts, then calls, then heights, whose settings are odd."""
    queries = named_queries(__package__, "pull.sql")
    facts = _facts(connection, queries)
    calls: tuple[ProductionCall, ...] = ()
    notes: list[str] = []
    if wanted.calls:
        calls, notes = production_calls.read(connection, verbatim=wanted.values is ValuePolicy.ALL)
    trees = heights.read(connection, may_read_files=facts.may_read_files)
    statistics = pulled.statistics(facts, trees)
    statistics = msgspec.structs.replace(
        statistics,
        calls=calls,
        besides=(*besides(facts), *notes),
        unseen=tuple(sentences(facts, trees)),
    )

    def collate(texts: Sequence[str], collation: str) -> list[str]:
        return _collated(connection, queries["collated"], texts, collation)

    return _with_policy(statistics, wanted, collate)


def _facts(connection: psycopg.Connection[Any], queries: dict[str, str]) -> pulled.Facts:
    """The rows of all queries, each in the form this version of the server has."""
    import psycopg

    version = connection.info.server_version
    connection.execute(queries["neutral"])
    inherited = "e.inherited" if version >= _INHERITED_SINCE else _INHERITED
    fragments = {
        "{ranges}": _RANGES if version >= _RANGES_SINCE else "NULL, NULL, NULL",
        "{expressions}": "pg_get_statisticsobjdef_expressions(s.oid)"
        if version >= _EXPRESSIONS_SINCE
        else "NULL::text[]",
        "{inherited}": inherited,
        "{locked}": queries["locked"],
    }
    may_read = _one(connection, queries["rights"])
    left_out = {"neutral", "rights", "collated", "locked", "sizes"}
    if version >= _RANGES_SINCE or not may_read[1]:
        left_out.add("ranges")
    if version < _EXPRESSIONS_SINCE:
        left_out.add("extended_expressions")
    rows: dict[str, list[tuple[Any, ...]]] = {name: [] for name in queries}
    for name, text in queries.items():
        for mark, fragment in fragments.items():
            text = text.replace(mark, fragment)  # noqa: PLW2901 - the same text, completed
        queries[name] = text
        if name not in left_out:
            rows[name] = connection.execute(text).fetchall()
    try:
        with connection.transaction():
            rows["sizes"] = connection.execute(queries["sizes"]).fetchall()
    except psycopg.errors.LockNotAvailable:
        pass  # as of a moment ago nobody had one exclusively; relpages stand in for all then
    return pulled.Facts(rows, _expression_types(connection, rows["extended"]), *may_read)


def _expression_types(
    connection: psycopg.Connection[Any], extended: list[tuple[Any, ...]]
) -> dict[str, dict[str, str]]:
    """Types of the expressions of extended statistics, by name and text.

    No catalog holds them. The server tells them when it parses a statement, which is neither
    planned nor executed; the savepoint gives up the lock that parsing takes.
    """
    import psycopg

    found: dict[str, dict[str, str]] = {}
    for _, name, _, _, _, texts, table in extended:
        if not texts:
            continue
        parsed = f"SELECT {', '.join(f'({text})' for text in texts)} FROM ONLY {table}"  # noqa: S608 - the server's own texts
        with suppress(psycopg.Error), connection.transaction(force_rollback=True):
            described = connection.pgconn.prepare(b"", parsed.encode())
            if described.status == psycopg.pq.ExecStatus.COMMAND_OK:
                described = connection.pgconn.describe_prepared(b"")
            if described.status != psycopg.pq.ExecStatus.COMMAND_OK:
                continue
            kinds = [(described.ftype(n), described.fmod(n)) for n in range(len(texts))]
            printed = [
                _one(connection, f"SELECT format_type({oid:d}, {modifier:d})")[0]
                for oid, modifier in kinds
            ]
            found[name] = dict(zip(texts, printed, strict=True))
    return found


def _one(connection: psycopg.Connection[Any], query: str) -> tuple[Any, ...]:
    row = connection.execute(query).fetchone()
    assert row is not None
    return tuple(row)


def _with_policy(statistics: Statistics, wanted: Wanted, collate: Collate) -> Statistics:
    """The statistics with as much of production's values as is wanted."""
    if wanted.values is ValuePolicy.ALL:
        return msgspec.structs.replace(statistics, values=ValuePolicy.ALL)
    mask = importlib.import_module(f"{__package__}.mask")
    result: Statistics = (
        mask.without_values(statistics)
        if wanted.values is ValuePolicy.NONE
        else mask.masked(statistics, keep=wanted.keep, collate=collate)
    )
    return result


def _collated(
    connection: psycopg.Connection[Any], query: str, texts: Sequence[str], collation: str
) -> list[str]:
    """Distinct texts in the order the source's indexes and histograms have them.

    Args:
        connection: To the source.
        query: Named ``collated``.
        texts: In any order.
        collation: As the source itself printed it (``regcollation``), quotes and all.
    """
    clause = f"COLLATE {collation}".replace("%", "%%") if collation else ""
    distinct = list(dict.fromkeys(texts))
    answer = connection.execute(query.replace("{collation}", clause), {"texts": distinct})
    return [row[0] for row in answer.fetchall()]


def _first_line(error: psycopg.Error) -> str:
    return error.diag.message_primary or str(error).strip().partition("\n")[0]
