"""Tables in a statistics file: sizes by name, a line for each column and index."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from pytest_planguard.fixturedb.scale.terse import columns, constraints, indexes
from pytest_planguard.fixturedb.scale.terse.plain import plain
from pytest_planguard.model.statistics import ExtendedNumbers, ExtendedStatistics, TableStatistics

_SIDES = ("own", "inherited")


def written(name: str, table: TableStatistics) -> dict[str, Any]:
    """What stands for a table in a file, as dictionaries, lists, texts and numbers.

    Args:
        name: Schema-qualified.
        table: Nothing of it is lost.
    """
    owner = indexes.Owner(name, table.rows, table.kind == "p")
    told = constraints.told(owner, table)
    parts = {
        "columns": columns.written(
            columns.Columns(table.types, table.collations, table.columns, told.references)
        ),
        "inherited": _numbers(table.inherited),
        "indexes": {
            key: indexes.written(key, one, owner, told.of_indexes.get(key, ""))
            for key, one in table.indexes.items()
        },
        "extended": {key: _extended(one) for key, one in table.extended.items()},
        "constraints": told.others,
    }
    return _bare(table) | {key: part for key, part in parts.items() if part}


def _bare(table: TableStatistics) -> dict[str, Any]:
    rest: dict[str, Any] = plain(
        msgspec.structs.replace(
            table,
            types={},
            collations={},
            columns={},
            inherited={},
            indexes={},
            extended={},
            constraints={},
        )
    )
    return rest


def _numbers(statistics: dict[str, Any]) -> dict[str, Any]:
    return {key: columns.numbers_written(facts) for key, facts in statistics.items()}


def _extended(one: ExtendedStatistics) -> dict[str, Any]:
    found: dict[str, Any] = plain(msgspec.structs.replace(one, own=None, inherited=None))
    for side in _SIDES:
        numbers: ExtendedNumbers | None = getattr(one, side)
        if numbers is not None:
            found[side] = plain(msgspec.structs.replace(numbers, expressions={}))
            if numbers.expressions:
                found[side]["expressions"] = _numbers(numbers.expressions)
    return found


def read(name: str, table: Any) -> Any:
    """The fields of ``TableStatistics`` by name, from what ``written`` has written.

    What is no dictionary stays, for whoever checks the types.

    Raises:
        ValueError: A line is not understood; the sentence names and quotes it.
    """
    if not isinstance(table, dict):
        return table
    found = dict(table)
    told: dict[str, str] = {}
    if isinstance(table.get("columns"), dict):
        own = columns.read(table["columns"], name)
        found |= {"columns": own.statistics, "types": own.types, "collations": own.collations}
        told |= constraints.foreign_keys(name, own.references)
    if isinstance(table.get("indexes"), dict):
        found["indexes"] = _indexes_read(table["indexes"], _owner(name, table), told)
    if told and isinstance(table.get("constraints", {}), dict):
        found["constraints"] = dict(sorted((table.get("constraints", {}) | told).items()))
    _change(found, "inherited", lambda items: columns.numbers_read(items, name))
    _change(
        found,
        "extended",
        lambda items: {key: _extended_read(key, item) for key, item in items.items()},
    )
    return found


def _owner(name: str, table: dict[str, Any]) -> indexes.Owner:
    """The table as its indexes see it; what is no number is another's business."""
    rows = table.get("rows")
    rows = float(rows) if isinstance(rows, (int, float)) else 0.0
    return indexes.Owner(name, rows, table.get("kind") == "p")


def _indexes_read(
    items: dict[str, Any], owner: indexes.Owner, told: dict[str, str]
) -> dict[str, dict[str, Any]]:
    """Fields of all indexes; the constraints they tell are added to ``told``."""
    found = {}
    for key, item in items.items():
        found[key], constraint = indexes.read(key, item, owner)
        if constraint:
            told[key] = constraint
    return found


def _extended_read(name: str, item: Any) -> Any:
    if not isinstance(item, dict):
        return item
    found = dict(item)
    for side in _SIDES:
        _change(found, side, lambda numbers: _numbers_read(name, numbers))
    return found


def _numbers_read(name: str, numbers: dict[str, Any]) -> dict[str, Any]:
    found = dict(numbers)
    _change(found, "expressions", lambda items: columns.numbers_read(items, name))
    return found


def _change(found: dict[str, Any], key: str, change: Callable[[dict[str, Any]], Any]) -> None:
    if isinstance(found.get(key), dict):
        found[key] = change(found[key])
