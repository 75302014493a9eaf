"""Trying again, with back-off, where the host is down or limits our rate; never a comment twice."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

import msgspec

from pytest_planguard.forge.refusals import FailedError

_Answer = TypeVar("_Answer")


class Patience(msgspec.Struct, frozen=True):
    """How long a host is waited for."""

    attempts: int = 5
    first: float = 1.0
    """Seconds before the second attempt; doubled from then on, as GitHub's guide to its rate limits
    asks."""
    longest: float = 60.0
    """Seconds; where a host wants more, that is told instead: a job is paid by the minute."""
    sleep: Callable[[float], None] = time.sleep

    def ask(
        self, request: Callable[[], _Answer], done: Callable[[], _Answer | None] | None = None
    ) -> _Answer:
        """The answer to a request.

        Args:
            request: Sends it once.
            done: Looks whether a request that seemed to fail was carried out all the same; needed
                where doing it twice is not the same as once.

        Raises:
            FailedError: The last attempt's, or one that trying again does not mend.
        """
        for number in range(self.attempts):
            try:
                return request()
            except FailedError as failed:
                if not failed.passes:
                    raise
                wait = self.first * 2**number if failed.wait is None else failed.wait
                last = number + 1 == self.attempts or wait > self.longest
                if not last:
                    self.sleep(wait)
                answer = _carried_out(failed, done)
                if answer is not None:
                    return answer
                if last:
                    raise
        raise AssertionError("the last attempt answers or raises")


def _carried_out(failed: FailedError, done: Callable[[], _Answer | None] | None) -> _Answer | None:
    """What was done although it seemed to fail; a rate limit refuses before anything is done."""
    if done is None or failed.limited:
        return None
    try:
        return done()
    except FailedError:
        return None  # the host is still down: the next attempt, or the last error, tells
