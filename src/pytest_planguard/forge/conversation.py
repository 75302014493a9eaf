"""The comments of one pull request, whoever hosts it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec


class Comment(msgspec.Struct, frozen=True):
    """One comment of our own."""

    id: str
    """The host's; opaque."""
    text: str
    url: str = ""


class Conversation(Protocol):
    """What a host must do; every method may raise ``ForgeError``."""

    @property
    def name(self) -> str:
        """``shop/app#7``."""

    def own(self, marker: str) -> list[Comment]:
        """The comments that we wrote and that begin with the marker, oldest first, of all pages."""

    def post(self, text: str, marker: str) -> Comment:
        """Writes a comment; never twice, also where the answer to the first try was lost."""

    def update(self, comment: Comment, text: str) -> Comment:
        """Replaces a comment's text.

        Raises:
            MissingError: It was deleted meanwhile.
        """

    def hide(self, comments: Sequence[Comment]) -> None:
        """Folds comments away as outdated; those that are stay so."""

    def delete(self, comment: Comment) -> None:
        """Deletes a comment; one that is gone already is no error."""


def is_marked(text: str, marker: str) -> bool:
    r"""Whether a comment begins with the marker; one that quotes ours does not.

    >>> is_marked("<!-- m -->\r\n### ok", "<!-- m -->"), is_marked("> <!-- m -->", "<!-- m -->")
    (True, False)
    """
    return text.lstrip().partition("\n")[0].rstrip() == marker


def same_text(one: str, other: str) -> bool:
    """Whether two texts are one comment: hosts change line ends and strip white space."""
    return one.replace("\r\n", "\n").strip() == other.replace("\r\n", "\n").strip()
