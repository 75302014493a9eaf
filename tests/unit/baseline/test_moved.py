from __future__ import annotations

import msgspec
import pytest

import fix_reports
from pytest_planguard.baseline.distributions import facts_from
from pytest_planguard.baseline.entries import INVALID, plan_entry, world_from
from pytest_planguard.baseline.moved import Differences, moved
from pytest_planguard.model.moved import Moved, Part, Undo
from pytest_planguard.model.plan import Access

WORLD = msgspec.structs.replace(
    world_from(fix_reports.database()),
    digests={"public.orders": "a", "public.events": "b"},
)
NAME = "orders_customer_id_idx"
DEFINITION = WORLD.indexes[f"public.{NAME}"]
BEFORE = plan_entry(fix_reports.plan(Access.INDEX, 8.4, indexes=(NAME,)))
AFTER = plan_entry(fix_reports.plan(Access.SEQ))
FACTS = WORLD.tables["public.orders"]


def world(**changed):
    return msgspec.structs.replace(WORLD, **changed)


def found(now, old=WORLD):
    return moved(BEFORE, AFTER, old, now)


def only(now, old=WORLD) -> Moved:
    (one,) = found(now, old)
    return one


def facts(*lines):
    return world(tables={"public.orders": lines})


def test_an_index_that_went_is_made_again():
    assert only(world(indexes={})).undo == Undo(indexes={f"public.{NAME}": DEFINITION})


def test_an_index_that_came_is_hidden():
    more = {"public.x": "CREATE INDEX x ON public.orders USING btree (id)"}
    assert only(world(indexes=WORLD.indexes | more)).undo == Undo(hidden=("public.x",))


def test_of_an_index_that_changed_the_old_one_is_made_and_the_new_one_hidden():
    other = {f"public.{NAME}": DEFINITION.replace("(customer_id)", "(id)")}
    undo = Undo(indexes={f"public.{NAME}": DEFINITION}, hidden=(f"public.{NAME}",))
    assert only(world(indexes=other)).undo == undo


def test_an_invalid_index_is_made_again_and_needs_no_hiding():
    invalid = {f"public.{NAME}": DEFINITION + INVALID}
    assert only(world(indexes=invalid)).undo == Undo(indexes={f"public.{NAME}": DEFINITION})


def test_one_of_two_indexes_that_are_alike_is_none_to_miss():
    twice = world(indexes=WORLD.indexes | {"public.twin": DEFINITION.replace(NAME, "twin")})
    assert found(WORLD, twice) == ()


def test_an_index_of_a_partitioned_table_is_one_with_those_of_its_partitions():
    parts = {"public.orders_1": ("partition of public.orders FOR VALUES FROM (1) TO (2)",)}
    of_parts = {
        "public.whole": "CREATE INDEX whole ON ONLY public.orders USING btree (id)",
        "public.part": "CREATE INDEX part ON public.orders_1 USING btree (id)",
    }
    old = world(tables=WORLD.tables | parts, indexes=WORLD.indexes | of_parts)
    one = only(world(tables=old.tables), old)
    assert one.sentences == ("index whole is gone since the baseline",)
    assert one.undo == Undo(indexes=of_parts)


@pytest.mark.parametrize(
    ("line", "sentence", "statements"),
    [
        (
            "column customer_id numeric",
            "column public.orders.customer_id changed: bigint → numeric",
            ("ALTER TABLE public.orders ALTER COLUMN customer_id TYPE bigint USING NULL",),
        ),
        (
            "column customer_id bigint not null",
            "column public.orders.customer_id changed: bigint → bigint not null",
            ("ALTER TABLE public.orders ALTER COLUMN customer_id DROP NOT NULL",),
        ),
        (
            "column customer_id text collate C default 'a'::text",
            "column public.orders.customer_id changed: bigint → text collate C default 'a'::text",
            (
                "ALTER TABLE public.orders ALTER COLUMN customer_id DROP DEFAULT",
                "ALTER TABLE public.orders ALTER COLUMN customer_id TYPE bigint USING NULL",
            ),
        ),
    ],
)
def test_a_column_that_changed_is_altered_back(line, sentence, statements):
    one = only(facts("column id bigint not null", line))
    assert one.sentences == (sentence,)
    assert one.undo == Undo(statements, ("public.orders",))


