"""An error that passes through a wrapper of ours keeps no trace of it."""

from __future__ import annotations


def leave_no_trace(error: BaseException) -> None:
    """Takes the frame that handles an error out of its traceback.

    A bare ``raise`` does not put it back (CPython adds a frame where an error arises or passes
    through it, not where it is raised again), so the application sees its own line last.
    """
    if error.__traceback__ is not None:
        error.__traceback__ = error.__traceback__.tb_next
