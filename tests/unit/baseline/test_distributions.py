from __future__ import annotations

import math
import random

import pytest

from pytest_planguard.baseline.column_changes import Sizes, differences, settled_line, told
from pytest_planguard.baseline.distributions import facts_from, known_facts, line, lines_of
from pytest_planguard.model.statistics import ColumnStatistics, TableStatistics

ROWS = Sizes(1e6, 1e6)
STATUS = ColumnStatistics(
    0.0, 4, 5.0, ("paid", "open", "void"), (0.7513, 0.1987, 0.05), correlation=0.1234
)


def test_a_line_has_no_value_and_two_digits():
    assert line(STATUS) == "4 bytes; 5 distinct; correlation 0.12; common 75%, 20%, 5%"


def test_what_a_line_says_is_read_back():
    facts = facts_from("4 bytes; 2.5% null; 35% distinct; common 50%, 10% and 3 more of 6%")
    assert (facts.avg_width, facts.null_frac, facts.n_distinct) == (4, 0.025, -0.35)
    assert facts.most_common_freqs == pytest.approx((0.5, 0.1, 0.02, 0.02, 0.02))
    assert line(facts_from(line(STATUS))) == line(STATUS)


def test_a_column_whose_values_are_stand_ins_is_no_other_line():
    masked = ColumnStatistics(0.0, 4, 5.0, masked=True)
    assert line(masked) == "4 bytes; 5 distinct"


@pytest.mark.parametrize("text", ["by hand", "4 bytes; common many", "4 bytes; common 1% and x"])
def test_a_line_nobody_understands_is_none(text):
    assert known_facts(text) is None


def test_a_line_nobody_understands_is_no_reason_to_stop():
    assert differences("by hand", "4 bytes", ROWS) == {}
    assert settled_line("by hand", "4 bytes", 1e6) == "4 bytes"


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ("4 bytes; 5 distinct", "4 bytes; 40,000 distinct", ["5 distinct → 40,000"]),
        ("4 bytes; unique", "4 bytes; 9 distinct", ["1,000,000 distinct → 9"]),
        ("4 bytes; 5 distinct", "4 bytes; 6 distinct", []),
        ("4 bytes", "4 bytes; 6 distinct", []),
        ("4 bytes; 99% null", "4 bytes; 98% null", ["99% null → 98%"]),
        ("4 bytes; 0.1% null", "4 bytes; 0.18% null", []),
        ("4 bytes", "4 bytes; 60% null", ["0% null → 60%"]),
        ("4 bytes; correlation 1", "4 bytes; correlation 0.1", ["correlation 1 → 0.1"]),
        ("4 bytes; correlation 0.3", "4 bytes; correlation 0.2", []),
        ("4 bytes", "40 bytes", ["4 bytes → 40"]),
        ("4 bytes", "8 bytes", []),
        (
            "4 bytes; 3 distinct; common 75%, 20%, 5%",
            "4 bytes; 3 distinct; common 50%, 45%, 5%",
            ["most common value 75% → 50%"],
        ),
        (
            "4 bytes; 200 distinct; common 0.6%",
            "4 bytes; 200 distinct",
            [],
        ),
    ],
)
def test_what_moved_is_told_and_what_did_not_is_not(before, after, words):
    assert list(differences(before, after, ROWS)) == words


def test_a_column_that_was_never_analysed_is_written_once_it_was():
    assert settled_line("0 bytes", "4 bytes; 5 distinct", 1e6) == "4 bytes; 5 distinct"
    assert settled_line("4 bytes; 5 distinct", "0 bytes", 1e6) == "0 bytes"


def test_as_many_values_or_as_large_a_share_have_not_moved():
    grown = Sizes(1e6, 1e7)
    assert not differences("4 bytes; 700,000 distinct", "4 bytes; 7,000,000 distinct", grown)
    assert not differences("4 bytes; 9 distinct", "4 bytes; 9 distinct; correlation 0.1", grown)
    assert differences("4 bytes; 700,000 distinct", "4 bytes; 7,000,000 distinct", ROWS)


def test_columns_that_are_on_one_side_only_are_the_schemas_matter():
    before, after = {"a": "4 bytes", "b": "4 bytes"}, {"b": "40 bytes", "c": "4 bytes"}
    (one,) = told(before, after, ROWS)
    assert (one.column, one.words) == ("b", "4 bytes → 40")


def test_of_a_partitioned_table_the_statistics_with_its_partitions_are_kept():
    table = TableStatistics(1.0, 0, inherited={"a": STATUS})
    assert lines_of(table) == {"a": line(STATUS)}


def sampled(chance: random.Random, *freqs: float) -> ColumnStatistics:
    """What ANALYZE sees in 30,000 of many rows of 40 values.

    Of the rare ones those are listed that this sample has two standard deviations more of, as by
    ``analyze_mcv_list``.
    """

    def seen(share: float) -> float:
        return max(0.0, chance.gauss(share, _deviation(share)))

    rare = (0.98 - sum(freqs)) / (40 - len(freqs))
    others = [seen(rare) for _ in range(40 - len(freqs))]
    listed = [one for one in others if one > rare + 2 * _deviation(rare)]
    common = sorted([*map(seen, freqs), *listed], reverse=True)
    return ColumnStatistics(
        seen(0.02),
        8,
        40.0,
        tuple(map(str, common)),
        tuple(common),
        correlation=chance.gauss(0.4, 0.02),
    )


def _deviation(share: float) -> float:
    return math.sqrt(share * (1 - share) / 30_000)


def test_another_sample_of_the_same_rows_leaves_the_line_that_stands_there():
    chance = random.Random(6)
    first = line(sampled(chance, 0.5, 0.1, 0.06))
    others = {line(sampled(chance, 0.5, 0.1, 0.06)) for _ in range(200)}
    assert len(others) > 100
    assert {settled_line(first, other, 1e6) for other in others} == {first}
    assert settled_line(first, line(sampled(chance, 0.9, 0.05)), 1e6) != first
