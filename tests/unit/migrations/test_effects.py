"""What differs between two moments of the twin is a statement's effect."""

from __future__ import annotations

import msgspec
import pytest

from pytest_planguard.migrations.effects import Start, effects
from pytest_planguard.migrations.snapshot import ForeignKey, Relation, Snapshot
from pytest_planguard.model.migration import Dropped, DroppedKind, Lock, LockMode

ORDERS = Relation(1, "public.orders", "r", 101, 0, 0, 0, 0, 0)
INDEX = Relation(2, "public.orders_pkey", "i", 102, 0, 1, 0, 0, 0)
CUSTOMERS = Relation(3, "public.customers", "r", 103, 0, 0, 0, 0, 0)
VIEW = Relation(4, "public.totals", "m", 104, 0, 0, 0, 0, 0)


def moment(*relations: Relation, **more) -> Snapshot:
    known = {one.oid: one for one in (ORDERS, INDEX, CUSTOMERS, VIEW)}
    known |= {one.oid: one for one in relations}
    for gone in more.pop("without", ()):
        del known[gone.oid]
    facts = {
        "locks": {}, "dropped_columns": frozenset(), "foreign_keys": {},
        "lock_timeout": "0", "statement_timeout": "0",
    }  # fmt: skip
    return Snapshot(relations=known, **{**facts, **more})


def changed(relation: Relation, **facts) -> Relation:
    return msgspec.structs.replace(relation, **facts)


START = Start(moment(), {(1, 5): "note"})


def after(*relations: Relation, **more):
    return effects(START, moment(), moment(*relations, **more))


def locked(**modes: LockMode) -> dict[int, frozenset[LockMode]]:
    oids = {"orders": 1, "index": 2, "customers": 3}
    return {oids[name]: frozenset({mode}) for name, mode in modes.items()}


def test_a_scan_that_was_begun_reads_the_table():
    assert after(changed(ORDERS, scans=1)).reads == ("public.orders",)


def test_a_scan_through_an_index_reads_its_table():
    assert after(changed(INDEX, scans=1)).reads == ("public.orders",)


def test_nothing_differs_where_nothing_was_done():
    nothing = after()
    assert nothing == type(nothing)()


def test_a_new_file_that_was_filled_by_a_scan_is_a_rewrite():
    seen = after(changed(ORDERS, file=201, scans=2), changed(INDEX, file=202))
    assert (seen.rewrites, seen.rebuilt, seen.dropped) == (("public.orders",), (), ())


def test_a_new_file_that_was_filled_through_an_index_is_a_rewrite():
    seen = after(changed(ORDERS, file=201, scans=1), changed(INDEX, file=202, scans=1))
    assert seen.rewrites == ("public.orders",)


def test_a_new_file_that_only_its_indexes_scanned_is_an_empty_table():
    seen = after(changed(ORDERS, file=201, scans=1), changed(INDEX, file=202))
    assert (seen.rewrites, seen.dropped) == ((), (Dropped(DroppedKind.ROWS, "public.orders"),))


def test_a_file_that_moved_to_another_tablespace_is_a_rewrite():
    assert after(changed(ORDERS, file=201, tablespace=9)).rewrites == ("public.orders",)


def test_a_materialised_view_that_is_filled_anew_is_a_rewrite():
    assert after(changed(VIEW, file=204)).rewrites == ("public.totals",)


def test_an_index_with_a_new_file_on_a_table_that_keeps_its_own_is_rebuilt():
    seen = after(changed(INDEX, file=202), changed(ORDERS, scans=1))
    assert seen.rebuilt == (("public.orders_pkey", "public.orders"),)


def test_a_new_index_on_a_table_that_was_there_is_built():
    new = Relation(9, "public.orders_note_idx", "i", 109, 0, 1, 0, 0, 0)
    assert after(new, changed(ORDERS, scans=1)).built == (
        ("public.orders_note_idx", "public.orders"),
    )


def test_what_the_migration_itself_made_does_not_count():
    fresh = Relation(10, "public.fresh", "r", 110, 0, 0, 0, 0, 0)
    index = Relation(11, "public.fresh_pkey", "i", 111, 0, 10, 0, 0, 0)
    before = moment(fresh, index)
    later = moment(
        changed(fresh, file=210, scans=3, written=9),
        changed(index, file=211, scans=1),
        locks={10: frozenset({LockMode.ACCESS_EXCLUSIVE})},
    )
    seen = effects(START, before, later)
    assert seen == type(seen)()