def test_a_column_with_another_default_cannot_be_put_back_and_need_not():
    one = only(facts("column id bigint not null", "column customer_id bigint default 1"))
    assert one.undo is None


def test_a_column_that_went_is_added_and_one_that_came_is_left():
    gone, came = found(facts("column id bigint not null", "column client_id bigint"))
    add = "ALTER TABLE public.orders ADD COLUMN customer_id bigint"
    assert gone.sentences == ("column public.orders.customer_id is gone since the baseline",)
    assert gone.undo == Undo((add,), ("public.orders",))
    assert came == Moved(Part.SCHEMA, ("new column: public.orders.client_id bigint",))


def test_a_constraint_that_changed_is_dropped_and_added():
    old = facts(*FACTS, "constraint positive CHECK ((id > 0))")
    now = facts(*FACTS, "constraint positive CHECK ((id > 1))")
    one = only(now, old)
    assert one.sentences == (
        "constraint positive of public.orders changed: CHECK ((id > 0)) → CHECK ((id > 1))",
    )
    alter = "ALTER TABLE public.orders"
    statements = (f"{alter} DROP CONSTRAINT positive",
                  f"{alter} ADD CONSTRAINT positive CHECK ((id > 0))")  # fmt: skip
    assert one.undo == Undo(statements, ("public.orders",))


def test_constraints_that_an_index_or_a_column_tells_are_not_told_twice():
    lines = (
        "constraint k PRIMARY KEY (id)",
        "constraint u UNIQUE (id)",
        "constraint n NOT NULL id",
    )
    assert found(WORLD, facts(*FACTS, *lines)) == ()


def test_a_setting_goes_back_to_what_it_was_or_to_its_default():
    one, two = found(world(settings={"work_mem": "8MB"}))
    assert one.undo == Undo(settings={"random_page_cost": "1.1"})
    assert two.undo == Undo(settings={"work_mem": None})


def test_sizes_go_back_together_and_are_told_by_how_much_they_moved():
    plan = fix_reports.plan(relation="public.events", alias="e")
    access = plan.access | fix_reports.plan().access
    both = plan_entry(msgspec.structs.replace(plan, access=access))
    now = world(rows={"public.orders": 94_000_000, "public.events": 81_000, "public.other": 1})
    old = world(rows=WORLD.rows | {"public.other": 2})
    (one,) = moved(both, both, old, now)
    assert one.sentences == (
        "public.events shrank from 8,100,000 to 81,000 rows",
        "public.orders grew from 47,000,000 to 94,000,000 rows",
    )
    assert one.undo == Undo(
        rows={"public.events": 100.0, "public.orders": 0.5, "public.other": 2.0}
    )


def test_only_statistics_moved_for_queries_of_tables_whose_schema_did_not():
    grown = {"public.orders": 94_000_000, "public.events": 81_000_000}
    differences = Differences.between(WORLD, world(indexes={}, rows=grown))
    assert differences.only_statistics(["public.events"])
    assert not differences.only_statistics(["public.events", "public.orders"])
    assert not Differences.between(WORLD, WORLD).only_statistics(["public.events"])
    elsewhere = world(settings={}, rows=grown)
    assert not Differences.between(WORLD, elsewhere).only_statistics(["public.events"])


def test_other_distributions_are_told_where_the_schema_is_the_same():
    others = WORLD.digests | {"public.orders": "x"}
    other = world(digests=others)
    assert Differences.between(WORLD, other).only_statistics(["public.orders"])
    assert not Differences.between(WORLD, other).only_statistics(["public.events"])
    dropped = world(digests=others, indexes={})
    assert not Differences.between(WORLD, dropped).only_statistics(["public.orders"])


LINES = {"id": "8 bytes; unique", "customer_id": "8 bytes; 5 distinct; common 75%, 20%"}
OTHER = LINES | {"customer_id": "8 bytes; 40,000 distinct"}


