"""Candidates nobody tried, in words: that nothing helps is not said of them in silence."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

MOST_REASONS = 3
"""Messages of the server that a note quotes."""


def untried(left_out: int, each: int, refused: Mapping[str, str]) -> tuple[str, ...]:
    """One note for what is too much for one run, and one for what the server refused.

    Args:
        left_out: Candidates that were not asked for.
        each: How many of each query and table were.
        refused: By name of the index: the server's message.

    >>> untried(120, 4, {"docs_body_idx": "data type json has no default operator class"})[0]
    '120 indexes were not tried: at most 4 for each query and table are, as many read too much; \
a run of fewer tests tries more'
    >>> untried(0, 9, {"docs_body_idx": "data type json has no default operator class"})
    ('1 index was not tried: data type json has no default operator class (docs_body_idx)',)
    """
    notes = []
    if left_out:
        notes.append(
            f"{_indexes(left_out)} not tried: at most {each} for each query and table are, as many "
            "read too much; a run of fewer tests tries more"
        )
    if refused:
        notes.append(f"{_indexes(len(refused))} not tried: {_reasons(refused)}")
    return tuple(notes)


def _indexes(number: int) -> str:
    return "1 index was" if number == 1 else f"{number:,} indexes were"


def _reasons(refused: Mapping[str, str]) -> str:
    """The server's messages, those of most indexes first, each with the first of these."""
    names: dict[str, list[str]] = defaultdict(list)
    for name, message in sorted(refused.items()):
        names[message].append(name)
    most = sorted(names, key=lambda message: (-len(names[message]), message))
    said = [f"{message} ({_some(names[message])})" for message in most[:MOST_REASONS]]
    more = len(most) - len(said)
    return "; ".join([*said, f"and {more} more"] if more else said)


def _some(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"
