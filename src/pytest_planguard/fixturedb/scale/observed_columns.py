"""One row of ``pg_stats`` as a value."""

from __future__ import annotations

from typing import Any

from pytest_planguard.model.statistics import ColumnStatistics


def column_statistics(facts: list[Any]) -> ColumnStatistics:
    """From ``null_frac`` to ``elem_count_histogram``, as ``observed.sql`` lists them."""
    nulls, width, distinct, values, freqs, bounds, correlation, elems, elem_freqs, counts = facts
    return ColumnStatistics(
        null_frac=nulls,
        avg_width=width,
        n_distinct=distinct,
        most_common_values=tuple(values or ()),
        most_common_freqs=tuple(freqs or ()),
        histogram_bounds=tuple(bounds or ()),
        correlation=correlation,
        most_common_elems=tuple(elems or ()),
        most_common_elem_freqs=tuple(elem_freqs or ()),
        elem_count_histogram=tuple(counts or ()),
    )
