"""Whether what runs here has ended: a task, a pool's piece of work, a thread."""

from __future__ import annotations

import sys
import weakref
from collections.abc import Callable
from threading import get_ident, main_thread
from types import FrameType
from typing import Any

from pytest_planguard.capture.suite_calls import work_on

_MAIN = main_thread().ident
"""Asking costs; what a forked child would be told is not heard there."""


def ender(frame: FrameType | None, task: Any) -> Callable[[], bool]:
    """Tells later, in the thread that runs the tests, whether what runs at a frame is over.

    Of that thread's own work, outside of a task, it is: whoever asks runs there now.

    Args:
        frame: Where it stands.
        task: The task that runs here, if one does.
    """
    if task is not None:
        return _done(task)
    thread = get_ident()
    # Looking through a whole stack costs, and tests are run by the main thread.
    work = work_on(frame) if thread != _MAIN else None
    if work is not None:
        return _done(work)
    return lambda: thread == get_ident() or thread not in sys._current_frames()  # noqa: SLF001 -- no other way


def over() -> bool:
    """What nobody will ask for."""
    return True


def _done(made: Any) -> Callable[[], bool]:
    """Of a task or a future, without holding it."""
    living = weakref.ref(made)

    def is_done() -> bool:
        found = living()
        return found is None or bool(found.done())

    return is_done
