"""How many rows blocks write, from plans of their statements."""

from __future__ import annotations

import pytest

from pytest_planguard.migrations.changes import repeated, rounds, together
from pytest_planguard.model.migration import Change
from pytest_planguard.sql.blocks import Loop

ONE = Change("public.orders", "updates", 1.0, of=47_000_000.0)


@pytest.mark.parametrize(
    ("loops", "often"),
    [
        ([], 1.0),
        ([Loop("SELECT id FROM orders")], 47_000_000.0),
        ([Loop(rounds=3.0), Loop("SELECT id FROM orders")], 141_000_000.0),
        ([Loop()], None),
        ([Loop(), Loop(commits=True)], 1.0),
        ([Loop("SELECT id FROM orders", commits=True), Loop(rounds=5.0)], 5.0),
        ([Loop("SELECT nothing")], None),
    ],
)
def test_a_loop_counts_until_one_commits(loops, often):
    rows = {"SELECT id FROM orders": 47_000_000.0}
    assert rounds(loops, rows.get) == often


def test_no_more_rows_are_changed_than_there_are_and_unknown_rounds_are_at_least_one():
    assert repeated(ONE, 141_000_000.0).rows == 47_000_000.0
    assert repeated(ONE, None) == Change("public.orders", "updates", 1.0, ONE.of, at_least=True)
    insert = Change("public.orders", "inserts", 2.0, of=3.0)
    assert repeated(insert, 10.0).rows == 20.0


def test_changes_of_one_transaction_are_counted_together():
    other = Change("public.orders", "deletes", 5.0, of=47_000_000.0)
    more = Change("public.orders", "updates", 4.0, ONE.of, reads=9.0, at_least=True)
    assert together([ONE, other, more]) == (
        Change("public.orders", "updates", 5.0, ONE.of, reads=9.0, at_least=True),
        other,
    )
