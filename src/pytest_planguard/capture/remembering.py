"""Remembering what was read off a text, without holding texts of any length."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TypeVar

LONGEST = 4_096
"""Bytes of a text up to which what was read off it is remembered; psycopg 3 likewise."""

R = TypeVar("R")


def remembered(most: int) -> Callable[[Callable[..., R]], Callable[..., R]]:
    """Remembers what a function of texts gives, where none of them is long.

    Args:
        most: Calls remembered, the latest; with ``LONGEST`` this bounds what is held.
    """

    def decorate(function: Callable[..., R]) -> Callable[..., R]:
        known = functools.lru_cache(maxsize=most)(function)

        @functools.wraps(function)
        def asked(*texts: bytes) -> R:
            for text in texts:
                if len(text) > LONGEST:
                    return function(*texts)
            return known(*texts)

        return asked

    return decorate
