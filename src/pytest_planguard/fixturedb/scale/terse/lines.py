"""Lines of several parts: the server's own text first, then facts, ``; `` between them.

A semicolon of the server's text is doubled, so that any text can be told from what follows it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

from pytest_planguard.model.terse import SEPARATOR

UNKNOWN = "?"
"""In the place of a text that was not read."""
_AS_IT_IS = "= "
"""Before a text that would be taken for something else."""
_PART = re.compile(r"((?:[^;]++|;;)*+)(; |\Z)")
_LONGEST = 200
"""Characters of a line that an error quotes."""


def joined(parts: Iterable[str]) -> str:
    """One line of all parts.

    >>> joined(['app."a;b" not null', "8 bytes"])
    'app."a;;b" not null; 8 bytes'
    """
    return SEPARATOR.join(part.replace(";", ";;") for part in parts)


def split(line: str) -> list[str]:
    """The parts of a line.

    >>> split('app."a;;b" not null; 8 bytes'), split("a;;; b")
    (['app."a;b" not null', '8 bytes'], ['a;', 'b'])

    Raises:
        ValueError: A semicolon is neither doubled nor followed by a space.
    """
    found = []
    position = 0
    while match := _PART.match(line, position):
        found.append(match[1].replace(";;", ";"))
        position = match.end()
        if not match[2]:
            return found
    raise ValueError('a single ";" has no space behind it')


def verbatim(text: str) -> str:
    """A text in the first place that stands for nothing but itself."""
    return _AS_IT_IS + text


def as_it_is(part: str) -> str | None:
    """What ``verbatim`` has marked; None: the part says what it is in another way."""
    return part.removeprefix(_AS_IT_IS) if part.startswith(_AS_IT_IS) else None


def quoted(line: str) -> str:
    """A line as an error shows it, on one line and not without end."""
    short = line if len(line) <= _LONGEST else f"{line[:_LONGEST]}…"
    return json.dumps(short, ensure_ascii=False)
