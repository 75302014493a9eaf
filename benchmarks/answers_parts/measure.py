"""What a statement costs: blocks it touches when it runs, and the planner's opinion beforehand."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
import psycopg
from psycopg import sql

from answers_parts.rows import values
from fix_rules import ExampleQuery
from pytest_planguard.model.spec import DEFAULT_CLOCK

TIMEOUT = "120s"
"""Of one statement. What does not end is not measured, and the case is not confirmed."""
_BLOCKS = ("Shared Hit Blocks", "Shared Read Blocks", "Temp Read Blocks", "Temp Written Blocks")


class Run(msgspec.Struct, frozen=True):
    """One execution."""

    blocks: float
    """Of tables, indexes and temporary files, found in memory or not."""
    seconds: float


class Asked:
    """A statement with its values, prepared in a session.

    Args:
        connection: In autocommit mode.
        query: As the application sends it; its clock is the one of the rows.
    """

    def __init__(self, connection: psycopg.Connection[Any], query: ExampleQuery) -> None:
        self._connection = connection
        self.text = query.text
        """As the server parses it."""
        text = query.text.replace("now()", f"timestamptz '{DEFAULT_CLOCK}'")
        connection.execute(f"SET statement_timeout = '{TIMEOUT}'")
        connection.execute("SET plan_cache_mode = force_custom_plan")
        connection.execute("SET jit = off")
        if not query.types:
            self._run = text
            return
        types = ", ".join(
            connection.execute("SELECT %s::oid::regtype::text", [oid]).fetchone()[0]  # type: ignore[index]
            if oid else "unknown"
            for oid in query.types
        )  # fmt: skip
        connection.execute("DEALLOCATE ALL")
        connection.execute(f"PREPARE asked ({types}) AS {text}".encode())
        given = sql.SQL(", ").join(map(sql.Literal, values(connection, query)))
        self._run = sql.SQL("EXECUTE asked ({})").format(given).as_string(connection)

    def cost(self) -> float:
        """The planner's total cost; nothing is executed."""
        return float(self._explain("FORMAT JSON")["Total Cost"])

    def blocks(self) -> float:
        """Blocks of tables, indexes and temporary files it touched; its writes are rolled back."""
        return self.run().blocks

    def run(self) -> Run:
        """Executes it; its writes are rolled back."""
        found = self._explained("ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON")
        blocks = float(sum(found["Plan"].get(name, 0) for name in _BLOCKS))
        return Run(blocks, found["Execution Time"] / 1000)

    def rows(self) -> float:
        """Rows that all its nodes handed up."""
        plan = self._explain("ANALYZE, TIMING OFF, FORMAT JSON")
        return float(sum(node["Actual Rows"] * node["Actual Loops"] for node in _walk(plan)))

    def _explain(self, options: str) -> dict[str, Any]:
        plan: dict[str, Any] = self._explained(options)["Plan"]
        return plan

    def _explained(self, options: str) -> dict[str, Any]:
        with self._connection.transaction(force_rollback=True):
            row = self._connection.execute(f"EXPLAIN ({options}) {self._run}".encode()).fetchone()
        assert row is not None
        document = row[0] if isinstance(row[0], list) else json.loads(row[0])
        found: dict[str, Any] = document[0]
        return found


def _walk(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for child in node.get("Plans", ()):
        yield from _walk(child)


@contextmanager
def indexed(connection: psycopg.Connection[Any], texts: tuple[str, ...]) -> Iterator[None]:
    """Indexes that are really there meanwhile; what they compute is analysed."""
    before = _indexes(connection)
    for text in texts:
        connection.execute(f"CREATE INDEX ON {text}".encode())
    connection.execute("VACUUM ANALYZE")
    try:
        yield
    finally:
        for name in sorted(_indexes(connection) - before):
            connection.execute(
                sql.SQL("DROP INDEX IF EXISTS {} CASCADE").format(sql.Identifier(name))
            )


def _indexes(connection: psycopg.Connection[Any]) -> set[str]:
    rows = connection.execute(
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace"
        " AND relkind IN ('i', 'I') AND NOT relispartition"
    )
    return {name for (name,) in rows}
