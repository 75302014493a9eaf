"""What a signal's handler raises while our code runs: it is meant for the application.

A timeout by ``signal.setitimer`` may go off anywhere, so also between a statement and its counting.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Iterator
from types import CodeType, TracebackType


def let_pass(error: BaseException) -> None:
    """Raises an error again that comes out of a signal's handler, without what ours it broke into.

    Any other one is left to the caller.
    """
    handlers = set(_handlers())
    trace: TracebackType | None = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code in handlers:
            raise error.with_traceback(trace)
        trace = trace.tb_next


def _handlers() -> Iterator[CodeType]:
    """The code of the handlers there are now."""
    signal = sys.modules.get("signal")
    if signal is None:
        return
    for number in signal.valid_signals():
        handler = signal.getsignal(number)
        while isinstance(handler, functools.partial):
            handler = handler.func
        code = getattr(getattr(handler, "__func__", handler), "__code__", None)
        if isinstance(code, CodeType):
            yield code
