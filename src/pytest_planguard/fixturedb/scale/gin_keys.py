"""The keys of a GIN index, and how many rows each is in, from what ANALYZE keeps of a column.

Of arrays and ``tsvector`` it keeps how frequent elements are. Of documents and texts it keeps whole
values, the most common ones and those between evenly many others: a sample of about a hundred.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import msgspec

from pytest_planguard.fixturedb.scale import documents
from pytest_planguard.fixturedb.scale.documents import Place
from pytest_planguard.fixturedb.scale.gin import Keys
from pytest_planguard.model.statistics import ColumnStatistics

_ELEMENTS = {
    "_bool": 1, "_int2": 2, "_int4": 4, "_int8": 8, "_float4": 4, "_float8": 8, "_date": 4,
    "_timestamp": 8, "_timestamptz": 8, "_uuid": 16, "_oid": 4,
}  # fmt: skip
"""Bytes of elements of fixed length; all others are short texts with a header of one."""
_HASH = 4
"""Keys of ``jsonb_path_ops`` and of trigrams are integers."""
_WORD = 8.5
"""Bytes of a lexeme in a ``tsvector`` beside its letters: ``WordEntry``, and a position with its
count, half a byte of padding."""
_BIN = 1.25
"""Ranks of one group of rare elements: from each to a quarter more."""
_RARE = "a rare one"
"""An element of a middling length."""
_RAREST = 0.01
"""Rows that a group's elements are expected in, at least; below it each row has one of its own."""
_NEGLIGIBLE = 0.01
"""Share of a row's elements that is not worth a group."""

_Extract = Callable[[str], list[tuple[Place, str]] | None]


def keys_of(
    facts: ColumnStatistics, rows: float, kind: str, opclass: str
) -> tuple[Keys, ...] | None:
    """Keys of one column of a GIN index; None: its statistics do not tell.

    Args:
        facts: The column's, or an expression's.
        rows: Of the table.
        kind: Base type, as ``Column.base_type``.
        opclass: Name of the operator class.
    """
    present = rows * (1 - facts.null_frac)
    nulls = [Keys(1, rows - present, 0)] if rows - present >= 1 else []
    found = _present(facts, present, kind, opclass)
    return None if found is None else (*nulls, *(key for key in found if key.number > 0))


def _present(facts: ColumnStatistics, present: float, kind: str, opclass: str) -> list[Keys] | None:
    if "trgm" in opclass:
        return _sampled(facts, present, documents.of_trigrams, lambda _: _HASH)
    if kind == "jsonb" and "path" in opclass:
        return _sampled(facts, present, documents.of_paths, lambda _: _HASH)
    if kind == "jsonb":
        return _sampled(facts, present, documents.of_document, documents.width)
    if kind == "tsvector":
        return _elements(facts, present, lambda key: 1 + len(key.encode()), _words(facts))
    if kind.startswith("_"):
        fixed = _ELEMENTS.get(kind)
        each = facts.elem_count_histogram[-1] if facts.elem_count_histogram else 0.0
        found = _elements(facts, present, lambda key: fixed or 1 + len(key.encode()), each)
        return None if found is None else [*_empty(facts, present), *found]
    return None


def _empty(facts: ColumnStatistics, present: float) -> Iterator[Keys]:
    """Rows whose array has no element have one key together."""
    counts = facts.elem_count_histogram[:-1]
    share = sum(count == 0 for count in counts) / max(1, len(counts))
    if share:
        yield Keys(1, max(1.0, share * present), 0)


def _words(facts: ColumnStatistics) -> float:
    """Different lexemes of a row, from the width of what holds them."""
    known = list(zip(facts.most_common_elems, facts.most_common_elem_freqs, strict=False))
    letters = sum(len(word.encode()) * freq for word, freq in known)
    each = letters / max(1e-9, sum(freq for _, freq in known))
    return max(0.0, facts.avg_width - 5) / (_WORD + each)


def _elements(
    facts: ColumnStatistics, present: float, width: Callable[[str], float], each: float
) -> list[Keys] | None:
    """Keys of what has statistics of its elements.

    Args:
        facts: With the most common elements.
        present: Rows that are not NULL.
        width: Bytes of an element as a key.
        each: Different elements of a row, on average.
    """
    if not facts.most_common_elems:  # each too rare to be listed, or nothing is known
        return [Keys(each * present, 1, width(_RARE))] if each else None
    known = sorted(
        zip(facts.most_common_elems, facts.most_common_elem_freqs, strict=False),
        key=lambda one: -one[1],
    )
    freqs = [freq for _, freq in known]
    rest = each - sum(freqs)
    common = [Keys(1, max(1.0, freq * present), width(element)) for element, freq in known]
    if rest <= _NEGLIGIBLE * each:
        return common
    mean = sum(key.width for key in common) / len(common)
    return [*common, *rare_keys(freqs, rest, present, mean)]


