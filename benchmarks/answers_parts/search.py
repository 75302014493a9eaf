"""Every index of one to three of a query's columns, tried one after the other.

HypoPG makes them up: the planner takes them for real, and nothing is built.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from typing import Any

import msgspec
import psycopg

from answers_parts.measure import Asked
from pytest_planguard.model.catalog import Catalog, Table

WIDEST = 3


class Best(msgspec.Struct, frozen=True):
    """The index that helps most."""

    before: float
    after: float
    index: str
    tried: int


def best_index(
    connection: psycopg.Connection[Any], asked: Asked, text: str, catalog: Catalog
) -> Best:
    """The cheapest plan any of them gives, over all tables the text names."""
    before = asked.cost()
    best = Best(before, before, "", 0)
    for table in tables_in(text, catalog):
        for keys in key_lists(text, table):
            cost = _cost_with(connection, asked, table, keys, catalog)
            best = msgspec.structs.replace(best, tried=best.tried + 1)
            if cost < best.after:
                best = Best(before, cost, f"{table.name} ({', '.join(keys)})", best.tried)
    return best


def tables_in(text: str, catalog: Catalog) -> list[Table]:
    """Tables of a schema that a text names, partitions not among them."""
    words = set(re.findall(r"\w+", text))
    return [
        table
        for _, table in sorted(catalog.tables.items())
        if table.name in words and table.partition_bound is None
    ]


def key_lists(text: str, table: Table) -> Iterator[tuple[str, ...]]:
    """Lists of one to three of the table's columns that a text names, in every order.

    Where the text sorts one down and others up, such an index is tried, too.
    """
    words = set(re.findall(r"\w+", text))
    columns = [column.name for column in table.columns if column.name in words]
    down = set(re.findall(r"(\w+) DESC", text))
    for width in range(1, WIDEST + 1):
        for keys in itertools.permutations(columns, width):
            yield keys
            if down & set(keys) and not set(keys) <= down:
                yield tuple(f"{key} DESC" if key in down else key for key in keys)


def _cost_with(
    connection: psycopg.Connection[Any],
    asked: Asked,
    table: Table,
    keys: tuple[str, ...],
    catalog: Catalog,
) -> float:
    """The cost with an index on the table, or on each of its partitions."""
    leaves = [one.name for one in catalog.tables.values() if table.qualified in one.parents]
    try:
        for name in leaves or [table.name]:
            connection.execute(
                "SELECT hypopg_create_index(%s)", [f"CREATE INDEX ON {name} ({', '.join(keys)})"]
            )
        return asked.cost()
    except psycopg.errors.UndefinedObject:  # a type that nothing sorts
        return float("inf")
    finally:
        connection.execute("SELECT hypopg_reset()")
