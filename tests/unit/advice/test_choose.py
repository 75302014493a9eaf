from __future__ import annotations

import fix_plans
from pytest_planguard.advice.choose import Scan, choose
from pytest_planguard.model.ports import HypotheticalIndex
from pytest_planguard.model.spec import Thresholds


def chosen(
    scans: list[Scan],
    sizes: dict[str, int],
    *,
    partial: tuple[str, ...] = (),
    wide: tuple[str, ...] = (),
    writes: float = 0,
) -> dict[str, str]:
    indexes = {
        name: HypotheticalIndex(
            name,
            "public.orders",
            "btree",
            (name,),
            include=("more",) if name in wide else (),
            predicate="x" if name in partial else "",
        )
        for name in sizes
    }
    found = choose(
        scans,
        set(sizes),
        indexes,
        sizes,
        fix_plans.catalog(),
        {"public.orders": writes},
        Thresholds(),
    )
    return {key: "+".join(sorted(option)) for (key, _), option in found.items()}


def scan(key: str, executions: int = 1, **with_index: float) -> Scan:
    """``a_b`` is what a and b make of it together."""
    options = {frozenset(name.split("_")): cost for name, cost in with_index.items()}
    return Scan(key, "public.orders", executions, 10_000.0, options)


def test_within_a_tenth_of_the_best_the_narrowest_wins() -> None:
    assert chosen([scan("q", a=1090, b=1000)], {"a": 10, "b": 20}) == {"q": "a"}
    assert chosen([scan("q", a=1150, b=1000)], {"a": 10, "b": 20}) == {"q": "b"}


def test_what_is_nothing_beside_the_cost_before_makes_no_difference() -> None:
    assert chosen([scan("q", a=12, b=5)], {"a": 10, "b": 20}) == {"q": "a"}


def test_an_index_for_two_scans_beats_two_indexes() -> None:
    scans = [scan("q", a=1000, wide=1000), scan("r", b=1000, wide=1000)]

    assert chosen(scans, {"a": 10, "b": 10, "wide": 30}) == {"q": "wide", "r": "wide"}


def test_a_partial_index_must_be_less_than_half_as_large() -> None:
    scans = [scan("q", whole=1000, part=1000)]

    assert chosen(scans, {"whole": 100, "part": 60}, partial=("part",)) == {"q": "whole"}
    assert chosen(scans, {"whole": 100, "part": 40}, partial=("part",)) == {"q": "part"}


def test_where_much_is_written_the_smaller_index_wins_over_names() -> None:
    scans = [scan("q", a=1000, b=1000)]

    assert chosen(scans, {"a": 3_000_000, "b": 1_000_000}, writes=50) == {"q": "b"}


def test_writes_never_outweigh_a_second_scan() -> None:
    scans = [scan("q", a=1000, wide=1000), scan("r", wide=1000)]

    sizes = {"a": 1, "wide": 30_000_000}
    assert chosen(scans, sizes, writes=1e6) == {"q": "wide", "r": "wide"}


def test_a_scan_nothing_helps_gets_nothing() -> None:
    assert chosen([scan("q")], {"a": 1}) == {}


def test_two_indexes_are_taken_where_neither_helps_alone() -> None:
    assert chosen([scan("q", a_b=20)], {"a": 10, "b": 10}) == {"q": "a+b"}


def test_one_that_is_as_good_beats_two() -> None:
    assert chosen([scan("q", a_b=20, c=21)], {"a": 10, "b": 10, "c": 90}) == {"q": "c"}
    assert chosen([scan("q", a_b=20, c=900)], {"a": 10, "b": 10, "c": 90}) == {"q": "a+b"}


def test_two_that_are_taken_for_others_serve_a_third_together() -> None:
    scans = [scan("q", a=1000), scan("r", b=1000), scan("s", a_b=1000, c=1000)]

    assert chosen(scans, {"a": 10, "b": 10, "c": 1}) == {"q": "a", "r": "b", "s": "a+b"}


def test_columns_that_are_only_included_must_save_as_much_as_an_index() -> None:
    sizes = {"plain": 10, "whole": 5}

    assert chosen([scan("q", plain=4000, whole=1010)], sizes, wide=("whole",)) == {"q": "plain"}
    assert chosen([scan("q", plain=4000, whole=990)], sizes, wide=("whole",)) == {"q": "whole"}
    assert chosen([scan("q", plain=600, whole=8)], sizes, wide=("whole",)) == {"q": "plain"}
    assert chosen([scan("q", whole=6_900)], sizes, wide=("whole",)) == {"q": "whole"}


def test_of_equals_the_one_with_which_the_queries_cost_least_is_taken() -> None:
    """One gives the whole order, the other a part of it: by the planner's means alone, alike."""
    scans = [scan("q", a=1009, b=1001), scan("r", a=1000, b=1000)]
    assert chosen(scans, {"a": 10, "b": 10}) == {"q": "b", "r": "b"}
