"""Where the suite calls the application: once, or in a loop of its own.

A line that asks five times in one test is a loop of the application only if the test did not loop:
a test that calls a function for five products is no fault. So executions are told apart by the
instructions of the suite's frames on their stack, and those inside of a loop don't count. Where
none is on the stack of a task, each task is one call, and so is each piece of work that a pool of
threads is given (a synchronous endpoint of FastAPI or Starlette); of other threads nobody knows.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterator
from types import CodeType, FrameType
from typing import Any, TypeAlias

from pytest_planguard.capture.files import Owner, SourceFile
from pytest_planguard.capture.identity import ByIdentity

SuiteCall: TypeAlias = tuple[tuple[CodeType, int], ...] | int
"""Code and instruction of each of the suite's frames, innermost first; or a number of a task or of
a piece of work."""

_WORKERS: dict[tuple[str, str], Callable[[Any], Any]] = {
    ("concurrent.futures.thread", "_WorkItem.run"): lambda names: getattr(
        names.get("self"), "future", None
    ),
    ("anyio._backends._asyncio", "WorkerThread.run"): lambda names: names.get("future"),
}
"""What is made anew for each piece of work, by module and function of the pool that runs it."""

_TEST, _RUNNER = Owner.TEST, Owner.RUNNER
"""At hand: Python 3.11 looks members of enumerations up by a function of its own."""

_REPEATING = frozenset(("hypothesis",))
"""Libraries that call a test many times as one."""


class SuiteCalls:
    """Finds the calls that led to a statement.

    Args:
        file: Whose code a frame runs.
        handed: Who asked for this thread's work in another one, with the calls that led to it as
            ``call``; None: nobody said.
    """

    def __init__(
        self,
        file: Callable[[FrameType], SourceFile],
        handed: Callable[[], Any] = lambda: None,
    ) -> None:
        self._file = file
        self._handed = handed
        self._tasks: ByIdentity[int] = ByIdentity()
        self._met = 0
        self._silent: set[str] = set()
        """File names that tell nothing about calls: nearly all of a stack."""

    def at(self, frame: FrameType) -> Callable[[], SuiteCall | None]:
        """``of`` a frame, for later in the same call."""
        return lambda: self.of(frame)

    def of(self, frame: FrameType | None) -> SuiteCall | None:
        """The suite's calls on the stack of a frame.

        Returns:
            None where one of them is in a loop, or where nobody knows them.
        """
        task, root = running()
        silent = self._silent
        found: list[tuple[CodeType, int]] = []
        for start in _stacks(frame):
            current: FrameType | None = start
            while current is not None:
                if current.f_code.co_filename not in silent:
                    owner = self._read(current)
                    if owner is _RUNNER:
                        return self._made(found, task, root, frame)
                    if owner is _TEST:
                        if repeats(current):
                            return None
                        found.append((current.f_code, current.f_lasti))
                    elif owner is None:
                        return None
                if current is root:
                    if not found:  # what stands further out runs the loop, it has not called this
                        return self._made(found, task, root, frame)
                    task = None
                current = current.f_back
        return self._made(found, task, root, frame)

    def _read(self, frame: FrameType) -> Owner | None:
        """Whose a file is; None: its library calls a test many times."""
        file = self._file(frame)
        if file.owner is _TEST or file.owner is _RUNNER:
            return file.owner
        if file.name in _REPEATING:
            return None
        self._silent.add(frame.f_code.co_filename)
        return file.owner

    def _made(
        self,
        found: list[tuple[CodeType, int]],
        task: Any,
        root: FrameType | None,
        frame: FrameType | None,
    ) -> SuiteCall | None:
        if found:
            return tuple(found)
        if task is not None:
            return None if self.serves(root) else self._number(task)
        handed = self._handed()
        return self._of_work(frame) if handed is None else handed.call

    def _of_work(self, frame: FrameType | None) -> SuiteCall | None:
        """A pool's piece of work is one call, but not one that a library's loop serves in."""
        inside, work = _piece(frame)
        return None if work is None or self.serves(inside) else self._number(work)

    def serves(self, root: FrameType | None) -> bool:
        """Whether the outermost frame is a library's loop: it takes request after request."""
        if root is None:
            return False
        owner = self._file(root).owner
        return owner in {Owner.LIBRARY, Owner.NOBODY} and repeats(root)

    def _number(self, made: Any) -> int:
        """The number of what is made for one call."""
        number = self._tasks.get(made)
        if number is None:
            self._met += 1
            number = self._tasks[made] = self._met
        return number


def work_on(frame: FrameType | None) -> Any:
    """What a pool made for the piece of work that a frame belongs to; None: it is of none."""
    return _piece(frame)[1]


def _piece(frame: FrameType | None) -> tuple[FrameType | None, Any]:
    """Likewise, with the outermost frame of the work itself."""
    inside: FrameType | None = None
    while frame is not None:
        if frame.f_code.co_name == "run":
            where = frame.f_globals.get("__name__", ""), frame.f_code.co_qualname
            made = _WORKERS.get(where)
            work = made(frame.f_locals) if made is not None else None
            if work is not None:
                return inside, work
        inside, frame = frame, frame.f_back
    return None, None


def task_of_this() -> Any:
    """The task that runs here; None: none does."""
    return running()[0]


def running() -> tuple[Any, FrameType | None]:
    """The task that runs here, and its outermost frame; None twice: none does."""
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


def repeats(frame: FrameType) -> bool:
    """Whether what a frame calls now stands in a loop of its function."""
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
