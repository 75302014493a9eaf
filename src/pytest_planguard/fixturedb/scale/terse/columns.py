"""Columns in a statistics file: a line each, and lists of values beside it where there are any.

``"bigint not null; references customers(id); 8 bytes; unique"``, or with lists
``["text not null; 6 bytes; 4 distinct", {"common": ["paid", 0.7, "open", 0.2]}]``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import zip_longest
from typing import Any

import msgspec

from pytest_planguard.fixturedb.scale.terse.lines import joined, quoted, split
from pytest_planguard.fixturedb.scale.terse.types import shortened, unshortened
from pytest_planguard.model.statistics import ColumnStatistics
from pytest_planguard.model.terse import SEPARATOR, column_fields, column_text

_COLLATE = "collate "
_REFERENCES = "references "
_WITH_FREQUENCIES = {
    "common": ("most_common_values", "most_common_freqs"),
    "elements": ("most_common_elems", "most_common_elem_freqs"),
}
"""Lists in which each value is followed by its frequency."""
_TEXTS = {"histogram": "histogram_bounds", "range_bounds": "range_bounds_histogram"}
_NUMBERS = {"element_counts": "elem_count_histogram", "range_lengths": "range_length_histogram"}


class Columns(msgspec.Struct, frozen=True):
    """What the model keeps by the columns' names."""

    types: dict[str, str]
    collations: dict[str, str]
    statistics: dict[str, Any]
    """``ColumnStatistics``, or their fields by name."""
    references: dict[str, str] = {}
    """What stands behind REFERENCES in a column's foreign key."""


def written(columns: Columns) -> dict[str, Any]:
    """What stands for each column: its type first, then its statistics where there are any."""
    names = dict.fromkeys((*columns.types, *columns.collations, *columns.statistics))
    return {name: _item(columns, name) for name in names}


def _item(columns: Columns, name: str) -> Any:
    line = joined(_texts(columns, name))
    facts = columns.statistics.get(name)
    if facts is None:
        return line
    return _with_lists(f"{line}{SEPARATOR}{column_text(facts)}", facts)


def _texts(columns: Columns, name: str) -> Iterator[str]:
    yield shortened(columns.types.get(name))
    if name in columns.collations:
        yield _COLLATE + columns.collations[name]
    if name in columns.references:
        yield _REFERENCES + columns.references[name]


def numbers_written(facts: ColumnStatistics) -> Any:
    """What stands for a column whose type is told elsewhere."""
    return _with_lists(column_text(facts), facts)


def _with_lists(line: str, facts: ColumnStatistics) -> Any:
    lists: dict[str, Any] = {}
    for key, (values, freqs) in _WITH_FREQUENCIES.items():
        pairs = zip_longest(getattr(facts, values), getattr(facts, freqs))
        lists[key] = [one for pair in pairs for one in pair if one is not None]
    for key, field in (_TEXTS | _NUMBERS).items():
        lists[key] = getattr(facts, field)
    lists = {key: items for key, items in lists.items() if items}
    return [line, lists] if lists else line


def read(items: Mapping[str, Any], owner: str) -> Columns:
    """What ``written`` was given, the statistics as fields by name.

    Raises:
        ValueError: One is not understood; the sentence names and quotes it.
    """
    columns = Columns({}, {}, {}, {})
    for name, item in items.items():
        line, lists = _apart(item, f"{owner}.{name}")
        try:
            numbers = _read_texts(columns, name, split(line))
            if numbers or lists:
                columns.statistics[name] = column_fields(SEPARATOR.join(numbers)) | lists
        except ValueError as error:
            raise ValueError(f"{owner}.{name} is {quoted(line)}: {error}") from None
    return columns


def _read_texts(columns: Columns, name: str, parts: list[str]) -> list[str]:
    """Keeps what the server's own texts say; the parts that are left."""
    kind = unshortened(parts.pop(0))
    if kind is not None:
        columns.types[name] = kind
    for beginning, found in (
        (_COLLATE, columns.collations),
        (_REFERENCES, columns.references),
    ):
        if parts and parts[0].startswith(beginning):
            found[name] = parts.pop(0).removeprefix(beginning)
    return parts


def numbers_read(items: Mapping[str, Any], owner: str) -> dict[str, dict[str, Any]]:
    """Fields by name of what ``numbers_written`` has written; errors as of ``read``."""
    found = {}
    for name, item in items.items():
        line, lists = _apart(item, f"{owner}.{name}")
        try:
            found[name] = column_fields(line) | lists
        except ValueError as error:
            raise ValueError(f"{owner}.{name} is {quoted(line)}: {error}") from None
    return found


def _apart(item: Any, name: str) -> tuple[str, dict[str, Any]]:
    """The line, and the lists as fields; keys of a later version are passed over."""
    match item:
        case str(line):
            return line, {}
        case [str(line), dict(lists)]:
            return line, dict(_lists(lists, name))
    raise ValueError(f"{name} is neither a line nor a line with lists of values")


def _lists(lists: dict[str, Any], name: str) -> Iterator[tuple[str, list[Any]]]:
    for key, items in lists.items():
        where = f"the list {quoted(key)} of {name}"
        if key in _WITH_FREQUENCIES:
            yield from zip(_WITH_FREQUENCIES[key], _by_kind(items, where), strict=True)
        elif key in _TEXTS:
            yield _TEXTS[key], _only(0, items, where)
        elif key in _NUMBERS:
            yield _NUMBERS[key], _only(1, items, where)


def _by_kind(items: Any, where: str) -> tuple[list[str], list[float]]:
    """Texts and numbers, each in their order."""
    if not isinstance(items, list):
        raise ValueError(f"{where} is none")  # noqa: TRY004 - the file is wrong, not the call
    texts = [item for item in items if isinstance(item, str)]
    numbers = [item for item in items if type(item) in (int, float)]
    if len(texts) + len(numbers) < len(items):
        raise ValueError(f"{where} holds something other than texts and numbers")
    return texts, numbers


def _only(kind: int, items: Any, where: str) -> list[Any]:
    found = _by_kind(items, where)
    if found[1 - kind]:
        raise ValueError(f"{where} holds {quoted(str(found[1 - kind][0]))}")
    return found[kind]