def rare_keys(freqs: Sequence[float], rest: float, present: float, width: float) -> Iterator[Keys]:
    """Elements too rare to be listed: ANALYZE keeps ten times as many as ``statistics_target``.

    Frequencies go on falling by rank as those of the rarer listed ones do (a power of the rank, as
    Zipf found of words), until nothing is left; of elements that less than one row is expected to
    have, some rows have one.

    Args:
        freqs: Of the listed, falling.
        rest: What rows have of others, on average.
        present: Rows.
        width: Bytes of a key.
    """
    rank, falls = float(len(freqs)), _falls(freqs)
    least = freqs[-1]
    while rest > 0:
        number = rank * (_BIN - 1)
        freq = least * (rank * (1 + _BIN) / 2 / len(freqs)) ** -falls
        expected = freq * present
        if expected < _RAREST:
            yield Keys(rest * present, 1, width)
            return
        number = min(number, rest / freq)
        yield _met(number, expected, width)
        rest, rank = rest - number * freq, rank * _BIN


def _falls(freqs: Sequence[float]) -> float:
    """By which power of the rank frequencies fall, over the rarer nine in ten."""
    first, last = max(1, len(freqs) // 10), len(freqs)
    if last - first < 9:  # too few to see it
        return 1.0
    slope = math.log(freqs[first - 1] / freqs[-1]) / math.log(last / first)
    return min(2.0, max(0.0, slope))


def _met(number: float, expected: float, width: float) -> Keys:
    """Those of the keys that come at all, if each is expected in so many rows (Poisson)."""
    comes = -math.expm1(-expected)
    return Keys(number * comes, max(1.0, expected / comes), width)


class _Sample(msgspec.Struct):
    """What of the values at one place is seen."""

    common: defaultdict[str, float]
    """By key: share of the rows, of most common values."""
    seen: Counter[str]
    """By key: in how many of the sampled values."""


def _sampled(
    facts: ColumnStatistics, present: float, extract: _Extract, width: Callable[[str], float]
) -> list[Keys] | None:
    """Keys of what has whole values for statistics."""
    places: dict[Place, _Sample] = defaultdict(lambda: _Sample(defaultdict(float), Counter()))
    whole = max(1e-9, 1 - facts.null_frac)
    shares = dict(zip(facts.most_common_values, facts.most_common_freqs, strict=False))
    for text, freq in shares.items():
        for place, key in extract(text) or ():
            places[place].common[key] += freq / whole
    values = [keys for text in facts.histogram_bounds if (keys := extract(text)) is not None]
    for keys in values:
        for place, key in keys:
            places[place].seen[key] += 1
    others = max(0.0, 1 - sum(shares.values()) / whole) * present
    if not places or (others > _NEGLIGIBLE * present and not values):  # as of masked documents
        return None
    return [
        key
        for sample in places.values()
        for key in _at_place(sample, present, others, len(values), width, _distinct(facts, present))
    ]


def _at_place(
    sample: _Sample,
    present: float,
    others: float,
    values: int,
    width: Callable[[str], float],
    most: float,
) -> Iterator[Keys]:
    """Keys of one place: those seen twice or known to be common, and all that are like the rest.

    A histogram's values lie evenly in their order: those they are ordered by first repeat less
    often there than in a sample at random. So numbers are no more than lie between the least and
    the largest, and no place has more keys than there are different values.
    """
    each = others / max(1, values)
    """Rows a sampled value stands for."""
    once = {key for key, count in sample.seen.items() if count == 1 and key not in sample.common}
    for key in sample.common.keys() | sample.seen.keys() - once:
        rows = sample.common.get(key, 0.0) * present + sample.seen[key] * each
        yield Keys(1, max(1.0, rows), width(key))
    if once:
        mean = sum(width(key) for key in once) / len(once)
        number = distinct_like(sample.seen, values / max(values, others))
        number = max(len(once), number - (len(sample.seen) - len(once)))
        number = min(number, len(once) * each, most, _whole_numbers(sample.seen))
        yield Keys(number, max(1.0, len(once) * each / number), mean)


def _distinct(facts: ColumnStatistics, present: float) -> float:
    """Different values of a column; all may differ where nobody knows."""
    known = facts.n_distinct
    return (known if known > 0 else -known * present) or present


def _whole_numbers(keys: Iterable[str]) -> float:
    """How many there are between the least and the largest; unlimited where some are others."""
    try:
        numbers = [int(key) for key in keys]
    except ValueError:
        return math.inf
    return max(numbers) - min(numbers) + 1


def distinct_like(seen: Mapping[str, int], share: float) -> float:
    """Different keys in all rows, from those in a sample.

    The estimator ANALYZE takes for columns: Haas and Stokes, "Estimating the number of classes in
    a finite population" (1998), their Duj1.

    Args:
        seen: How often each came.
        share: Of the rows that were sampled.

    >>> distinct_like({"a": 50, "b": 50}, 0.01), round(distinct_like({"a": 1, "b": 1}, 0.01))
    (2.0, 200)
    """
    total = sum(seen.values())
    once = sum(count == 1 for count in seen.values())
    return total * len(seen) / (total - once + once * share)
