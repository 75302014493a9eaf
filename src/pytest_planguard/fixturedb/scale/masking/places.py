"""Where values stand in statistics: columns, expressions, combinations; visited one by one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec

from pytest_planguard.fixturedb.scale.masking import arrays
from pytest_planguard.fixturedb.scale.masking.keep import Column, columns_of
from pytest_planguard.fixturedb.scale.masking.literals import by_table
from pytest_planguard.fixturedb.scale.masking.mentions import columns_read, index_keys
from pytest_planguard.fixturedb.scale.masking.types import (
    COLLATED,
    HARMLESS,
    ValueType,
    constants_of,
    value_type,
)
from pytest_planguard.model.statistics import (
    ColumnStatistics,
    ExtendedNumbers,
    ExtendedStatistics,
    IndexStatistics,
    Statistics,
    TableStatistics,
    TypeFacts,
)

Family = tuple[str, str]
"""Name and collation of what is compared with each other."""


class Place(msgspec.Struct, frozen=True):
    """Where values stand, and what decides about them."""

    name: str
    """For people: ``public.users.email``."""
    type_text: str
    type: ValueType
    collation: str
    literals: frozenset[str]
    """Values the schema names."""
    kept: bool
    """It is to be kept."""

    @property
    def stays_whole(self) -> bool:
        """Whether nothing in it is replaced."""
        return self.kept or self.type.family == HARMLESS

    def stays(self, value: str) -> bool:
        """Whether this value, or element of a value, is not replaced."""
        return self.stays_whole or value in self.literals

    @property
    def family(self) -> Family:
        """What its values are compared with."""
        name = self.type.family
        return name, self.collation if name in COLLATED else ""

    @property
    def of_elements(self) -> Place:
        """The place of most common elements: those of an array, or a tsvector's lexemes."""
        inner = msgspec.structs.replace(self.type, is_array=False)
        return msgspec.structs.replace(self, type=inner)

    def bare(self, value: str) -> str:
        """Without the blanks that fill up ``character(n)``: they do not count in comparisons."""
        return value.rstrip(" ") if self.type.is_padded else value

    def leaves(self, value: str) -> list[str]:
        """What stand-ins are needed for: the value, or an array's elements; none: unreadable."""
        if not self.type.is_array:
            return [self.bare(value)]
        try:
            return [self.bare(element) for element in arrays.elements(value)]
        except ValueError:
            return []


class Visitor(Protocol):
    """What is done at each place; both return what is to stand there."""

    def column(self, place: Place, facts: ColumnStatistics, /) -> ColumnStatistics:
        """A column's or an expression's statistics."""

    def combinations(self, places: Sequence[Place], facts: ExtendedNumbers, /) -> ExtendedNumbers:
        """The most common combinations of several; expressions come to ``column``."""


def visited(statistics: Statistics, kept: frozenset[Column], visitor: Visitor) -> Statistics:
    """The statistics as a visitor leaves them, every value shown to it."""
    literals = by_table(statistics.tables)
    tables = {
        name: _Table(name, table, kept, literals[name], statistics.types, visitor).visited()
        for name, table in statistics.tables.items()
    }
    return msgspec.structs.replace(statistics, tables=tables)


class _Table:
    """One table's places."""

    def __init__(
        self,
        name: str,
        table: TableStatistics,
        kept: frozenset[Column],
        literals: frozenset[str],
        facts: Mapping[str, TypeFacts],
        visitor: Visitor,
    ) -> None:
        self._name = name
        self._table = table
        self._kept = kept
        self._literals = literals
        self._facts = facts
        self._visitor = visitor

    def visited(self) -> TableStatistics:
        table = self._table
        return msgspec.structs.replace(
            table,
            columns=self._columns(table.columns),
            inherited=self._columns(table.inherited),
            indexes={name: self._index(name, index) for name, index in table.indexes.items()},
            extended={name: self._extended(name, item) for name, item in table.extended.items()},
        )

    def _columns(self, columns: Mapping[str, ColumnStatistics]) -> dict[str, ColumnStatistics]:
        return {
            name: self._visitor.column(self._column(name), facts) for name, facts in columns.items()
        }

    def _index(self, name: str, index: IndexStatistics) -> IndexStatistics:
        kept = self._says_what_is_kept(index_keys(index.definition))
        expressions = {
            key: self._visitor.column(
                self._place(
                    f"the index {name}, {key}",
                    index.types.get(key, ""),
                    index.collations.get(key, ""),
                    kept=kept,
                ),
                facts,
            )
            for key, facts in index.expressions.items()
        }
        return msgspec.structs.replace(index, expressions=expressions)

    def _extended(self, name: str, item: ExtendedStatistics) -> ExtendedStatistics:
        places = [
            self._column(text)
            if text in columns_of(self._table)
            else self._place(
                f"{name}, {text}",
                item.types.get(text, ""),
                item.collations.get(text, ""),
                kept=self._says_what_is_kept(text),
            )
            for text in item.columns
        ]
        return msgspec.structs.replace(
            item,
            own=self._numbers(places, item, item.own),
            inherited=self._numbers(places, item, item.inherited),
        )

    def _numbers(
        self, places: Sequence[Place], item: ExtendedStatistics, numbers: ExtendedNumbers | None
    ) -> ExtendedNumbers | None:
        if numbers is None:
            return None
        by_text = dict(zip(item.columns, places, strict=True))
        unknown = self._place(self._name, "", "", kept=False)
        expressions = {
            text: self._visitor.column(by_text.get(text, unknown), facts)
            for text, facts in numbers.expressions.items()
        }
        numbers = msgspec.structs.replace(numbers, expressions=expressions)
        return self._visitor.combinations(places, numbers) if numbers.values else numbers

    def _column(self, name: str) -> Place:
        return self._place(
            f"{self._name}.{name}",
            self._table.types.get(name, ""),
            self._table.collations.get(name, ""),
            kept=(self._name, name) in self._kept,
        )

    def _place(self, name: str, type_text: str, collation: str, *, kept: bool) -> Place:
        kind = value_type(type_text, self._facts)
        return Place(
            name=name,
            type_text=type_text or "of unknown type",
            type=kind,
            collation=collation,
            literals=self._literals | constants_of(kind),
            kept=kept,
        )

    def _says_what_is_kept(self, expression: str) -> bool:
        """Whether all columns an expression reads are kept: then its values say nothing more."""
        read = columns_read(expression, columns_of(self._table))
        return bool(read) and all((self._name, name) in self._kept for name in read)
