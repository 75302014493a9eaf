"""Where texts are in another order at the statistics' source than here; pure.

Histograms of text are sorted by the source's collation and read by this one's. A column has its
database's unless it says otherwise.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from pytest_planguard.model.catalog import Catalog, Index, Table
from pytest_planguard.model.statistics import IndexStatistics, Statistics, TableStatistics

_BYTES = frozenset({"c", "posix", "ucs_basic", "pg_c_utf8"})
"""All sort by code points, which in UTF-8 is by bytes."""
_LAST_PART = re.compile(r'(?:"((?:[^"]|"")*)"|([^".]*))$')
_COLLATABLE = frozenset("SA")
"""``typcategory`` of types that may have a collation: strings, and arrays of them."""


def of_database(catalog: Catalog, statistics: Statistics) -> Iterator[str]:
    """A sentence where the databases' own collations differ."""
    there, here = statistics.collation, catalog.server.collation
    if there and here and _spelled(there) != _spelled(here):
        yield (
            f"text is ordered by {there} in the statistics and by {here} here:"
            " ranges of text may be estimated otherwise"
        )


def of_columns(
    table: Table, facts: TableStatistics, catalog: Catalog, statistics: Statistics
) -> Iterator[str]:
    """A sentence for each column with a histogram and a collation of its own, there or here."""
    if not facts.types:  # nor were collations read
        return
    histograms = {
        name
        for columns in (facts.columns, facts.inherited)
        for name, numbers in columns.items()
        if numbers.histogram_bounds
    }
    for column in table.columns:
        if column.name in histograms and (column.collation or column.category in _COLLATABLE):
            own = _own(facts.collations, column.name)
            what = f"{table.qualified}.{column.name}"
            yield from _said(what, own, column.collation or "", catalog, statistics)


def of_expressions(
    index: Index, facts: IndexStatistics, catalog: Catalog, statistics: Statistics
) -> Iterator[str]:
    """The same of an index's expressions."""
    for name, here in zip(index.attributes, index.collations, strict=False):
        numbers = facts.expressions.get(name)
        if numbers and numbers.histogram_bounds and name in facts.types:
            own = _own(facts.collations, name)
            what = f"{name} in the index {index.name}"
            yield from _said(what, own, here or "", catalog, statistics)


def _own(collations: Mapping[str, str], name: str) -> str:
    """The collation's bare name; empty: the database's."""
    found = _LAST_PART.search(collations.get(name, ""))
    return (found[1] or found[2] or "").replace('""', '"') if found else ""


def _said(
    what: str, there: str, here: str, catalog: Catalog, statistics: Statistics
) -> Iterator[str]:
    """Nothing where both have their database's: that is said once."""
    if not there and not here:
        return
    at_source, ours = there or statistics.collation, here or catalog.server.collation
    if at_source and ours and _meaning(at_source) != _meaning(ours):
        yield (
            f"{what} is ordered by {at_source} in the statistics and by {ours} here:"
            " its ranges may be estimated otherwise"
        )


def _meaning(collation: str) -> str:
    """One text for the names of one order: ``en_US`` and ``en_US.utf8``, ``C`` and ``POSIX``."""
    name = _spelled(collation).removesuffix(".utf8").removesuffix("xicu")
    return "c" if name in _BYTES else name


def _spelled(collation: str) -> str:
    """``en_US.UTF-8`` and ``en_US.utf8`` are one."""
    return collation.lower().replace("-", "")
