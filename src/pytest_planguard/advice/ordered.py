"""BRIN for giants whose rows lie in the order of a column: logs, readings, ledgers.

An entry for each 128 pages: thousands of times smaller than a btree, and written next to never.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pytest_planguard.advice.keys import Key
from pytest_planguard.advice.suite import Suite
from pytest_planguard.model.catalog import Table
from pytest_planguard.model.judgement import Read
from pytest_planguard.sql.obstacles import real_cast

ORDERED = 0.9
"""Correlation from which on rows lie in order: below it each range of pages soon holds most
values (the manual's chapter on BRIN asks for "some natural correlation"; brincostestimate in
selfuncs.c divides the selectivity by it)."""
GIANT_PAGES = 131_072
"""1 GiB: from here on a btree's size is worth saving."""


def ordered_keys(ranges: Sequence[Key], read: Read, table: Table, suite: Suite) -> Iterator[str]:
    """Columns of range conditions that the rows lie in the order of, as DDL names them."""
    if table.pages < GIANT_PAGES:
        return
    for key in ranges:
        subject = key.condition.subject if key.condition is not None else None
        if subject is None or subject.column is None or len(key.columns) > 1:
            continue
        column = table.column(subject.column[1])
        facts = suite.column(read.relation, subject.column[1])
        if column is None or facts is None or real_cast(column, subject):
            continue
        if abs(facts.correlation or 0.0) >= ORDERED:
            yield key.columns[0]
