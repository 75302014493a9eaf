"""Plans that depend on values the statistics no longer hold: said, not hidden."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain

from pytest_planguard.model.catalog import Catalog
from pytest_planguard.model.plan import PlanNode, SampleKind
from pytest_planguard.model.statistics import (
    ColumnStatistics,
    ExtendedNumbers,
    Statistics,
    TableStatistics,
    ValuePolicy,
)
from pytest_planguard.sql.bindings import Binding
from pytest_planguard.sql.constants import Constant, constants
from pytest_planguard.sql.expression_bindings import expression_bindings
from pytest_planguard.sql.printed import unwrapped


class Masked:
    """Which columns' values are stand-ins or gone, and what that means for a plan.

    Args:
        statistics: What the database has been given.
        catalog: Tells which table a partition belongs to.
    """

    def __init__(self, statistics: Statistics, catalog: Catalog) -> None:
        self._catalog = catalog
        self._columns: set[tuple[str, str]] = set()
        self._expressions: set[str] = set()
        """Tables with statistics of expressions that are masked."""
        self._by_text: dict[tuple[str, str], ColumnStatistics] = {}
        """Those of indexes, by table and expression."""
        for name, table in statistics.tables.items():
            root = catalog.root_of(name)
            self._columns |= {(root, column) for column in _masked_columns(table)}
            if _has_masked_expressions(table):
                self._expressions.add(root)
                self._by_text |= dict(_masked_expressions(name, table, catalog))
        no_values = statistics.values is ValuePolicy.NONE
        self._what = "statistics without values" if no_values else "masked statistics"

    def expressions_bound(self, root: PlanNode) -> tuple[Binding, ...]:
        """Parameters a plan compares with expressions whose values are stand-ins."""
        if not self._by_text:
            return ()
        return tuple(one for one in expression_bindings(root) if self.expression(one) is not None)

    def expression(self, binding: Binding) -> ColumnStatistics | None:
        """Statistics of the expression it is compared with; None: a column, or none are masked."""
        return self._by_text.get((binding.relation, binding.column))

    def constants(self, root: PlanNode) -> tuple[Constant, ...]:
        """The masked columns a plan made without values compares with something given."""
        if not self._columns and not self._expressions:
            return ()
        return tuple(found for found in constants(root) if self._is_masked(found))

    def reasons(self, found: Iterable[Constant], sample: SampleKind) -> tuple[str, ...]:
        """Why a plan is approximate, for ``Plan.approximate``.

        Args:
            found: By ``constants``.
            sample: A plan without values looks none of its parameters up.
        """
        literals: dict[str, None] = {}
        values: dict[str, None] = {}
        for item in found:
            name = f"{self._catalog.root_of(item.relation)}.{item.column}"
            if not item.is_parameter:
                literals[name] = None
            elif sample is not SampleKind.GENERIC:
                values[name] = None
        return (*self._sentence("literal", [*literals]), *self._sentence("value", [*values]))

    def _sentence(self, word: str, names: list[str]) -> tuple[str, ...]:
        if not names:
            return ()
        one = len(names) == 1
        subject = f"the {word} on" if one else f"the {word}s on"
        return (f"{subject} {', '.join(names)} {'meets' if one else 'meet'} {self._what}",)

    def _is_masked(self, found: Constant) -> bool:
        root = self._catalog.root_of(found.relation)
        if found.is_bare:
            return (root, found.column) in self._columns
        return root in self._expressions


def _masked_columns(table: TableStatistics) -> Iterator[str]:
    for columns in (table.columns, table.inherited):
        yield from (name for name, facts in columns.items() if facts.masked)


def _masked_expressions(
    name: str, table: TableStatistics, catalog: Catalog
) -> Iterator[tuple[tuple[str, str], ColumnStatistics]]:
    for index in catalog.indexes_of(name):
        facts = table.indexes.get(index.name)
        known = facts.expressions if facts is not None else {}
        for key, attribute in zip(index.keys, index.attributes, strict=False):
            if attribute in known and known[attribute].masked:
                yield (name, unwrapped(key)), known[attribute]


def has_stand_ins(statistics: Statistics) -> bool:
    """Whether any values are stand-ins: of columns, of expressions, of combinations."""
    return any(
        any(_masked_columns(table))
        or _has_masked_expressions(table)
        or any(numbers.masked for numbers in _extended_numbers(table))
        for table in statistics.tables.values()
    )


def _extended_numbers(table: TableStatistics) -> Iterator[ExtendedNumbers]:
    for item in table.extended.values():
        yield from (numbers for numbers in (item.own, item.inherited) if numbers is not None)


def _has_masked_expressions(table: TableStatistics) -> bool:
    indexes = (index.expressions for index in table.indexes.values())
    extended = (numbers.expressions for numbers in _extended_numbers(table))
    return any(facts.masked for found in chain(indexes, extended) for facts in found.values())
