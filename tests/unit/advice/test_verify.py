from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import pytest

import fix_plans
from fix_whatif import FakeWhatIf
from pytest_planguard.advice import verify
from pytest_planguard.advice.suite import Suite, Tool
from pytest_planguard.advice.verify import Item, advise
from pytest_planguard.model.catalog import Catalog, Index
from pytest_planguard.model.finding import Advice
from pytest_planguard.model.plan import Planned, SampleKind
from pytest_planguard.model.ports import HypotheticalIndex
from pytest_planguard.model.spec import Thresholds
from pytest_planguard.model.statement import Layer
from pytest_planguard.sql.reads import reads

CATALOG = fix_plans.catalog()
CUSTOMER = "CREATE INDEX CONCURRENTLY orders_customer_id_idx ON public.orders (customer_id);"


def item(name: str, key: str = "", catalog: Catalog = CATALOG, **query_facts: Any) -> Item:
    sql, node = fix_plans.captured(name)
    return Item(
        fix_plans.query(sql, key or name, **query_facts),
        fix_plans.planned(node, catalog),
        {0: reads(node, catalog, Thresholds())},
    )


def advised(
    items: list[Item], whatif: FakeWhatIf, **more: Any
) -> Mapping[str, Mapping[str, Advice]]:
    return advise(items, CATALOG, whatif, Thresholds(), **more).advice


def always(cost: float) -> Any:
    return lambda key, position, index: cost


def test_only_queries_that_read_a_candidates_table_are_announced_to_the_trial() -> None:
    whatif = FakeWhatIf(always(44.0))
    other = msgspec.structs.replace(CATALOG.tables["public.orders"], name="others")
    catalog = msgspec.structs.replace(CATALOG, tables={**CATALOG.tables, "public.others": other})
    faulty = item("seq_equality", catalog=catalog)
    moved = fix_plans.planned(
        msgspec.structs.replace(fix_plans.root("seq_equality"), relation_name="others"), catalog
    )
    advised([faulty, msgspec.structs.replace(faulty, planned=moved, reads={})], whatif)

    assert whatif.announced == [faulty.planned]


def test_an_index_that_is_used_and_much_cheaper_is_advised_with_its_numbers() -> None:
    found = advised([item("seq_equality")], FakeWhatIf(always(44.0)))

    assert found == {
        "seq_equality": {
            "public.orders": Advice(
                ddl=(CUSTOMER,),
                cost_before=6945.0,
                cost_after=44.0,
                size_bytes=1_000_000,
                writes=("writes pay 5 bytes a row, beside 182 of the row itself",),
                rank=1,
                plan=msgspec.structs.replace(fix_plans.root("seq_equality"), total_cost=44.0),
            )
        }
    }


def test_not_verified_means_not_given() -> None:
    not_used = FakeWhatIf(always(None))  # type: ignore[arg-type]
    little = FakeWhatIf(always(6945 * 0.71))
    refused = FakeWhatIf(always(44.0), refused={"customer_id": "no such operator class"})

    for whatif in (not_used, little, refused):
        assert advised([item("seq_equality")], whatif) == {}


def test_what_the_server_refused_is_said() -> None:
    whatif = FakeWhatIf(always(44.0), refused={"customer_id": "no such operator class"})

    found = advise([item("seq_equality")], CATALOG, whatif, Thresholds())

    assert found.notes == (
        "1 index was not tried: no such operator class (orders_customer_id_idx)",
    )


def test_that_an_extension_for_patterns_is_lacking_is_no_note_of_each_run() -> None:
    refused = {"note gin_trgm_ops": 'operator class "gin_trgm_ops" does not exist'}
    whatif = FakeWhatIf(always(44.0), refused=refused)

    found = advise([item("leading_wildcard")], CATALOG, whatif, Thresholds())

    assert "gin_trgm_ops" in str([one.columns for one in whatif.indexes.values()])
    assert found.notes == ()


