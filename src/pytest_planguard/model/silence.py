"""``planguard: ignore[PLN001] reason``: what a comment says about rules, in Python and in SQL."""

from __future__ import annotations

import re

import msgspec

_MARK = "planguard:"
_DIRECTIVE = re.compile(r"\s*planguard:\s*ignore\b\s*(?:\[([^\]]*)\])?(.*)", re.DOTALL)
_NEXT_COMMENT = re.compile(r"\s#\s")
"""``# noqa`` and its kin behind a reason; ``#12`` belongs to it."""


class Silence(msgspec.Struct, frozen=True, order=True):
    """Rules that are silent here, and why."""

    codes: tuple[str, ...]
    """Codes or their beginnings."""
    reason: str
    mistake: str = ""
    """What is wrong with the comment; it silences nothing then."""


class Remark(msgspec.Struct, frozen=True, order=True):
    """A silence on a line of the project's code."""

    file: str
    """As ``Origin.file``."""
    line: int
    first: int
    """Line of the statement the comment stands in, and its last one."""
    last: int
    silence: Silence


def may_hold_one(text: str) -> bool:
    """Whether a text is worth looking for comments in."""
    return _MARK in text


def silence_in(comment: str) -> Silence | None:
    """What a comment says, given without its signs; None where it is none of ours.

    >>> silence_in(" planguard: ignore[PLN001, QRY] 42 rows  # noqa: S608")
    Silence(codes=('PLN001', 'QRY'), reason='42 rows', mistake='')
    >>> silence_in(" planguard: ignore[PLN001]").mistake
    'a reason is missing behind ignore[PLN001]'
    >>> silence_in(" planguard: ignore this").mistake
    'found "planguard: ignore this", wanted planguard: ignore[PLN001] and a reason'
    """
    found = _DIRECTIVE.match(comment)
    if found is None:
        return None
    names, rest = found.groups()
    reason = " ".join(_NEXT_COMMENT.split(rest, maxsplit=1)[0].split())
    codes = tuple(code for code in re.split(r"[,\s]+", names or "") if code)
    if not codes:
        shown = " ".join(comment.split())[:60]
        return Silence((), "", f'found "{shown}", wanted planguard: ignore[PLN001] and a reason')
    if not reason:
        return Silence(codes, "", f"a reason is missing behind ignore[{', '.join(codes)}]")
    return Silence(codes, reason)
