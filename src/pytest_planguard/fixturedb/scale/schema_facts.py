"""What a schema itself says about its columns: unique, foreign keys, closed lists, clocks."""

from __future__ import annotations

import re

from pytest_planguard.fixturedb.scale.partitions import Tree
from pytest_planguard.model.catalog import Catalog, Column, Constraint, Table
from pytest_planguard.model.ports import quoted

MOST_LISTED = 100
"""Values listed as most common, at most: ``default_statistics_target``."""
_CLOCKS = re.compile(
    r"now\(\)|current_timestamp|current_date|localtimestamp|"
    r"(?:clock|transaction|statement)_timestamp\(\)",
    re.IGNORECASE,
)
_INSERTED = re.compile(
    r"(?:created|inserted|added|logged|recorded|date_joined)(?:_?(?:at|on|date|time))?\Z"
)
"""Names of columns an application sets when it inserts: ORMs do it without a DEFAULT."""
_SEARCHED = frozenset({"btree", "hash"})
"""Access methods that find one value: a column in no other has any number of them."""
_IN_LIST = re.compile(r"= ANY \(+ARRAY\[(?P<values>.*)\]", re.DOTALL)
_CONSTANT = re.compile(r"'((?:[^']|'')*)'(?:::[^,\]]+)?|(-?\d[\d.]*)")


def unique_columns(catalog: Catalog, tree: Tree) -> dict[str, tuple[set[str], set[str]]]:
    """Columns without duplicates, and columns meant to be without, by table.

    A partitioned table's key must hold the partition key too: what remains without it is what
    was meant to be unique, save for lists (of tenants, regions), where it may well repeat.
    """
    found: dict[str, tuple[set[str], set[str]]] = {name: (set(), set()) for name in catalog.tables}
    for index in catalog.indexes.values():
        table = catalog.tables.get(index.table)
        if table is None or not index.unique or index.predicate is not None:
            continue
        columns = {quoted(column.name): column.name for column in table.columns}
        owners = [table, *tree.ancestors(table.qualified)]
        owners = [owner for owner in owners if not (owner.partition_key or "").startswith("LIST")]
        partition_key = {quoted(name) for owner in owners for name in owner.partition_columns}
        rest = [key for key in index.keys if key not in partition_key]
        for keys, names in ((index.keys, found[index.table][0]), (rest, found[index.table][1])):
            if len(keys) == 1 and keys[0] in columns:
                names.add(columns[keys[0]])
    return found


def looked_up_columns(catalog: Catalog) -> dict[str, set[str]]:
    """Columns that have an index of their own, by table.

    Somebody looks rows up by them and expects few. Of an index of several columns nothing follows:
    a state may come first in one, and the others tell its rows apart.
    """
    found: dict[str, set[str]] = {name: set() for name in catalog.tables}
    for index in catalog.indexes.values():
        table = catalog.tables.get(index.table)
        if table is None or index.method not in _SEARCHED or len(index.keys) != 1:
            continue
        found[index.table] |= {
            column.name for column in table.columns if quoted(column.name) == index.keys[0]
        }
    return found


def foreign_key(table: Table, column: str) -> tuple[str, str] | None:
    """The table and column a column points to; the first of several keys by name."""
    for constraint in table.constraints:
        if constraint.kind == "f" and constraint.references and column in constraint.columns:
            place = constraint.columns.index(column)
            return constraint.references, constraint.referenced_columns[place]
    return None


def closed_list(table: Table, column: Column) -> dict[str, float]:
    """Values of a boolean, an enum or a CHECK (… IN …) with equal shares."""
    values: list[str] = []
    if column.base_type == "bool":
        values = ["t", "f"]
    elif column.labels:
        values = list(column.labels)
    else:
        checks = (check for check in table.constraints if check.kind == "c")
        values = next((found for check in checks if (found := _in_list(check, column))), [])
    return dict.fromkeys(values, 1 / len(values)) if len(values) <= MOST_LISTED and values else {}


def _in_list(check: Constraint, column: Column) -> list[str]:
    """The constants of ``CHECK (column IN (…))`` and nothing else."""
    text = check.definition
    match = _IN_LIST.search(text)
    if match is None or check.columns != (column.name,):
        return []
    if re.search(r" (?:AND|OR) |\bNOT\b", text[: match.start()] + text[match.end() :]):
        return []
    found = _CONSTANT.findall(match["values"])
    return list(dict.fromkeys(word.replace("''", "'") if word or not number else number
                              for word, number in found))  # fmt: skip


def set_on_insert(column: Column) -> bool:
    """Whether the values grow with the rows: the default, or the name, says "now"."""
    return bool(_CLOCKS.search(column.default or "") or _INSERTED.match(column.name))