def test_the_strongest_new_lock_of_a_table_counts():
    modes = frozenset({LockMode.ROW_EXCLUSIVE, LockMode.SHARE_ROW_EXCLUSIVE})
    assert after(locks={1: modes}).locks == (Lock("public.orders", LockMode.SHARE_ROW_EXCLUSIVE),)


def test_a_lock_that_keeps_readers_off_an_index_keeps_them_off_its_table():
    seen = after(locks=locked(orders=LockMode.SHARE, index=LockMode.ACCESS_EXCLUSIVE))
    assert seen.locks == (Lock("public.orders", LockMode.ACCESS_EXCLUSIVE, "public.orders_pkey"),)


@pytest.mark.parametrize("mode", [LockMode.SHARE, LockMode.SHARE_UPDATE_EXCLUSIVE])
def test_a_lighter_lock_on_an_index_keeps_nobody_off(mode):
    assert after(locks=locked(index=mode)).locks == ()


def test_what_was_locked_before_is_held_and_not_taken_again():
    before = moment(locks=locked(orders=LockMode.ACCESS_EXCLUSIVE))
    later = moment(locks=locked(orders=LockMode.ACCESS_EXCLUSIVE, customers=LockMode.SHARE))
    seen = effects(START, before, later)
    assert seen.held == (Lock("public.orders", LockMode.ACCESS_EXCLUSIVE),)
    assert seen.locks == (Lock("public.customers", LockMode.SHARE),)


def test_a_lock_that_stops_nobody_is_not_held_against_a_transaction():
    before = moment(locks=locked(orders=LockMode.ROW_EXCLUSIVE))
    assert effects(START, before, before).held == ()


def test_a_foreign_key_that_is_validated_reads_both_tables():
    key = ForeignKey(20, 1, 3, True)
    seen = after(changed(ORDERS, scans=1), foreign_keys={20: key})
    assert seen.reads == ("public.customers", "public.orders")


def test_a_key_of_a_new_column_is_believed_without_reading():
    assert after(foreign_keys={20: ForeignKey(20, 1, 3, True)}).reads == ()


def test_a_foreign_key_that_is_not_validated_reads_nothing():
    assert after(foreign_keys={20: ForeignKey(20, 1, 3, False)}).reads == ()


def test_a_key_of_a_new_table_does_not_read_the_table_it_points_to():
    assert after(foreign_keys={20: ForeignKey(20, 99, 3, True)}).reads == ()


def test_a_table_that_is_gone_is_dropped_and_its_indexes_with_it():
    seen = after(without=(ORDERS, INDEX))
    assert seen.dropped == (Dropped(DroppedKind.TABLE, "public.orders"),)


def test_an_index_that_is_gone_is_dropped():
    assert after(without=(INDEX,)).dropped == (
        Dropped(DroppedKind.INDEX, "public.orders", "public.orders_pkey"),
    )


def test_a_column_is_dropped_by_the_name_it_had():
    seen = after(dropped_columns=frozenset({(1, 5), (1, 8)}))
    assert seen.dropped == (Dropped(DroppedKind.COLUMN, "public.orders", "note"),)


def test_a_table_locked_for_writing_may_be_written():
    assert after(locks=locked(orders=LockMode.ROW_EXCLUSIVE)).written == ("public.orders",)


AGAIN = Relation(5, "public.orders_pkey", "i", 102, 0, 1, 0, 0, 0)
"""The index made again, around its file."""


def test_an_index_that_is_made_again_around_its_file_is_neither_built_nor_dropped():
    seen = after(AGAIN, without=(INDEX,))
    assert (seen.built, seen.rebuilt, seen.dropped) == ((), (), ())


def test_an_index_that_is_made_again_with_another_file_is_rebuilt():
    seen = after(changed(AGAIN, file=202), without=(INDEX,))
    assert seen.rebuilt == (("public.orders_pkey", "public.orders"),)
    assert (seen.built, seen.dropped) == ((), ())


def test_the_sides_of_a_foreign_key_that_is_checked_are_known():
    key = ForeignKey(9, 1, 3, validated=True)
    seen = after(changed(ORDERS, scans=1), foreign_keys={9: key})
    assert seen.checks == (("public.orders", "public.customers"),)
    assert after(foreign_keys={9: key}).checks == ()
