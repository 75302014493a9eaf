"""Trees that are deeper than Python allows for: statements, and plans, of hundreds of levels."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

LEVELS = 5_000
"""Of calls. A sub-select within another is eight levels of a parse tree, so that some six hundred
are read; a level takes about half a kilobyte of a stack that has eight megabytes (3.11)."""

TOO_DEEP = "it is nested too deeply to be read"


@contextmanager
def room_for_deep_trees() -> Iterator[None]:
    """Raises Python's limit while trees are read; a suite's own recursion is not affected."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(max(before, LEVELS))
    try:
        yield
    finally:
        sys.setrecursionlimit(before)
