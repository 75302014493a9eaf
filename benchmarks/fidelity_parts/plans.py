"""Plans of a workload's queries, as a plain EXPLAIN gives them."""

from __future__ import annotations

from collections.abc import Mapping

import psycopg

from fidelity_parts.compare import Node


def plans(conninfo: str, queries: Mapping[str, str]) -> dict[str, Node]:
    """The plan of each query, by name; nothing is executed."""
    planned = {}
    with psycopg.connect(conninfo, autocommit=True, prepare_threshold=None) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        for name, text in queries.items():
            try:
                row = connection.execute(f"EXPLAIN (FORMAT JSON, VERBOSE) {text}").fetchone()
            except psycopg.Error as error:
                raise SystemExit(f"{name} can't be planned: {error}") from error
            assert row is not None
            planned[name] = row[0][0]["Plan"]
    return planned