def test_what_is_too_much_for_one_run_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verify, "MOST_IN_ALL", 0)
    monkeypatch.setattr(verify, "FEWEST", 1)
    whatif = FakeWhatIf(always(44.0))

    found = advise([item("sort_limit"), item("seq_equality")], CATALOG, whatif, Thresholds())

    assert [*whatif.indexes] == ["orders_customer_id_idx"]
    (note,) = found.notes
    assert note.startswith("1 index was not tried: at most 1 for each query and table are")


def test_without_either_nothing_is_said() -> None:
    found = advise([item("sort_limit")], CATALOG, FakeWhatIf(always(44.0)), Thresholds())

    assert found.notes == ()


def test_less_than_a_hundred_units_are_no_gain() -> None:
    whatif = FakeWhatIf(always(10.0))
    small = item("prefix_like")

    assert "prefix_like" in advised([small], whatif)
    strict = msgspec.structs.replace(Thresholds(), minimum_gain_units=500.0)
    assert advise([small], CATALOG, whatif, strict).advice == {}


def test_a_query_without_a_suspect_read_needs_no_trial() -> None:
    whatif = FakeWhatIf(always(1.0))

    assert advised([item("primary_key"), item("unbounded"), item("full_read")], whatif) == {}
    assert whatif.trials == 0


def test_the_suites_own_queries_are_never_advised_on_and_a_librarys_are() -> None:
    whatif = FakeWhatIf(always(44.0))

    assert advised([item("seq_equality", layer=Layer.TEST)], whatif) == {}
    assert advised([item("seq_equality", layer=Layer.LIBRARY)], whatif) != {}


def test_a_cast_column_is_never_advised_on() -> None:
    assert advised([item("numeric_cast"), item("date_cast")], FakeWhatIf(always(1.0))) == {}


def test_the_gain_must_hold_for_every_sample_that_shares_the_scan() -> None:
    one = item("seq_equality")
    plans = (*one.planned.plans, *one.planned.plans)
    two = Item(one.query, Planned(plans), {0: one.reads[0], 1: one.reads[0]})

    only_first = FakeWhatIf(lambda key, position, index: 44.0 if position == 0 else None)

    assert advised([two], only_first) == {}
    assert advised([two], FakeWhatIf(always(44.0))) != {}


@pytest.mark.parametrize(("rows", "grounds"), [(1.0, 0), (10.0, 1)])
def test_a_value_of_the_tests_alone_is_a_ground_only_if_production_has_it(
    rows: float, grounds: int
) -> None:
    one = item("seq_equality")
    common = msgspec.structs.replace(one.planned.worst, sample=SampleKind.COMMON)
    kept = tuple(msgspec.structs.replace(read, rows_kept=rows) for read in one.reads[0])
    harmless = Item(one.query, Planned((one.planned.worst, common)), {0: kept, 1: ()})

    assert len(advised([harmless], FakeWhatIf(always(44.0)))) == grounds


def test_an_index_that_harms_another_query_gives_way_to_the_next_best() -> None:
    def cost(key: str, _: int, index: HypotheticalIndex) -> float | None:
        if key == "join_inner":
            return 99_000.0 if index.columns == ("customer_id",) else None
        return 44.0

    found = advised([item("sort_limit"), item("seq_equality", "join_inner")], FakeWhatIf(cost))

    (ddl,) = found["sort_limit"]["public.orders"].ddl
    assert "(customer_id, total DESC, id)" in ddl


