"""What was captured, before its statements are made."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import NamedTuple

import msgspec

from pytest_planguard.model.capture import Capture
from pytest_planguard.model.statement import Origin, Statement


class Taken(NamedTuple):
    """A capture whose statements are made one at a time.

    They take more memory than what they are made of. A file is written without having them all;
    what judges has to, and then each takes the place of what it was made of.
    """

    rest: Capture
    """All but the statements."""
    origins: frozenset[Origin]
    """The lines that sent them; none, where there are no statements."""
    parts: Iterator[Sequence[Statement]]
    """Sorted, those of one text together; they can be read once."""

    @classmethod
    def of(cls, capture: Capture) -> Taken:
        """A capture that is made already."""
        places = chain.from_iterable(one.places for one in capture.statements)
        rest = msgspec.structs.replace(capture, statements=())
        return cls(rest, frozenset(one.origin for one in places), iter([capture.statements]))

    def statements(self) -> Iterator[Statement]:
        """One after the other, once."""
        return chain.from_iterable(self.parts)

    def whole(self) -> Capture:
        """With all statements; they are made now."""
        return msgspec.structs.replace(self.rest, statements=tuple(self.statements()))
