"""The statements that make an index in production without stopping writes."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from pytest_planguard.advice.naming import index_name
from pytest_planguard.model.catalog import Catalog, Table
from pytest_planguard.model.ports import HypotheticalIndex, quoted


def statements(index: HypotheticalIndex, catalog: Catalog) -> tuple[str, ...]:
    """What to run, in this order and outside of a transaction.

    A partitioned table takes no CONCURRENTLY: its index is made on the parent alone, which is
    instant, then concurrently on each partition, and attached there.
    """
    table = catalog.tables.get(index.table)
    if table is not None and table.kind == "p":
        return tuple(f"{text};" for text in _partitioned(index, table, catalog))
    return (f"{_concurrently(index)};",)


def _concurrently(index: HypotheticalIndex) -> str:
    return index.ddl.replace("CREATE INDEX ", "CREATE INDEX CONCURRENTLY ", 1)


def _partitioned(index: HypotheticalIndex, table: Table, catalog: Catalog) -> Iterator[str]:
    yield index.ddl.replace(" ON ", " ON ONLY ", 1)
    for part in _partitions(table, catalog):
        own = msgspec.structs.replace(
            index, table=part.qualified, name=_child_name(index, table, part)
        )
        if part.kind == "p":
            yield from _partitioned(own, part, catalog)
        else:
            yield _concurrently(own)
        yield (
            f"ALTER INDEX {quoted(table.schema)}.{quoted(index.name)} "
            f"ATTACH PARTITION {quoted(part.schema)}.{quoted(own.name)}"
        )


def _partitions(table: Table, catalog: Catalog) -> list[Table]:
    return [
        one
        for _, one in sorted(catalog.tables.items())
        if one.partition_bound is not None and one.parents[:1] == (table.qualified,)
    ]


def _child_name(index: HypotheticalIndex, table: Table, part: Table) -> str:
    """The parent's index name with the partition's name in place of the table's."""
    rest = index.name.removeprefix(table.name).removesuffix("_idx").strip("_")
    return index_name(part.name, [rest] if rest else [])
