"""Where the suite calls the application: once, or in a loop of its own.

A line that asks five times in one test is a loop of the application only if the test did not loop:
a test that calls a function for five products is no fault. So executions are told apart by the
instructions of the suite's frames on their stack, and those inside of a loop don't count. Where
none is on the stack of a task, each task is one call; of a thread nobody knows.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterator
from types import CodeType, FrameType
from typing import Any, TypeAlias

from pytest_planguard.capture.files import Owner, SourceFile
from pytest_planguard.capture.identity import ByIdentity

Entry: TypeAlias = tuple[tuple[CodeType, int], ...] | int
"""Code and instruction of each of the suite's frames, innermost first; or a task's number."""

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
        self._tasks: ByIdentity[int] = ByIdentity()
        self._met = 0
        self._silent: set[str] = set()
        """File names that tell nothing about calls: nearly all of a stack."""

    def at(self, frame: FrameType) -> Callable[[], Entry | None]:
        """``of`` a frame, for later in the same call."""
        return lambda: self.of(frame)

    def of(self, frame: FrameType | None) -> Entry | None:
        """The suite's calls on the stack of a frame.

        Returns:
            None where one of them is in a loop, or where nobody knows them.
        """
        task, root = _task()
        silent = self._silent
        found: list[tuple[CodeType, int]] = []
        for start in _stacks(frame):
            current: FrameType | None = start
            while current is not None:
                if current.f_code.co_filename not in silent:
                    owner = self._read(current)
                    if owner is Owner.RUNNER:
                        return self._made(found, task, root)
                    if owner is Owner.TEST:
                        if _repeats(current):
                            return None
                        found.append((current.f_code, current.f_lasti))
                    elif owner is None:
                        return None
                if current is root:
                    if not found:  # what stands further out runs the loop, it has not called this
                        return self._made(found, task, root)
                    task = None
                current = current.f_back
        return self._made(found, task, root)

    def _read(self, frame: FrameType) -> Owner | None:
        """Whose a file is; None: its library calls a test many times."""
        file = self._file(frame)
        if file.owner in {Owner.RUNNER, Owner.TEST}:
            return file.owner
        if file.name in _REPEATING:
            return None
        self._silent.add(frame.f_code.co_filename)
        return file.owner

    def _made(
        self, found: list[tuple[CodeType, int]], task: Any, root: FrameType | None
    ) -> Entry | None:
        if task is not None and not found:
            return self._of_task(task, root)
        return tuple(found) or self._handed()

    def _of_task(self, task: Any, root: FrameType | None) -> Entry | None:
        """A task is one call, but not one that a library's loop serves request after request in."""
        if root is not None:
            owner = self._file(root).owner
            if owner in {Owner.LIBRARY, Owner.NOBODY} and _repeats(root):
                return None
        number = self._tasks.get(task)
        if number is None:
            self._met += 1
            number = self._tasks[task] = self._met
        return number


def _task() -> tuple[Any, FrameType | None]:
    """The task that runs, and its outermost frame."""
    asyncio = sys.modules.get("asyncio")
    # Asking for the task where no loop runs raises an error, which costs more than all the rest.
    running = getattr(asyncio, "_get_running_loop", None)
    if asyncio is None or running is None or running() is None:
        return None, None
    task = asyncio.current_task()
    return task, getattr(task.get_coro(), "cr_frame", None) if task is not None else None


def _stacks(frame: FrameType | None) -> Iterator[FrameType | None]:
    """The stack of a frame, then the ones its greenlet's parents wait at."""
    yield frame
    greenlet = sys.modules.get("greenlet")
    waiting = greenlet.getcurrent().parent if greenlet is not None else None
    while waiting is not None:
        yield waiting.gr_frame
        waiting = waiting.parent


def _repeats(frame: FrameType) -> bool:
    return any(frame.f_lasti in one for one in _looped(frame.f_code))


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
