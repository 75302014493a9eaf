from __future__ import annotations

import random

from pytest_planguard.capture.samples import (
    HUGE,
    KEPT,
    LARGE,
    NO_SAMPLES,
    Samples,
    to_raw,
    to_sample,
)
from pytest_planguard.model.statement import Sample


def kept(values: list[bytes]) -> tuple[Sample, ...]:
    samples = Samples()
    for value in values:
        samples.add((value,), ())
    return samples.read()


def test_values_of_a_class_of_the_applications_are_not_asked_anything() -> None:
    def odd(*_: object) -> bytes:
        raise AssertionError("it was asked")

    names = ("bytes", "hash", "eq", "iter", "len", "getitem", "buffer", "repr", "str")
    methods = {f"__{name}__": odd for name in names}
    values = [type("Odd", (kind,), methods)(b"x") for kind in (bytes, bytearray)]
    samples = Samples()
    for _ in range(2):
        samples.offer(values, [0, 0])
    assert samples.read() == (Sample(("x", "x")),)


def test_the_choice_does_not_depend_on_the_order() -> None:
    values = [str(n).encode() for n in range(1000)]
    shuffled = random.Random(1).sample(values, len(values))
    assert kept(values) == kept(shuffled)
    assert len(kept(values)) == KEPT


def test_the_choice_does_not_depend_on_how_the_run_was_split() -> None:
    values = [str(n).encode() for n in range(1000)]
    merged = Samples()
    for part in (values[700:], values[:300], values[300:700]):
        for sample in kept(part):
            merged.add_sample(sample)
    assert merged.read() == kept(values)


def test_equal_values_are_kept_once() -> None:
    assert kept([b"a", b"a"]) == (Sample(values=("a",)),)


def test_of_large_values_one_is_kept() -> None:
    large = [bytes([n]) * LARGE for n in range(65, 75)]
    assert len(kept(large)) == 1
    assert kept(large) == kept(large[::-1])
    assert len(kept([b"a", *large])) == 2


def test_null_is_not_an_empty_text() -> None:
    samples = Samples()
    samples.add((None,), ())
    samples.add((b"",), ())
    assert {sample.values for sample in samples.read()} == {(None,), ("",)}


def test_a_sample_keeps_its_bytes() -> None:
    raw = ("é".encode(), None, b"\x00\xff")
    sample = to_sample(raw, (2,))
    assert sample == Sample(values=("é", None, "00ff"), binary=(2,))
    assert to_raw(sample) == raw


def test_text_that_is_not_utf_8_is_readable() -> None:
    assert to_sample((b"\xe9t\xe9",), ()).values == ("été",)


def test_an_upload_is_not_kept() -> None:
    assert kept([b"x" * HUGE]) == ()
    assert kept([b"a", b"x" * HUGE]) == (Sample(("a",)),)


def test_of_values_that_would_join_to_one_text_none_is_lost() -> None:
    lists = [(b"a\1", b"b"), (b"a", b"\1b"), (None, b"b"), (b"\0", b"b"), (b"a", b"b")]
    for order in (lists, lists[::-1]):
        samples = Samples()
        for _ in range(2):
            for values in order:
                samples.offer(values, None)
        assert len(samples.read()) == len(lists)


def test_what_is_offered_a_few_at_a_time_is_chosen_alike() -> None:
    values = [str(n).encode() for n in range(5_000)]
    samples = Samples()
    for value in random.Random(2).sample(values, len(values)) * 2:
        samples.offer([value], [0])
    assert samples.read() == kept(values)


def test_of_lists_of_very_many_values_one_is_kept_however_they_are_offered() -> None:
    rows = [[b"%d" % number] * 1_024 for number in range(3)]
    one_by_one, together = Samples(), Samples()
    for row in rows:
        one_by_one.offer(row, None)
    together.offer_all(rows, None)
    assert len(together.read()) == 1
    assert together.read() == one_by_one.read()


def test_values_of_what_is_only_counted_are_not_kept() -> None:
    NO_SAMPLES.offer([b"a"], None)
    NO_SAMPLES.offer_all([[b"a"]], None)
    assert NO_SAMPLES.read() == ()
