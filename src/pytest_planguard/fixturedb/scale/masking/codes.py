"""Ascending texts of given lengths over an alphabet: what stand-ins are made of.

A text's place among all others is all that goes into its code, so nothing of the text can be
read off it, its first letters included. Codes depend on how many texts there are: one more text
may move all codes behind it.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence

LETTERS = "0123456789abcdefghijklmnopqrstuvwxyz"
"""Sorted alike by C, by Unicode's root collation and by most languages' (see ``alphabet``)."""

CAUTIOUS = "bckmntv"
"""Sorted alike everywhere: no two of them make a letter of their own in any language of CLDR
(as ``ch``, ``ng``, ``dz``, ``aa`` do), and none is moved (as ``w``, ``y`` and ``z`` are). Tried
with all texts of up to three of them in all 806 ICU collations of a PostgreSQL 15."""

Collate = Callable[[Sequence[str], str], list[str]]
"""Sorts distinct texts by a collation of the source server; an empty name is the database's
default. It must be bytewise among texts the collation has for equal, as PostgreSQL is."""


def alphabet(collate: Collate, collation: str) -> str:
    """The letters and digits whose texts a collation sorts as C does.

    They are asked for, not looked up: a source may have any locale library of any age. Languages
    have letters made of two (Czech ``ch``), move some (Estonian ``z``), and a collation may sort
    digits as numbers.
    """
    kept = LETTERS
    for longest in (2, 3):
        place = _places(collate, collation, kept, longest)
        while culprit := _most_misplaced(place, kept, longest):
            kept = kept.replace(culprit, "")
    return kept if len(kept) >= len(CAUTIOUS) else CAUTIOUS


def _places(collate: Collate, collation: str, letters: str, longest: int) -> dict[str, int]:
    found = collate(_texts(letters, longest), collation)
    return {text: place for place, text in enumerate(found)}


def _texts(letters: str, longest: int) -> list[str]:
    """All texts of up to so many letters, as C sorts them."""
    lengths = range(1, longest + 1)
    texts = itertools.chain(*(itertools.product(letters, repeat=n) for n in lengths))
    return sorted("".join(text) for text in texts)


def _most_misplaced(place: Mapping[str, int], letters: str, longest: int) -> str:
    """The letter whose texts are furthest from where C has them; empty: all are in place."""
    texts = _texts(letters, longest)
    found = sorted(texts, key=place.__getitem__)
    distance: Counter[str] = Counter()
    expected = {text: n for n, text in enumerate(texts)}
    for n, text in enumerate(found):
        for letter in set(text):
            distance[letter] += abs(n - expected[text])
    worst = max(letters, key=lambda letter: distance[letter], default="")
    return worst if distance[worst] else ""


def codes(lengths: Sequence[int], letters: str) -> list[str]:
    """Strictly ascending texts, none longer than its length where that leaves room for all.

    Places are spread evenly: at each depth the letters are divided among the texts, and a text
    that may not be longer begins a division. Where more texts must end at a depth than there are
    letters, those texts, and no others, become a letter longer.

    Args:
        lengths: Of the texts, from 1; the order is theirs.
        letters: Two or more, ascending.

    Returns:
        Codes that may be shorter than their length: such a code is no other's beginning, so that
        whatever follows it changes no order.

    >>> codes([1, 5, 1, 5], "abcdef")
    ['a', 'b', 'd', 'e']
    >>> codes([1, 1, 1, 2], "ab")
    ['aa', 'ab', 'ba', 'bb']
    """
    spread = _Spread(list(lengths), letters)
    spread.assign(list(range(len(lengths))), "")
    return spread.found


class _Spread:
    """The state of ``codes``."""

    def __init__(self, longest: list[int], letters: str) -> None:
        self.found = [""] * len(longest)
        self._longest = longest
        self._letters = letters

    def assign(self, items: list[int], prefix: str) -> None:
        """Gives codes that begin with a prefix to texts next to each other."""
        if not items:
            return
        divisions = self._divisions(items, len(prefix) + 1)
        start = 0
        for division, share in zip(divisions, self._shares(divisions), strict=True):
            groups = _split(division, min(share, len(division)))
            for number, group in enumerate(groups):
                self._place(group, prefix + self._letters[start + number * share // len(groups)])
            start += share

    def _place(self, group: list[int], code: str) -> None:
        if len(group) == 1 or self._longest[group[0]] <= len(code):
            self.found[group[0]] = code
            group = group[1:]
        self.assign(group, code)

    def _divisions(self, items: list[int], depth: int) -> list[list[int]]:
        """Cut before each text that must end at this depth; those become longer if too many."""
        cuts = [n for n, item in enumerate(items) if n and self._longest[item] <= depth]
        if len(cuts) + 1 > len(self._letters):
            for item in items:
                self._longest[item] = max(self._longest[item], depth + 1)
            cuts = []
        edges = [0, *cuts, len(items)]
        return [items[start:end] for start, end in itertools.pairwise(edges)]

    def _shares(self, divisions: list[list[int]]) -> list[int]:
        """How many letters each division gets: one, and more by how many texts are in it."""
        spare = len(self._letters) - len(divisions)
        total = sum(map(len, divisions))
        ends = [before * spare // total for before in itertools.accumulate(map(len, divisions))]
        return [1 + end - start for start, end in zip([0, *ends], ends, strict=False)]


def _split(items: list[int], parts: int) -> list[list[int]]:
    """Evenly, in order."""
    edges = [n * len(items) // parts for n in range(parts + 1)]
    return [items[start:end] for start, end in itertools.pairwise(edges)]


def avoiding(
    lengths: Sequence[int],
    letters: str,
    standin: Callable[[str, int, int], str],
    taken: Collection[str],
) -> list[str]:
    """Stand-ins made of codes, none of them among those taken.

    Args:
        lengths: As of ``codes``.
        letters: As of ``codes``.
        standin: Makes one of a code, the number of its text and the length it should have.
        taken: What no stand-in may be; one that would be becomes longer.
    """
    longest = list(lengths)
    while True:
        made = codes(longest, letters)
        found = [standin(code, n, longest[n]) for n, code in enumerate(made)]
        hit = [n for n, item in enumerate(found) if item in taken]
        if not hit:
            return found
        for n in hit:
            longest[n] = max(longest[n], len(made[n])) + 1
