import itertools
import math
import random
import struct

import pytest

from pytest_planguard.model.statistics import ColumnStatistics
from pytest_planguard.model.terse import column_from, column_text, number, number_text

FRACTIONS = (0.0, 1.0, 0.5, 0.07, 0.0001, 1 / 3, 0.33333334, 1.1e-7, 4.9e-324, 2.5e-20, 0.99999994)
COUNTS = (0.0, 1.0, 4.0, 1_000.0, 123_456.0, 1.2345679e7, 9e14, 1e15, 3.4e38, 12.5, -1.0, -0.35)


def test_the_line_reads_as_a_sentence_about_the_column():
    facts = ColumnStatistics(0.025, 1_200, 47_000.0, correlation=-0.98, range_empty_frac=0.0)
    assert column_text(facts) == (
        "1,200 bytes; 2.5% null; 0% empty; 47,000 distinct; correlation -0.98"
    )


@pytest.mark.parametrize("fraction", FRACTIONS)
def test_every_fact_reads_back_beside_every_other(fraction):
    others = itertools.product(COUNTS, (None, 0.0, -fraction), (None, fraction), (False, True))
    for width, (count, correlation, empty, masked) in zip(
        itertools.cycle((0, 8, 10**6)), others, strict=False
    ):
        facts = ColumnStatistics(
            fraction,
            width,
            count,
            correlation=correlation,
            range_empty_frac=empty,
            masked=masked,
        )
        assert column_from(column_text(facts)) == facts


def test_every_real_of_the_server_reads_back_as_itself_and_so_does_every_double():
    chance = random.Random(8)
    for _ in range(2_000):
        (real,) = struct.unpack("f", struct.pack("f", chance.random() * 10 ** -chance.randrange(8)))
        again = number(number_text(real))
        assert struct.pack("f", again) == struct.pack("f", real)
        assert len(number_text(real)) <= 15
        printed = float(number_text(real))  # as a driver reads what the server printed
        fraction = ColumnStatistics(printed, 1, -printed, correlation=printed)
        assert column_from(column_text(fraction)) == fraction
        double = chance.random() * 10 ** chance.randrange(-20, 20)
        assert number(number_text(double)) == double
        facts = ColumnStatistics(double, 1, -double, correlation=double)
        assert column_from(column_text(facts)) == facts


def test_endless_numbers_read_back_as_such():
    for count in (math.inf, -math.inf):
        assert column_from(column_text(ColumnStatistics(n_distinct=count))).n_distinct == count


def test_the_order_of_the_parts_does_not_matter():
    assert column_from("unique; 8 bytes") == column_from("8 bytes; unique")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", '"" is not understood'),
        ("8 bytes; 3 distinc", '"3 distinc" is not understood'),
        ("8 bytes; nan distinct", '"nan distinct" is not understood'),
        ("8 bytes; 1_0 distinct", '"1_0 distinct" is not understood'),
        ("8.5 bytes", '"8.5 bytes" is not understood'),
        ("8 bytes;unique", '"8 bytes;unique" is not understood'),
        ("8 bytes; unique; 3 distinct", '"3 distinct" says again what is said already'),
        ("unique", "no part says how many bytes wide it is"),
    ],
)
def test_what_is_not_understood_is_quoted(text, sentence):
    with pytest.raises(ValueError, match="is") as caught:
        column_from(text)
    assert str(caught.value) == sentence