def test_harm_that_an_idle_index_hid_is_seen_once_that_is_gone() -> None:
    """The short index is idle beside the long one, and keeps a query away from the long one."""

    def cost(key: str, _: int, index: HypotheticalIndex) -> float | None:
        long = len(index.columns) > 1
        if key == "bystander":
            return 99_000.0 if long else 6_900.0
        if key == "sort_limit":
            return 8.0 if long else 2000.0
        return 1000.0 if long else 500.0

    bystander = msgspec.structs.replace(item("seq_equality", "bystander"), reads={})

    found = advised([item("seq_equality"), item("sort_limit"), bystander], FakeWhatIf(cost))

    assert {key: found[key]["public.orders"].ddl for key in found} == {
        "seq_equality": (CUSTOMER,),
        "sort_limit": (CUSTOMER,),
    }


def test_without_harm_the_narrowest_of_equals_wins() -> None:
    found = advised([item("sort_limit"), item("primary_key")], FakeWhatIf(always(8.4)))

    (ddl,) = found["sort_limit"]["public.orders"].ddl
    assert ddl.endswith("(customer_id);")


def test_one_index_serves_several_queries_and_names_them() -> None:
    items = [item("seq_equality"), item("sort_limit"), item("join_few_to_many")]

    found = advised(items, FakeWhatIf(always(44.0)))

    ddl = {advice.ddl for advices in found.values() for advice in advices.values()}
    assert len(ddl) == 1
    assert found["sort_limit"]["public.orders"].also_helps == ("join_few_to_many", "seq_equality")


def test_a_wide_index_that_is_much_better_for_one_query_serves_the_other_too() -> None:
    def cost(key: str, _: int, index: HypotheticalIndex) -> float | None:
        if key == "sort_limit":
            return 8.0 if len(index.columns) > 1 else 2000.0
        return 44.0

    found = advised([item("seq_equality"), item("sort_limit")], FakeWhatIf(cost))

    ddl = {advice.ddl for advices in found.values() for advice in advices.values()}
    assert len(ddl) == 1
    assert "total DESC, id" in next(iter(ddl))[0]


def test_all_candidates_share_one_trial() -> None:
    whatif = FakeWhatIf(always(44.0))

    advised([item("seq_equality"), item("jsonb"), item("partitions_all")], whatif)

    assert whatif.trials == 1


def test_names_differ_from_what_is_there() -> None:
    index = msgspec.structs.replace(
        CATALOG.indexes["public.orders_pkey"], name="orders_customer_id_idx", valid=False
    )
    catalog = msgspec.structs.replace(
        CATALOG, indexes={**CATALOG.indexes, "public.orders_customer_id_idx": index}
    )

    found = advise([item("seq_equality")], catalog, FakeWhatIf(always(44.0)), Thresholds()).advice

    assert "orders_customer_id_2_idx" in found["seq_equality"]["public.orders"].ddl[0]


def test_the_order_of_the_queries_changes_nothing() -> None:
    items = [item(name) for name in ("seq_equality", "sort_limit", "jsonb", "job_queue", "keyset")]

    assert advised(items, FakeWhatIf(always(9.0))) == advised(items[::-1], FakeWhatIf(always(9.0)))


def test_queries_an_index_cannot_matter_to_are_not_planned_again() -> None:
    whatif = FakeWhatIf(always(44.0))

    advised([item("seq_equality"), item("primary_key"), item("partitions_all")], whatif)

    assert "primary_key" not in {key for key, _ in whatif.asked}


def test_two_sides_of_an_or_are_proven_together_and_advised_together() -> None:
    either = item("seq_equality")
    (read,) = either.reads[0]
    text = "((orders.customer_id = 7) OR (orders.total = 5.00))"
    read = msgspec.structs.replace(read, filter=(text,), conditions=(text,))
    both = {"orders_customer_id_idx", "orders_total_idx"}

    found = advised(
        [Item(either.query, either.planned, {0: (read,)})],
        FakeWhatIf(lambda *_: None, together=lambda key, names: 80.0 if names == both else None),
    )

    advice = found["seq_equality"]["public.orders"]
    assert [text.partition("(")[2] for text in advice.ddl] == ["customer_id);", "total);"]
    assert (advice.indexes, advice.cost_after) == (2, 80.0)