def with_lines(lines, digest="a", **changed):
    digests = WORLD.digests | {"public.orders": digest}
    return world(statistics={"public.orders": lines}, digests=digests, **changed)


def test_which_column_moved_is_told_and_every_other_goes_back_with_it():
    one = only(with_lines(OTHER, "x"), with_lines(LINES))
    assert one.part is Part.DISTRIBUTIONS
    assert one.sentences == (
        "public.orders.customer_id: 5 distinct → 40,000, most common value 75% → 0.0025%",
    )
    assert one.undo.columns == {"public.orders": {"customer_id": facts_from(LINES["customer_id"])}}


def test_a_column_the_plan_names_comes_before_one_that_moved_more():
    more = {"a": "4 bytes; 9 distinct", "b": "4 bytes; 9 distinct"}
    less = {"a": "4 bytes; 90,000 distinct", "b": "4 bytes; 90 distinct"}
    before = msgspec.structs.replace(BEFORE, shape=("Index Scan on orders [b = $1]",))
    (one,) = moved(before, AFTER, with_lines(more), with_lines(less, "x"))
    assert [text.partition(":")[0] for text in one.sentences] == [
        "public.orders.b", "public.orders.a",
    ]  # fmt: skip


def test_what_moved_a_little_goes_back_but_is_not_told_by_name():
    one = only(with_lines(LINES | {"id": "8 bytes; 99% distinct"}, "x"), with_lines(LINES))
    assert one.sentences == ("the statistics of its columns changed, none of them by much",)
    assert list(one.undo.columns["public.orders"]) == ["id"]


def test_statistics_that_are_alike_in_every_line_cannot_be_put_back():
    one = only(with_lines(LINES, "x"), with_lines(LINES))
    assert one == Moved(Part.DISTRIBUTIONS, ("the statistics of its columns changed",))


@pytest.mark.parametrize("source", ["generated", "as-is", "declared"])
def test_another_sample_is_no_other_distribution_until_a_column_moves(source):
    noise = LINES | {"customer_id": "8 bytes; 5 distinct; common 76%, 19%"}
    old = with_lines(LINES, scale_source=source)
    sampled = with_lines(noise, "x", scale_source=source)
    assert found(sampled, old) == ()
    assert not Differences.between(old, sampled).only_statistics(["public.orders"])
    other = with_lines(OTHER, "x", scale_source=source)
    assert [one.part for one in found(other, old)] == [Part.DISTRIBUTIONS]
    assert Differences.between(old, other).only_statistics(["public.orders"])


@pytest.mark.parametrize("lines", [{}, LINES | {"id": "written by hand"}])
def test_a_sample_of_which_a_line_is_not_known_may_have_moved(lines):
    old = with_lines(lines, scale_source="generated")
    now = with_lines(LINES, "x", scale_source="generated")
    assert Differences.between(old, now).only_statistics(["public.orders"])


def test_values_that_are_more_as_the_table_grew_have_not_moved():
    was = {"customer_id": "8 bytes; 700,000 distinct"}
    is_now = {"customer_id": "8 bytes; 7,000,000 distinct"}
    old = with_lines(was)
    grown = {name: 10 * count for name, count in old.rows.items()}
    sizes, one = found(with_lines(is_now, "x", rows=grown), old)
    assert sizes.undo.distinct == {"public.orders": {"customer_id": 700_000.0}}
    assert one.undo.columns["public.orders"]["customer_id"].n_distinct == 0.0
    assert one.sentences == ("the statistics of its columns changed, none of them by much",)


def test_a_share_of_a_table_that_grew_goes_back_as_so_many_values():
    was = {"customer_id": "8 bytes; 50% distinct"}
    old = with_lines(was)
    grown = {name: 10 * count for name, count in old.rows.items()}
    _, one = found(with_lines({"customer_id": "8 bytes; 20 distinct"}, "x", rows=grown), old)
    assert one.undo.columns["public.orders"]["customer_id"].n_distinct == 23_500_000.0


def test_distributions_of_which_nothing_is_known_have_not_moved():
    unknown = world(digests={})
    assert not Differences.between(unknown, WORLD).only_statistics(["public.orders"])
    assert found(WORLD, unknown) == ()
