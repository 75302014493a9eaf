from __future__ import annotations

import msgspec

import fix_reports
from pytest_planguard.baseline.causes import cause_of
from pytest_planguard.baseline.entries import INVALID, plan_entry, world_from
from pytest_planguard.model.plan import Access

WORLD = msgspec.structs.replace(
    world_from(fix_reports.database()),
    digests={"public.orders": "a", "public.events": "b"},
)
NAME = "orders_customer_id_idx"
DEFINITION = WORLD.indexes[f"public.{NAME}"]
BEFORE = plan_entry(fix_reports.plan(Access.INDEX, 8.4, indexes=(NAME,)))
AFTER = plan_entry(fix_reports.plan(Access.SEQ))


def world(**changed):
    return msgspec.structs.replace(WORLD, **changed)


def cause(now, old=WORLD):
    return cause_of(BEFORE, AFTER, old, now)


def test_an_index_that_is_gone_is_named():
    found = cause(world(indexes={}))
    assert found.sentences == (f"index {NAME} is gone since the baseline",)
    assert not found.statistics_only


def test_an_index_that_is_gone_is_named_without_the_old_world():
    assert cause(world(indexes={}), old=None).sentences == (
        f"index {NAME} is gone since the baseline",
    )


def test_an_index_that_was_renamed_is_no_cause():
    renamed = {"public.other_idx": DEFINITION.replace(NAME, "other_idx")}
    assert not any("gone" in one for one in cause(world(indexes=renamed)).sentences)


def test_an_index_with_another_definition_is_shown_before_and_after():
    other = DEFINITION.replace("(customer_id)", "(id)")
    (first, *_) = cause(world(indexes={f"public.{NAME}": other})).sentences
    assert first == f"index {NAME} changed: {DEFINITION} → {other}"


def test_an_invalid_index_is_named():
    (first, *_) = cause(world(indexes={f"public.{NAME}": DEFINITION + INVALID})).sentences
    assert first == f"index {NAME} is invalid since the baseline"


def test_a_setting_that_moved_is_named():
    found = cause(world(settings={"random_page_cost": "4", "work_mem": "8MB"}))
    assert found.sentences == (
        "setting random_page_cost moved: 1.1 → 4",
        "setting work_mem moved: default → 8MB",
    )
    assert not found.statistics_only


def test_another_major_and_collation_are_named():
    found = cause(world(server_major=19, collation="de_DE.utf8"))
    assert found.sentences == (
        "PostgreSQL moved: 18 → 19",
        "the collation moved: C.UTF-8 → de_DE.utf8",
    )


def test_a_column_that_changed_is_named():
    facts = ("column id bigint not null", "column customer_id numeric")
    found = cause(world(tables={"public.orders": facts}))
    assert found.sentences == ("column public.orders.customer_id changed: bigint → numeric",)


def test_a_table_that_grew_alone_is_statistics_only():
    found = cause(world(rows={"public.orders": 94_000_000, "public.events": 1}))
    assert found.sentences == ("public.orders grew from 47,000,000 to 94,000,000 rows",)
    assert found.statistics_only


def test_a_table_that_grew_beside_a_lost_index_is_not_statistics_only():
    found = cause(world(rows={"public.orders": 94_000_000}, indexes={}))
    assert not found.statistics_only
    assert found.sentences[0] == f"index {NAME} is gone since the baseline"


def test_growth_within_a_tenth_is_no_cause():
    assert cause(world(rows={"public.orders": 51_000_000})).sentences == ()


def test_other_distributions_alone_are_statistics_only():
    assert cause(world(digests={"public.orders": "x"})).statistics_only


def test_where_nothing_moved_the_cause_is_unknown_and_not_guessed():
    found = cause(WORLD)
    assert found.sentences == ()
    assert not found.statistics_only


def test_indexes_of_other_tables_do_not_matter():
    other = {"public.x": "CREATE INDEX x ON public.events USING btree (id)"}
    found = cause(world(indexes=WORLD.indexes | other, rows={"public.orders": 94_000_000}))
    assert found.statistics_only


def test_a_partitions_index_belongs_to_its_table():
    facts = {"public.orders_1": ("partition of public.orders FOR VALUES FROM (1) TO (2)",)}
    index = {"public.p": "CREATE INDEX p ON public.orders_1 USING btree (id)"}
    old = world(tables=WORLD.tables | facts)
    now = world(tables=WORLD.tables | facts, indexes=WORLD.indexes | index)
    assert cause(now, old).sentences == (f"new index: {index['public.p']}",)