def test_an_index_that_hardly_adds_to_the_others_is_not_advised() -> None:
    """What begins another goes where its query still gains enough by the longer one."""

    def cost(key: str, _: int, index: HypotheticalIndex) -> float | None:
        if key == "sort_limit":
            return 8.0 if len(index.columns) > 1 else 2000.0
        return 1000.0 if len(index.columns) > 1 else 500.0

    found = advised([item("seq_equality"), item("sort_limit")], FakeWhatIf(cost))

    ddl = {advice.ddl for advices in found.values() for advice in advices.values()}
    assert len(ddl) == 1
    assert "(customer_id, total DESC, id)" in next(iter(ddl))[0]
    assert found["seq_equality"]["public.orders"].cost_after == 1000.0


def test_a_query_that_gains_too_little_by_what_stays_is_not_advised_on() -> None:
    """Beside the longer index the short one saves a fifth, and the longer one alone a quarter."""

    def cost(key: str, _: int, index: HypotheticalIndex) -> float | None:
        long = len(index.columns) > 1
        if key == "sort_limit":
            return 8.0 if long else 2000.0
        return 6945 * 0.75 if long else 6945 * 0.60

    found = advised([item("seq_equality"), item("sort_limit")], FakeWhatIf(cost))

    assert sorted(found) == ["sort_limit"]


def test_a_value_no_index_can_help_does_not_make_an_index_idle() -> None:
    """The worst plan stays as it is; the other one is what the index is for."""

    def cost(key: str, position: int, index: HypotheticalIndex) -> float | None:
        if key == "sort_limit":
            return 8.0 if len(index.columns) > 1 else 2000.0
        return 10.0 if position == 1 and index.columns == ("customer_id",) else None

    one = item("seq_equality")
    worst = msgspec.structs.replace(
        one.planned.worst, root=msgspec.structs.replace(one.planned.worst.root, total_cost=9e6)
    )
    two = Item(one.query, Planned((worst, *one.planned.plans)), {0: (), 1: one.reads[0]})

    found = advised([two, item("sort_limit")], FakeWhatIf(cost))

    assert found["seq_equality"]["public.orders"].ddl == (CUSTOMER,)


def test_without_enough_of_a_gain_from_all_candidates_none_is_tried_alone() -> None:
    whatif = FakeWhatIf(always(6000.0))

    assert advised([item("sort_limit")], whatif) == {}
    assert [len(names) for _, names in whatif.asked] == [2]


def test_a_build_that_failed_is_done_again_and_not_beside_it() -> None:
    failed = Index("more", "public", "public.orders", "btree", ("customer_id",), valid=False)
    catalog = msgspec.structs.replace(CATALOG, indexes={**CATALOG.indexes, "public.more": failed})

    found = advise(
        [item("seq_equality", catalog=catalog)],
        catalog,
        FakeWhatIf(always(44.0)),
        Thresholds(),
        Suite(tools=frozenset(Tool)),
    ).advice

    advice = found["seq_equality"]["public.orders"]
    assert advice.operations == {}
    assert advice.ddl == ("REINDEX INDEX CONCURRENTLY public.more;",)
    assert "index more is invalid: drop it and create it again" in advice.notes


@pytest.mark.parametrize(
    ("kept", "cost", "given"),
    [
        (0.04, 0.69, True),
        (0.19, 0.69, False),  # so much is kept: only a clear gain will do
        (0.19, 0.24, True),
        (0.21, 0.01, False),
    ],
)
def test_where_more_is_kept_an_index_must_save_more(kept: float, cost: float, given: bool) -> None:
    one = item("seq_equality")
    (read,) = one.reads[0]
    wide = msgspec.structs.replace(read, rows_kept=kept * read.rows_read)
    found = advised(
        [msgspec.structs.replace(one, reads={0: (wide,)})], FakeWhatIf(always(6945 * cost))
    )
    assert bool(found) is given
