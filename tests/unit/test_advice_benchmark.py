"""What the advice benchmark counts: a benchmark that cannot fail proves nothing."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pytest_planguard.model.ports import HypotheticalIndex

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(autouse=True)
def _benchmarks_importable(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    yield
    for name in [
        name for name in sys.modules if name.startswith(("fidelity_parts", "advice_p", "answers_p"))
    ]:
        del sys.modules[name]


@pytest.mark.parametrize(
    "index",
    [
        HypotheticalIndex("i", "public.t", "btree", ("a", "b DESC NULLS LAST")),
        HypotheticalIndex("i", "public.t", "gin", ("(lower(a || ')'))", "b gin_trgm_ops")),
        HypotheticalIndex("i", "s.t", "btree", ("a",), ("b", "c"), "d = 'x, (y'::text"),
    ],
)
def test_a_statement_is_read_back_as_the_index_it_makes(index: HypotheticalIndex) -> None:
    from advice_parts.sets import hypothetical, plain

    (text,) = plain([index.ddl.replace("INDEX ", "INDEX CONCURRENTLY ", 1) + ";"])
    assert hypothetical(text) == index


def test_of_a_partitioned_table_the_parents_index_makes_them_all() -> None:
    from advice_parts.ours import _one_an_index

    ddl = (
        "CREATE INDEX i ON ONLY s.t (a);",
        "CREATE INDEX CONCURRENTLY i_1 ON s.t_1 (a);",
        "ALTER INDEX s.i ATTACH PARTITION s.i_1;",
    )
    assert _one_an_index(ddl) == ["CREATE INDEX i ON s.t (a)"]


BEFORE = {"q": 1000.0, "r": 1000.0}


def row(advisor: str, q: float, r: float, sizes: tuple[int, ...] = (10,), **more: Any) -> Any:
    from advice_parts.built import Built
    from advice_parts.outcome import Row
    from advice_parts.sets import Advised

    nodes = {"q": {"Total Cost": q}, "r": {"Total Cost": r}}
    return Row("w", Advised(advisor, (), 1.0, **more), Built(nodes, sizes, ()), BEFORE)


def test_a_rival_that_costs_less_and_a_query_that_is_worse_are_missed_goals() -> None:
    from advice_parts.outcome import missed

    assert missed([row("planguard", 10, 10), row("other", 20, 20)], []) == []
    assert len(missed([row("planguard", 10, 1060)], [])) == 1
    assert len(missed([row("planguard", 10, 10), row("other", 5, 10)], [])) == 1


def test_a_rival_with_fewer_indexes_is_held_against_as_many_of_ours() -> None:
    from advice_parts.built import Built
    from advice_parts.outcome import missed, where_others_win

    ours, other = row("planguard", 10, 10, (10, 10)), row("other", 50, 50, (5,))
    as_many = Built({"q": {"Total Cost": 10}, "r": {"Total Cost": 15}}, (10,), ())
    worse = Built({"q": {"Total Cost": 10}, "r": {"Total Cost": 100}}, (10,), ())
    better = msgspec.structs.replace(other, first=as_many)

    assert missed([ours, better], []) == []
    assert len(missed([ours, msgspec.structs.replace(other, first=worse)], [])) == 1
    assert where_others_win([ours, better])[0] == (
        "w: other takes 1 indexes instead of 2, at 5.0 times the cost, 4.0 times that of our first "
        "as many"
    )


def test_plans_that_were_not_foreseen_are_a_missed_goal() -> None:
    from advice_parts.outcome import Foreseen, missed

    assert missed([], [Foreseen("w", 100, 95, 95, ())]) == []
    assert len(missed([], [Foreseen("w", 100, 94, 94, ())])) == 2
    few = Foreseen("few", 22, 20, 20, ())
    assert missed([], [few, Foreseen("many", 110, 110, 106, ())]) == []
    assert missed([], [few, Foreseen("many", 110, 110, 105, ())]) == [
        "125 of 132 costs foreseen, wanted 95%"
    ]


def test_where_a_rival_takes_less_is_said_with_its_price() -> None:
    from advice_parts.outcome import where_others_win

    ours = row("planguard", 10, 10, (10, 10))
    found = where_others_win([ours, row("other", 500, 500, (5,))])

    assert found == [
        "w: other takes 1 indexes instead of 2, at 50.0 times the cost",
        "w: other takes 25% of the bytes, at 50.0 times the cost",
    ]


def test_a_report_is_right_where_any_index_saves_enough() -> None:
    from advice_parts.outcome import reports

    table = reports(
        [row("planguard", 10, 990, reports=("q",)), row("other", 10, 990, reports=("r",))]
    )

    assert [line.split("|")[3:7] for line in table.splitlines()[2:]] == [
        [" 1       ", " 1     ", " 0     ", " 0          "],
        [" 1       ", " 0     ", " 1     ", " 1          "],
    ]


def test_query_by_query_it_is_told_who_is_right_who_is_wrong_and_who_overlooks() -> None:
    from advice_parts.outcome import who_reports

    table = who_reports(
        [
            row("planguard", 10, 990, reports=("q",)),
            row("other", 10, 990, reports=("r",)),
            row("third", 10, 990, reports=("x",), failed=("q: it has a parameter",)),
            row("mute", 10, 990),
        ]
    )

    cells = [[one.strip() for one in line.split("|")[1:-1]] for line in table.splitlines()]
    assert cells[0] == ["workload", "query", "before", "best", "planguard", "other", "third"]
    assert cells[2:] == [
        ["w", "q", "1,000", "10", "right", "overlooked", "?"],
        ["w", "r", "1,000", "990", "-", "wrong", "-"],
    ]


def test_the_queries_that_are_to_grow_are_distinct_and_one_in_twenty_is_at_fault() -> None:
    from advice_parts.growth import FAULTY_EVERY, _text

    texts = [_text(n, 10) for n in range(1_000)]
    assert len(set(texts)) == 1_000
    assert sum(" WHERE a.c" in text for text in texts) == 1_000 // FAULTY_EVERY


def disagreement(without: float | None, advised: float | None, cost_with: float) -> Any:
    from advice_parts.disagreements import Disagreement
    from answers_parts.measure import Run

    runs = [Run(blocks, 2.0) if blocks is not None else None for blocks in (without, advised)]
    return Disagreement("w", "q", "planguard", "other", *runs, 1000.0, cost_with, "")


@pytest.mark.parametrize(
    ("without", "advised", "cost_with", "right"),
    [
        (1000, 100, 10, "planguard"),
        (1000, 101, 10, "neither"),  # it helps, and not tenfold
        (1000, 100, 701, "other"),  # nothing saves 30 %
        (None, 100, 10, "planguard"),  # without, it did not even end
        (1000, None, 10, "not measured"),
    ],
)
def test_where_two_differ_the_rows_decide(
    without: float | None, advised: float | None, cost_with: float, right: str
) -> None:
    from advice_parts.disagreements import disputed, tally

    one = disagreement(without, advised, cost_with)
    assert disputed([one]).splitlines()[-1].split("|")[-2].strip() == right
    assert tally([one]).splitlines()[-1].split("|")[1:4] == [
        " w        ", f" {right:23} ", " 1       ",
    ]  # fmt: skip


def test_two_differ_where_one_reports_and_the_other_looked_and_is_silent() -> None:
    from advice_parts.disagreements import _differ

    ours = row("planguard", 10, 10, reports=("q", "r"))
    other = row("other", 10, 10, reports=("r",))
    blind = row("other", 10, 10, failed=("q: it has a parameter",))
    assert [_differ(name, ours, other) for name in ("q", "r")] == [True, False]
    assert not _differ("q", ours, blind)
