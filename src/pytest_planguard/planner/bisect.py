"""Where between two sizes something turns: halving, for many questions at once."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

import msgspec

CLOSE = 1.2
"""Ends this near to each other, as a ratio, are close enough: no forecast of growth is better."""


class Span(msgspec.Struct, frozen=True):
    """Two sizes of a question, in times of today's: not turned at one, turned at the other."""

    low: float
    high: float

    @property
    def middle(self) -> float:
        """Of the ratio, to two digits: questions with like spans then share a database."""
        return float(f"{math.sqrt(self.low * self.high):.1e}")

    @property
    def is_wide(self) -> bool:
        """Whether there is room for a size between the two."""
        return self.high / self.low > CLOSE and self.low < self.middle < self.high


Turned = Callable[[float, Sequence[int]], Mapping[int, bool]]
"""Given a size and questions: which of them have turned there; one without an answer is missing."""


def narrowed(spans: Mapping[int, Span], turned: Turned, sizes: int) -> dict[int, Span]:
    """The spans, made narrower until they are close or enough sizes were looked at.

    Args:
        spans: By question.
        turned: Answers them.
        sizes: How many different sizes may be asked for; each is a database to make.
    """
    found = dict(spans)
    given_up: set[int] = set()
    for _ in range(sizes):
        waiting: dict[float, list[int]] = defaultdict(list)
        for number, span in found.items():
            if span.is_wide and number not in given_up:
                waiting[span.middle].append(number)
        if not waiting:
            break
        # most questions first; of as many, the smaller size: it comes sooner
        middle = min(waiting, key=lambda size: (-len(waiting[size]), size))
        answers = turned(middle, waiting[middle])
        for number in waiting[middle]:
            if number not in answers:
                given_up.add(number)
            elif answers[number]:
                found[number] = Span(found[number].low, middle)
            else:
                found[number] = Span(middle, found[number].high)
    return found
