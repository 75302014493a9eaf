"""Where the application enters a driver: the methods it calls to execute.

Between such a method and the one that sends stand always the same few frames. Python makes an
object of each frame that is looked at, so the way out begins at the outermost of them.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from types import CodeType, FrameType
from typing import Any

_DEEPEST = 16
"""Frames between a driver's public method and what it sends with."""


class PublicMethods:
    """The methods of one driver, and how far in it sends.

    Args:
        methods: Its public functions; what has no code of Python's is left out.
    """

    __slots__ = ("codes", "depth")

    def __init__(self, methods: Iterable[Any]) -> None:
        codes = (getattr(method, "__code__", None) for method in methods)
        self.codes: dict[int, CodeType] = {id(code): code for code in codes if code is not None}
        """By identity: hashing code costs more than counting a statement."""
        self.depth = 0
        """Frames between one of them and who looks, when it was measured; 0: none is there."""

    def measure(self) -> None:
        """Looks for one of the methods outward of the caller."""
        frame: FrameType | None = sys._getframe(1)  # noqa: SLF001 -- what inspect wraps
        depth = 0
        while frame is not None and depth < _DEEPEST:
            if id(frame.f_code) in self.codes:
                self.depth = depth
                return
            frame, depth = frame.f_back, depth + 1
        self.depth = 0

    def outside(self) -> FrameType | None:
        """Who called the method, if one stands as far out of the caller as it did; else the caller.

        Whatever is given, no frame of the application stands further in.
        """
        try:
            frame = sys._getframe(self.depth + 1)  # noqa: SLF001 -- what inspect wraps
        except ValueError:
            return sys._getframe(1)  # noqa: SLF001 -- what inspect wraps
        return frame.f_back if id(frame.f_code) in self.codes else sys._getframe(1)  # noqa: SLF001
