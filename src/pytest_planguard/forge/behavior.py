"""What becomes of earlier comments: decided as a value, then carried out."""

from __future__ import annotations

import enum
from collections.abc import Callable, Sequence
from functools import partial

import msgspec

from pytest_planguard.errors import ForgeError
from pytest_planguard.forge.conversation import Comment, Conversation, same_text
from pytest_planguard.forge.refusals import MissingError

_NOTHING = "<!-- nothing to say -->\n"
"""The last line of a comment that only sets an earlier one right."""


class Behavior(enum.StrEnum):
    """What a second run of a pull request does."""

    UPDATE = "update"
    """One comment, kept up to date."""
    NEW = "new"
    """One more, where it says something else."""
    HIDE_AND_NEW = "hide-and-new"
    DELETE_AND_NEW = "delete-and-new"


class Steps(msgspec.Struct, frozen=True):
    """What is to be done; none of it where the comment says it all already."""

    post: bool = False
    update: Comment | None = None
    hide: tuple[Comment, ...] = ()
    delete: tuple[Comment, ...] = ()


class Done(msgspec.Struct, frozen=True):
    """What was done."""

    what: str
    """``posted``, ``updated`` or ``unchanged``."""
    comment: Comment | None
    problems: tuple[str, ...] = ()
    """Earlier comments that could not be tidied up, one sentence each."""


def decide(existing: Sequence[Comment], text: str, behavior: Behavior, *, wanted: bool) -> Steps:
    """What is to be done.

    Args:
        existing: Our comments that are there, oldest first.
        text: What is to be said.
        behavior: Of whom asked.
        wanted: There is something to say; if not, a comment that is there is set right and no
            first one is made.
    """
    if not existing:
        return Steps(post=wanted)
    *older, newest = existing
    if same_text(newest.text, text):
        return _only_newest(older, behavior)
    if behavior is Behavior.UPDATE:
        return Steps(update=newest, hide=tuple(older))
    if not wanted and _is_green(newest.text):
        return _only_newest(older, behavior)
    return Steps(
        post=True,
        hide=tuple(existing) if behavior is Behavior.HIDE_AND_NEW else (),
        delete=tuple(existing) if behavior is Behavior.DELETE_AND_NEW else (),
    )


def _only_newest(older: Sequence[Comment], behavior: Behavior) -> Steps:
    """Nothing to say; what an earlier run could not tidy up is."""
    if behavior is Behavior.DELETE_AND_NEW:
        return Steps(delete=tuple(older))
    return Steps(hide=() if behavior is Behavior.NEW else tuple(older))


def worded(text: str, *, wanted: bool) -> str:
    """The text as it is posted: whether it has something to say is kept in it."""
    return text if wanted else text + _NOTHING


def _is_green(text: str) -> bool:
    """Whether the comment has nothing to say; one that passed may still list warnings."""
    return text.rstrip().endswith(_NOTHING.rstrip())


def carry_out(steps: Steps, conversation: Conversation, text: str, marker: str) -> Done:
    """Does it: what is new first, so that a failure never leaves the pull request without.

    Raises:
        ForgeError: The comment itself could not be written.
    """
    done = _write(steps, conversation, text, marker)
    problems = [
        *(_tried(partial(conversation.hide, steps.hide)) if steps.hide else ()),
        *(problem for one in steps.delete for problem in _tried(partial(conversation.delete, one))),
    ]
    return msgspec.structs.replace(done, problems=tuple(problems))


def _write(steps: Steps, conversation: Conversation, text: str, marker: str) -> Done:
    if steps.update is not None:
        try:
            return Done("updated", conversation.update(steps.update, text))
        except MissingError:  # somebody deleted it between the two requests
            return Done("posted", conversation.post(text, marker))
    if steps.post:
        return Done("posted", conversation.post(text, marker))
    return Done("unchanged", None)


def _tried(step: Callable[[], None]) -> list[str]:
    try:
        step()
    except ForgeError as error:
        return [f"an earlier comment stays as it is: {error.message}"]
    return []
