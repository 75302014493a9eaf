"""Which partition holds what: bounds as PostgreSQL prints them → spans and values."""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from pytest_planguard.fixturedb.scale.spans import Span, parse
from pytest_planguard.model.catalog import Catalog, Table

_TOKEN = re.compile(r"'((?:[^']|'')*)'|([^\s,()']+)")
_RANGE = re.compile(r"FOR VALUES FROM \((?P<low>.*)\) TO \((?P<high>.*)\)\Z", re.DOTALL)
_LIST = re.compile(r"FOR VALUES IN \((?P<values>.*)\)\Z", re.DOTALL)


class Bound(msgspec.Struct, frozen=True):
    """What a partition says about the first column of its parent's key."""

    column: str
    span: Span | None = None
    """Of a range partition; an open end reaches as far as the column's own span does."""
    values: tuple[str | None, ...] = ()
    """Of a list partition; None is NULL."""


class Tree:
    """The partition trees of a catalog."""

    def __init__(self, catalog: Catalog) -> None:
        self._tables = catalog.tables
        self._children: dict[str, list[str]] = {}
        for name, table in sorted(catalog.tables.items()):
            if table.partition_bound is not None and table.parents:
                self._children.setdefault(table.parents[0], []).append(name)

    def children(self, name: str) -> list[str]:
        """The partitions directly below, by name."""
        return self._children.get(name, [])

    def leaves(self, name: str) -> list[str]:
        """The partitions with rows of their own, at any depth."""
        found: list[str] = []
        for child in self.children(name):
            found += self.leaves(child) if self._tables[child].kind == "p" else [child]
        return found

    def ancestors(self, name: str) -> Iterator[Table]:
        """The partitioned tables above, nearest first."""
        table = self._tables[name]
        while table.partition_bound is not None and table.parents:
            parent = self._tables.get(table.parents[0])
            if parent is None:  # in a schema that is not read
                return
            yield parent
            table = parent

    def bound(self, name: str, column: str, whole: Span | None) -> Bound | None:
        """What the bounds of a partition, or of one above it, say about a column.

        Args:
            name: The partition.
            column: The column asked about.
            whole: The span it has without a bound: an open end stops there.
        """
        child = self._tables[name]
        for parent in self.ancestors(name):
            if parent.partition_columns[:1] == (column,) and child.partition_bound:
                return _bound(child, parent, column, whole)
            child = parent
        return None


def is_default(table: Table) -> bool:
    """Whether it takes the rows no other partition takes."""
    return table.partition_bound == "DEFAULT"


def _bound(child: Table, parent: Table, column: str, whole: Span | None) -> Bound | None:
    """The bound's text read; None where it says nothing about the column alone."""
    text = child.partition_bound or ""
    if (match := _LIST.match(text)) is not None:
        return Bound(column, values=tuple(_values(match["values"])))
    facts = parent.column(column)
    if (match := _RANGE.match(text)) is None or facts is None or whole is None:
        return None
    if (parent.partition_key or "").count("(") > 1:
        return None  # a key with an expression: the bound's first value may not be the column's
    low = next(_values(match["low"]), None)
    high = next(_values(match["high"]), None)
    return Bound(column, span=_span(facts.base_type, low, high, whole))


def _span(base_type: str, low: str | None, high: str | None, whole: Span) -> Span | None:
    """A range partition's span; the upper bound is not part of it."""
    first, last = parse(base_type, low or ""), parse(base_type, high or "")
    if first is None and last is None:
        return None
    if last is None and first is not None:
        return Span(base_type, first, max(whole.high, first))
    end = (last or 0) - 1
    if first is None:
        return Span(base_type, end - (whole.high - whole.low), end)
    return Span(base_type, first, max(first, end))


def _values(text: str) -> Iterator[str | None]:
    """The constants of a bound, unquoted; MINVALUE and MAXVALUE stay words, NULL is None."""
    for quoted, bare in _TOKEN.findall(text):
        if bare:
            yield None if bare == "NULL" else bare
        else:
            yield quoted.replace("''", "'")
