"""Short cuts outward over the frames of drivers and ORMs, where they were walked before.

Python makes an object of each frame that is looked at, unless one is asked for by its distance. So
of the frames that carry a statement one in the middle and the three outermost are looked at: where
these run the same functions at the same distances as before, the others are taken to do so, too.
Code of the application that an ORM calls and that asks itself (an event's listener) stands between
others, and makes the stack deeper. What is further out is walked as ever, so that whoever called
the ORM is seen and not remembered.
"""

from __future__ import annotations

import sys
from types import CodeType, FrameType
from typing import NamedTuple

_MOST = 4
"""Ways remembered of one place: an ORM's few functions that ask."""

_WORTH = 4
"""Frames from which on a way is remembered."""

_frame = sys._getframe  # noqa: SLF001 -- what inspect wraps


class _Way(NamedTuple):
    """Frames that carry what the one outside of them asks."""

    distance: int
    """Of the third from outside, from the innermost."""
    middle: int
    """Likewise of the one in the middle."""
    middle_code: CodeType
    codes: tuple[CodeType, CodeType, CodeType]
    """Of the three outermost; the outermost last."""


class Ways:
    """The ways outward from one place.

    Args:
        passed: File names of libraries and of nobody.
        carriers: Among them those of drivers, ORMs, and of planguard itself.
    """

    __slots__ = ("_carriers", "_passed", "_ways")

    def __init__(self, passed: set[str], carriers: set[str]) -> None:
        self._passed = passed
        self._carriers = carriers
        self._ways: tuple[_Way, ...] = ()
        """The latest first."""

    def out(self, distance: int) -> FrameType | None:
        """The innermost frame that is not a library's, or of a file that was not met yet.

        Args:
            distance: Of the frame to begin with, from the caller.

        Returns:
            None where there is none.
        """
        for way in self._ways:
            try:
                frame = _frame(distance + 1 + way.distance)
            except ValueError:  # the stack is not as deep
                continue
            third, second, outermost = way.codes
            if (
                frame.f_code is third
                and (next_one := frame.f_back) is not None
                and next_one.f_code is second
                and (last := next_one.f_back) is not None
                and last.f_code is outermost
                and _frame(distance + 1 + way.middle).f_code is way.middle_code
            ):
                outer = last.f_back
                if outer is None or outer.f_code.co_filename not in self._passed:
                    return outer
                return self.walk(outer)
        return self.learn(_frame(distance + 1))

    def walk(self, frame: FrameType | None) -> FrameType | None:
        """Likewise, of a frame."""
        passed = self._passed
        while frame is not None and frame.f_code.co_filename in passed:
            frame = frame.f_back
        return frame

    def learn(self, frame: FrameType | None) -> FrameType | None:
        """Likewise, and remembers the way if carriers stand there, and enough of them."""
        carriers = self._carriers
        codes: list[CodeType] = []
        while frame is not None and frame.f_code.co_filename in carriers:
            codes.append(frame.f_code)
            frame = frame.f_back
        if len(codes) >= _WORTH:
            third, middle = len(codes) - 3, len(codes) // 2
            way = _Way(third, middle, codes[middle], (codes[-3], codes[-2], codes[-1]))
            others = [one for one in self._ways if one != way]
            self._ways = (way, *others[: _MOST - 1])
        return self.walk(frame)
