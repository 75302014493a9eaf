import random

import pytest

from pytest_planguard.fixturedb.scale.masking.codes import (
    CAUTIOUS,
    LETTERS,
    alphabet,
    avoiding,
    codes,
)
from pytest_planguard.fixturedb.scale.masking.literals import literals
from pytest_planguard.fixturedb.scale.masking.types import ValueType, value_type


@pytest.mark.parametrize("letters", ["01", "abc", CAUTIOUS, LETTERS])
def test_codes_ascend_whatever_the_lengths(letters):
    chance = random.Random(letters)
    for _ in range(200):
        lengths = [chance.choice((1, 1, 2, 3, 9)) for _ in range(chance.randint(0, 120))]
        found = codes(lengths, letters)
        assert found == sorted(set(found))
        beyond = [len(code) > length for code, length in zip(found, lengths, strict=True)]
        for n, code in enumerate(found):  # what is padded begins no other code
            if len(code) < lengths[n]:
                assert not any(other.startswith(code) for other in found[n + 1 : n + 2])
        if len(lengths) < len(letters):
            assert not any(beyond)


def test_two_letters_hold_all_country_codes_among_many_longer_texts():
    chance = random.Random(1)
    lengths = [2] * 249 + [20] * 20000
    chance.shuffle(lengths)
    found = codes(lengths, LETTERS)
    assert all(len(code) <= length for code, length in zip(found, lengths, strict=True))
    assert max(map(len, found)) <= 5


def test_what_would_be_taken_for_a_value_that_stays_becomes_longer():
    def padded(code, _, length):
        return code.ljust(length, "m")

    plain = avoiding([1, 4], "mno", padded, ())
    found = avoiding([1, 4], "mno", padded, set(plain))
    assert found == sorted(found)
    assert not set(found) & set(plain)
    assert [len(text) for text in found] == [2, 5]


def folded(texts, key):
    return sorted(texts, key=lambda text: (key(text), text))


def test_all_letters_and_digits_serve_where_they_are_sorted_as_c_does():
    assert alphabet(lambda texts, _: sorted(texts), "") == LETTERS


def test_digits_are_not_used_where_they_are_sorted_as_numbers():
    def numeric(text):
        digits = text.rstrip("abcdefghijklmnopqrstuvwxyz")
        return (0, int(digits), text) if digits.isdigit() else (1, 0, text)

    found = alphabet(lambda texts, _: folded(texts, numeric), "")
    assert set("abcxyz") <= set(found)
    assert len(set("0123456789") & set(found)) <= 1


def test_letters_that_make_one_together_are_not_both_used():
    czech = alphabet(lambda texts, _: folded(texts, lambda t: t.replace("ch", "h~")), "")
    assert not {"c", "h"} <= set(czech)
    danish = alphabet(lambda texts, _: folded(texts, lambda t: t.replace("aa", "~")), "")
    assert "a" not in danish


def test_a_letter_sorted_elsewhere_is_not_used():
    estonian = alphabet(lambda texts, _: folded(texts, lambda t: t.replace("z", "s~")), "")
    assert not {"s", "z"} <= set(estonian) or set("tuvw").isdisjoint(estonian)


def test_a_collation_of_nobody_gets_the_letters_that_are_safe_everywhere():
    assert alphabet(lambda texts, _: sorted(texts, reverse=True), "") == CAUTIOUS


@pytest.mark.parametrize(
    ("definition", "found"),
    [
        ("CHECK ((a > 0))", set()),
        ("CHECK ((a = 'x'::text) OR (b = 'it''s'))", {"x", "it's"}),
        (r"CHECK ((a ~ E'\\d''s'))", {r"\d's"}),
        ("""CHECK (("it's" = 'x') AND ("y" = 'z'))""", {"x", "z"}),
        ("""CHECK ((a = 'say "a"') AND (b = 'or "b'))""", {'say "a"', 'or "b'}),
        ("CHECK ((a = ANY ('{new,\"in use\"}'::text[])))", {'{new,"in use"}', "new", "in use"}),
        ("CHECK ((a ~ '^[a-z]{2}$'))", {"^[a-z]{2}$"}),
        ("FOR VALUES FROM ('a', MINVALUE) TO ('m')", {"a", "m"}),
    ],
)
def test_constants_of_definitions(definition, found):
    assert literals(definition) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("text not null", ValueType("text")),
        ("character(2)[][]", ValueType("text", is_array=True, limit=2, is_padded=True)),
        ("numeric(12,2)", ValueType("harmless")),
        ("timestamp(3) without time zone not null", ValueType("harmless")),
        ('app."odd(3)"', ValueType("unknown")),
        ("cidr", ValueType("network")),
    ],
)
def test_types_are_read_without_length_and_not_null(text, found):
    assert value_type(text, {}) == found
