"""One captured sample for each class of selectivity: more of a class make the same plan again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from pytest_planguard.model.query import Variant
from pytest_planguard.planner.parameters import Choice, Columns, grouped, order
from pytest_planguard.planner.selectivity import half_decade, rows_selected
from pytest_planguard.sql.bindings import Binding
from pytest_planguard.sql.types import BOOLEAN

MOST_SAMPLES = 5
"""Captured samples that are planned; a server, too, plans five before it goes generic."""


class Relation(msgspec.Struct, frozen=True):
    """What an alias stands for."""

    name: str
    """Schema-qualified; a partition's is that of its root."""
    rows: float


Relations = Mapping[str, Relation]
"""By alias."""

Class = tuple[int | str | None, ...]
"""Of each parameter: rows it selects as a ``half_decade``; the value itself where the statistics
do not tell, and where it is always literal (LIMIT, booleans); None is NULL."""


class Classes:
    """Tells the classes of a variant's values.

    Args:
        variant: Which parameters are limits and which are booleans.
        bound: What its parameters are compared with.
        columns: Statistics by (alias, column).
        relations: By alias.
    """

    def __init__(
        self, variant: Variant, bound: Iterable[Binding], columns: Columns, relations: Relations
    ) -> None:
        self._variant = variant
        self._bound = grouped(bound)
        self._columns = columns
        self._relations = relations
        self._known: dict[Choice, Class] = {}

    def of(self, choice: Choice) -> Class:
        """A choice's class."""
        if choice not in self._known:  # a list may have thousands of items
            self._known[choice] = tuple(
                self._class(n, value) for n, value in enumerate(choice.values, 1)
            )
        return self._known[choice]

    def rows(self, number: int, value: str) -> float | None:
        """Rows a parameter's value selects of the first column it is compared with."""
        for one in self._bound.get(number, ()):
            statistics = self._columns.get((one.alias, one.column))
            relation = self._relations.get(one.alias)
            if statistics is not None and relation is not None:
                return rows_selected(value, one.operator, statistics, relation.rows)
        return None

    def _class(self, number: int, value: str | None) -> int | str | None:
        if value is None or self._is_literal(number):
            return value
        rows = self.rows(number, value)
        return value if rows is None else half_decade(rows)

    def _is_literal(self, number: int) -> bool:
        types = self._variant.parameter_types
        return number in self._variant.literal or types[number - 1] == BOOLEAN

    def weight(self, choice: Choice) -> float:
        """How many rows it selects, all parameters together, as far as that is known."""
        return sum(part for part in self.of(choice) if isinstance(part, int))


def one_of_each(choices: Sequence[Choice], classes: Classes) -> tuple[Choice, ...]:
    """The choice of each class that selects most; at most five, the ends of the scale first."""
    best: dict[Class, Choice] = {}
    for choice in sorted(choices, key=lambda one: (-_rows(one, classes), order(one))):
        best.setdefault(classes.of(choice), choice)
    ranked = sorted(best.values(), key=lambda one: (classes.weight(one), order(one)))
    ends = [*ranked[:1], *ranked[1:][-1:]]
    between = ranked[1:-1][: MOST_SAMPLES - len(ends)]
    return tuple(sorted((*ends, *between), key=order))


def _rows(choice: Choice, classes: Classes) -> float:
    """Of all parameters together; only orders choices of one class."""
    found = (classes.rows(n, v) for n, v in enumerate(choice.values, 1) if v is not None)
    return sum(rows for rows in found if rows is not None)
