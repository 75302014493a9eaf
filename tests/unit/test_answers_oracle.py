"""What the oracle tries and loads: one that tries too little would confirm any silence."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import fix_answers
from pytest_planguard.model.catalog import Column, Table

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(autouse=True)
def _benchmarks_importable(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    yield
    for name in [one for one in sys.modules if one.startswith(("fidelity_parts", "answers_parts"))]:
        del sys.modules[name]


def table(*columns: str) -> Table:
    made = tuple(Column(name, "text", number) for number, name in enumerate(columns, 1))
    return Table("public", "orders", "r", made)


def test_every_list_of_up_to_three_columns_is_tried_in_every_order() -> None:
    from answers_parts.search import key_lists

    found = list(key_lists("SELECT a, b FROM orders WHERE c = 1 ORDER BY d", table(*"abcde")))

    assert len(found) == len(set(found)) == 4 + 4 * 3 + 4 * 3 * 2
    assert ("d", "c", "a") in found
    assert not any("e" in keys for keys in found)


def test_an_order_of_mixed_directions_is_tried_as_it_is_asked() -> None:
    from answers_parts.search import key_lists

    found = list(key_lists("SELECT FROM orders ORDER BY a DESC, b", table("a", "b")))

    assert ("a DESC", "b") in found


def test_the_largest_table_of_a_case_is_small_enough_to_load() -> None:
    from answers_parts.rows import LEAST, MOST, declarations, sizes

    for case in fix_answers.cases():
        loaded = sizes(case)
        assert max(loaded.values()) <= MOST or case.loaded, case.name
        assert all(rows >= min(LEAST, case.rows[name]) for name, rows in loaded.items()), case.name
        assert declarations(case).keys() == case.rows.keys()


def test_a_closed_list_stays_as_long_and_other_values_become_fewer() -> None:
    from answers_parts.rows import declarations

    (case,) = (one for one in fix_answers.cases() if one.name == "composite/two_weak_columns")
    (few,) = (one for one in fix_answers.cases() if one.name == "order/mixed_directions")

    columns = declarations(case)["documents"].columns
    assert columns["tenant_id"].distinct == 80
    assert declarations(few)["entries"].columns["score"].distinct == 50
