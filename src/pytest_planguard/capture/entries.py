"""Where the suite calls the application: once, or in a loop of its own.

A line that asks five times in one test is a loop of the application only if the test did not loop:
a test that calls a function for five products is no fault. So executions are told apart by the
instructions of the suite's frames on their stack, and those inside of a loop don't count.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from types import CodeType, FrameType
from typing import TypeAlias

from pytest_planguard.capture.files import Owner, SourceFile

Entry: TypeAlias = tuple[tuple[CodeType, int], ...]
"""Code and instruction of each of the suite's frames, innermost first."""

_REPEATING = frozenset(("hypothesis",))
"""Libraries that call a test many times as one."""


class Entries:
    """Finds the calls that led to a statement.

    Args:
        file: Whose code a frame runs.
        handed: The calls that led to this thread's work, where another one asked for it.
    """

    def __init__(
        self,
        file: Callable[[FrameType], SourceFile],
        handed: Callable[[], Entry | None] = lambda: None,
    ) -> None:
        self._file = file
        self._handed = handed

    def at(self, frame: FrameType) -> Callable[[], Entry | None]:
        """``of`` a frame, for later in the same call."""
        return lambda: self.of(frame)

    def of(self, frame: FrameType | None) -> Entry | None:
        """The suite's calls on the stack of a frame; None where one of them is in a loop."""
        found: list[tuple[CodeType, int]] = []
        while frame is not None:
            file = self._file(frame)
            if file.owner is Owner.RUNNER:
                break
            if file.owner is Owner.TEST:
                if any(frame.f_lasti in one for one in _looped(frame.f_code)):
                    return None
                found.append((frame.f_code, frame.f_lasti))
            elif file.name in _REPEATING:
                return None
            frame = frame.f_back
        return tuple(found) or self._handed() or ()


@functools.lru_cache(maxsize=2_000)
def _looped(code: CodeType) -> tuple[range, ...]:
    """The instructions of a function that its loops repeat.

    ``await`` jumps back too, without being a loop.
    """
    import dis

    return tuple(
        range(int(one.argval), one.offset)
        for one in dis.get_instructions(code)
        if "JUMP_BACKWARD" in one.opname and "NO_INTERRUPT" not in one.opname
    )
