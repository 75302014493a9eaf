from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import msgspec

from pytest_planguard.advice.ranked import Ranked, in_order, ranked, said
from pytest_planguard.advice.together import After, Together
from pytest_planguard.model.finding import Advice

A, B, C = (frozenset({name}) for name in ("a_idx", "b_idx", "c_idx"))
BOTH = A | B


class Query(msgspec.Struct, frozen=True):
    """What the ranking asks of a query with all of the indexes."""

    item: str
    before: float
    cost: float
    used: frozenset[str]


class FakeTogether:
    """Tells a query's cost by the names it sees; keeps what was asked."""

    def __init__(self, costs: Mapping[tuple[str, frozenset[str]], float]) -> None:
        self._costs = costs
        self.asked: list[tuple[str, frozenset[str]]] = []

    def costs(self, requests: list[tuple[str, frozenset[str]]]) -> list[float | None]:
        self.asked += requests
        return [self._costs.get(request) for request in requests]


def order_of(
    after: dict[str, Query],
    costs: Mapping[tuple[str, frozenset[str]], float],
    *options: frozenset[str],
) -> tuple[list[Ranked], FakeTogether]:
    fake = FakeTogether(costs)
    made = ranked(options, cast("dict[str, After]", after), cast("Together", fake))
    return made, fake


def test_what_saves_most_comes_first() -> None:
    after = {
        "q1": Query("q1", 1_000, 100, A),
        "q2": Query("q2", 9_000, 100, B),
        "q3": Query("q3", 400, 100, C),
    }
    costs = {("q1", A): 100.0, ("q2", B): 100.0, ("q3", C): 100.0}
    costs |= {("q1", A | B): 100.0, ("q3", A | B | C): 100.0}

    order, fake = order_of(after, costs, A, B, C)

    assert [one.option for one in order] == [B, A, C]
    assert [round(one.gained, 3) for one in order] == [0.881, 0.97, 1.0]
    assert len(fake.asked) == 3, "queries that share no index are planned once"


def test_what_another_has_saved_already_counts_no_more() -> None:
    # Alone A saves more than C; beside B, which serves the same query, hardly anything.
    after = {"q1": Query("q1", 10_000, 90, A | B), "q2": Query("q2", 5_000, 100, C)}
    costs = {("q1", A): 2_000.0, ("q1", B): 100.0, ("q2", C): 100.0, ("q1", A | B): 90.0}

    order, _ = order_of(after, costs, A, B, C)

    assert [one.option for one in order] == [B, C, A]


def test_indexes_that_only_help_together_have_one_place() -> None:
    after = {"q1": Query("q1", 10_000, 100, BOTH), "q2": Query("q2", 800, 100, C)}

    order, _ = order_of(after, {("q1", BOTH): 100.0, ("q2", C): 100.0}, C, BOTH)

    assert [one.option for one in order] == [BOTH, C]


def test_a_query_that_cannot_be_planned_gains_nothing() -> None:
    after = {"q1": Query("q1", 10_000, 100, A), "q2": Query("q2", 800, 100, C)}

    order, _ = order_of(after, {("q2", C): 100.0}, A, C)

    assert [one.option for one in order] == [C, A]


def test_equal_gains_come_by_name() -> None:
    after = {"q1": Query("q1", 800, 100, B), "q2": Query("q2", 800, 100, A)}

    order, _ = order_of(after, {("q1", B): 100.0, ("q2", A): 100.0}, B, A)

    assert [one.option for one in order] == [A, B]


def test_of_two_indexes_nothing_is_said_and_of_three_how_many_are_worth_most() -> None:
    two = [Ranked(A, 0.6), Ranked(B, 1.0)]
    three = [Ranked(A, 0.953), Ranked(B, 0.98), Ranked(C, 1.0)]
    even = [Ranked(A, 0.34), Ranked(B, 0.67), Ranked(C, 1.0)]

    assert said(two) == {}
    assert said(three)[B] == "number 2 of 3 by gain: the first brings 95 % of it"
    assert said(even)[C] == "number 3 of 3 by gain"


def test_advice_says_its_place() -> None:
    advice = {"q1": {"public.t": Advice(("CREATE INDEX …",), 900.0, 10.0, 1, notes=("why",))}}
    order = [Ranked(A, 0.5), Ranked(B, 0.96), Ranked(C, 1.0)]

    found = in_order(advice, {("q1", "public.t"): B}, order)["q1"]["public.t"]

    assert found.rank == 2
    assert found.notes == ("why", "number 2 of 3 by gain: the first 2 bring 96 % of it")
