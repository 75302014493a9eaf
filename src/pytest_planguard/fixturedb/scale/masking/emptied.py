"""Statistics without values: what is left are counts, widths and correlations."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from pytest_planguard.fixturedb.scale.masking.places import Place
from pytest_planguard.model.statistics import ColumnStatistics, ExtendedNumbers


class Emptying:
    """A visitor that leaves out all values."""

    def column(self, _: Place, facts: ColumnStatistics, /) -> ColumnStatistics:
        """Of a column or an expression."""
        return without_values(facts)

    def combinations(self, _: Sequence[Place], facts: ExtendedNumbers, /) -> ExtendedNumbers:
        """Of several."""
        return without_combinations(facts)


def has_values(facts: ColumnStatistics) -> bool:
    """Whether anything in it is of a row."""
    return bool(
        facts.most_common_values
        or facts.histogram_bounds
        or facts.most_common_elems
        or facts.range_bounds_histogram
        or facts.range_length_histogram
    )


def without_values(facts: ColumnStatistics) -> ColumnStatistics:
    """Lengths of arrays stay; those of ranges are made of values and go."""
    if not has_values(facts):
        return facts
    return ColumnStatistics(
        null_frac=facts.null_frac,
        avg_width=facts.avg_width,
        n_distinct=facts.n_distinct,
        correlation=facts.correlation,
        elem_count_histogram=facts.elem_count_histogram,
        masked=True,
    )


def without_combinations(facts: ExtendedNumbers) -> ExtendedNumbers:
    """Counts and dependencies of several columns stay."""
    if not facts.values:
        return facts
    return msgspec.structs.replace(facts, values=(), freqs=(), base_freqs=(), masked=True)
