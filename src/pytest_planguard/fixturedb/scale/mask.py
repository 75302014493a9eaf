"""Statistics without what may be personal in them: values become stand-ins, or go.

Stand-ins have their value's type, length, frequency and place in the order, and equal values have
equal ones wherever they stand, so that the planner reckons with them as it did with the values:
equality, ranges and joins keep their estimates. What a value said is gone, how it begins and how
far it is from the next included: a literal in a statement no longer meets it, a range is exact to
one division of the histogram, and documents lose their inner structure.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

import msgspec

from pytest_planguard.fixturedb.scale.masking import arrays
from pytest_planguard.fixturedb.scale.masking.codes import Collate
from pytest_planguard.fixturedb.scale.masking.emptied import (
    Emptying,
    has_values,
    without_combinations,
)
from pytest_planguard.fixturedb.scale.masking.emptied import without_values as emptied
from pytest_planguard.fixturedb.scale.masking.families import (
    UNORDERED,
    Request,
    in_order,
    is_empty,
    standins,
)
from pytest_planguard.fixturedb.scale.masking.keep import kept_columns
from pytest_planguard.fixturedb.scale.masking.places import Family, Place, visited
from pytest_planguard.fixturedb.scale.masking.types import HARMLESS, UNKNOWN, may_refuse
from pytest_planguard.model.statistics import (
    ColumnStatistics,
    ExtendedNumbers,
    Statistics,
    ValuePolicy,
)

__all__ = ["Collate", "masked", "without_values"]

_NO_TYPE = "no stand-ins can be made for its type"


def masked(statistics: Statistics, *, keep: frozenset[str], collate: Collate) -> Statistics:
    """Replaces all values that may be personal; the same input gives the same output.

    Numbers, dates, booleans and enums stay, and so do values the table's schema names itself (in
    CHECK constraints, predicates of indexes, partition bounds) and empty ones. A value that is
    too short for a stand-in of its own gets one that is as little longer as can be. Values of a
    type that no stand-ins can be made for are left out, and ``unseen`` says so.

    A column that is kept keeps its values to itself: the same value in another column gets a
    stand-in, so both sides of a join are to be kept.

    Args:
        statistics: As they were read, with the columns' types: a column without is unknown.
        keep: ``table.column`` or ``schema.table.column``, whose values stay.
        collate: Sorts by the source's collations.

    Raises:
        ConfigurationError: Something to keep is not there; all such names are in the message.
    """
    kept = kept_columns(statistics, keep)
    collector = _Collector()
    visited(statistics, kept, collector)
    mask = _Mask(collector.standins(collate, statistics.encoding in ("UTF8", "")), collate)
    result = visited(statistics, kept, mask)
    return msgspec.structs.replace(
        result,
        values=ValuePolicy.MASKED,
        kept=tuple(sorted(keep)),
        unseen=(*statistics.unseen, *sorted(mask.lost)),
    )


def without_values(statistics: Statistics) -> Statistics:
    """Counts, widths, correlations and lengths of arrays only."""
    result = visited(statistics, frozenset(), Emptying())
    return msgspec.structs.replace(result, values=ValuePolicy.NONE, kept=())


_LOOKED_INTO = frozenset({"json", "jsonb", "hstore"})
"""Documents are asked for what is in them, and stand-ins are empty inside: beside a histogram of
them the planner would take ``@>`` for one row in ten thousand, without one for one in a hundred
(``DEFAULT_MATCHING_SEL``)."""


class _Collector:
    """Gathers the values of each family, and what of them stays."""

    def __init__(self) -> None:
        self._values: dict[Family, set[str]] = defaultdict(set)
        self._taken: dict[Family, set[str]] = defaultdict(set)

    def column(self, place: Place, facts: ColumnStatistics) -> ColumnStatistics:
        self._add(place, (*facts.most_common_values, *facts.histogram_bounds))
        self._add(place.of_elements, facts.most_common_elems)
        return facts

    def combinations(self, places: Sequence[Place], facts: ExtendedNumbers) -> ExtendedNumbers:
        for place, values in zip(places, zip(*facts.values, strict=True), strict=False):
            self._add(place, (value for value in values if value is not None))
        return facts

    def _add(self, place: Place, values: Iterable[str]) -> None:
        family = place.family
        if place.type.family in (HARMLESS, UNKNOWN):
            return
        for value in values:
            for leaf in place.leaves(value):
                stays = place.stays(leaf) or is_empty(family[0], leaf)
                (self._taken if stays else self._values)[family].add(leaf)
        self._taken[family] |= place.literals

    def standins(self, collate: Collate, is_utf8: bool) -> dict[Family, dict[str, str]]:
        """By family and value."""
        return {
            family: standins(
                family[0],
                Request(
                    frozenset(values), frozenset(self._taken[family]), family[1], collate, is_utf8
                ),
            )
            for family, values in sorted(self._values.items())
        }


class _Mask:
    """Puts stand-ins in the place of values."""

    def __init__(self, found: dict[Family, dict[str, str]], collate: Collate) -> None:
        self.lost: set[str] = set()
        """Sentences about values that had to be left out."""
        self._found = found
        self._collate = collate

    def column(self, place: Place, facts: ColumnStatistics) -> ColumnStatistics:
        if place.stays_whole or not has_values(facts):
            return facts
        try:
            result = self._column(place, facts)
        except _NoStandIn as reason:
            self.lost.add(f"values of {place.name} ({place.type_text}) were left out: {reason}")
            return emptied(facts)
        return msgspec.structs.replace(result, masked=True) if result != facts else facts

    def _column(self, place: Place, facts: ColumnStatistics) -> ColumnStatistics:
        if place.type.family == UNKNOWN:
            raise _NoStandIn(_NO_TYPE)
        bounds = self._all(place, facts.histogram_bounds)
        result = msgspec.structs.replace(
            facts,
            most_common_values=self._all(place, facts.most_common_values),
            histogram_bounds=self._ordered(place, facts.histogram_bounds, bounds),
        )
        inner = place.of_elements
        return self._with_elements(inner, result, self._all(inner, facts.most_common_elems))

    def combinations(self, places: Sequence[Place], facts: ExtendedNumbers) -> ExtendedNumbers:
        try:
            columns = [
                self._nullable(place, values)
                for place, values in zip(places, zip(*facts.values, strict=True), strict=True)
            ]
        except (_NoStandIn, ValueError) as reason:
            names = ", ".join(place.name for place in places)
            self.lost.add(f"combinations of {names} were left out: {reason}")
            return without_combinations(facts)
        values = tuple(zip(*columns, strict=True))
        is_masked = facts.masked or values != facts.values
        return msgspec.structs.replace(facts, values=values, masked=is_masked)

    def _nullable(self, place: Place, values: Sequence[str | None]) -> list[str | None]:
        return [value if value is None else self._one(place, value) for value in values]

    def _all(self, place: Place, values: Sequence[str]) -> tuple[str, ...]:
        return tuple(self._one(place, value) for value in values)

    def _one(self, place: Place, value: str) -> str:
        """The stand-in of one value, elementwise for an array."""
        if place.stays_whole:
            return value
        if place.type.family == UNKNOWN:
            raise _NoStandIn(_NO_TYPE)
        if not place.type.is_array:
            return self._leaf(place, value)
        try:
            return arrays.replaced(value, lambda element: self._leaf(place, element))
        except ValueError:
            raise _NoStandIn("a value could not be read") from None

    def _leaf(self, place: Place, value: str) -> str:
        family = place.family
        bare = place.bare(value)
        if place.stays(bare) or is_empty(family[0], bare):
            return value
        if may_refuse(place.type):
            raise _NoStandIn("a check of the domain may refuse stand-ins")
        standin = self._found.get(family, {}).get(bare)
        if standin is None:
            raise _NoStandIn("a value could not be read, or has no room for a stand-in")
        if place.type.limit is not None and len(standin) > place.type.limit:
            raise _NoStandIn(f"too many for stand-ins of {place.type.limit} characters")
        return standin.ljust(len(value)) if place.type.is_padded else standin

    def _ordered(
        self, place: Place, before: Sequence[str], after: tuple[str, ...]
    ) -> tuple[str, ...]:
        """Bounds in their order again, where values that stay are among them."""
        family, collation = place.family
        if before != after and family in _LOOKED_INTO:
            return ()
        is_mixed = bool(set(before) & set(after))
        if before == after or place.type.is_array or not (is_mixed or family in UNORDERED):
            return after
        return tuple(in_order(family, after, self._collate, collation))

    def _with_elements(
        self, place: Place, facts: ColumnStatistics, elems: tuple[str, ...]
    ) -> ColumnStatistics:
        """Elements are looked up by bisection: they must be in order, each with its frequency."""
        if elems == facts.most_common_elems:
            return facts
        family, collation = place.family
        freqs = facts.most_common_elem_freqs
        frequency = dict(zip(elems, freqs, strict=False))
        ordered = tuple(in_order(family, elems, self._collate, collation))
        return msgspec.structs.replace(
            facts,
            most_common_elems=ordered,
            most_common_elem_freqs=(*(frequency[e] for e in ordered), *freqs[len(elems) :]),
        )


class _NoStandIn(Exception):  # noqa: N818  not an error: it says why values are left out
    """A column's values cannot be replaced."""
