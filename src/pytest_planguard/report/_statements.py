"""An index's statements where there is little room: a partitioned table's are two a partition."""

from __future__ import annotations

import re
from collections.abc import Sequence

_MADE = re.compile(r'CREATE INDEX (?:CONCURRENTLY )?("(?:[^"]|"")*"|\S+) ON ')
_ATTACHED = " ATTACH PARTITION "
_FEW = 4
"""Statements for partitions that are shown as they are: two partitions'."""


def without_partitions(ddl: Sequence[str]) -> list[str]:
    """The statements but those for partitions, and behind a parent's how many there are.

    >>> parts = (f"CREATE INDEX CONCURRENTLY t{n}_a_idx ON s.t{n} (a);" for n in range(3))
    >>> attached = (f"ALTER INDEX s.t_a_idx ATTACH PARTITION s.t{n}_a_idx;" for n in range(3))
    >>> without_partitions(["CREATE INDEX t_a_idx ON ONLY s.t (a);", *parts, *attached])
    ... # doctest: +NORMALIZE_WHITESPACE
    ['CREATE INDEX t_a_idx ON ONLY s.t (a);',
     '… 6 more statements make it CONCURRENTLY on each partition and attach it: -v shows them']
    """
    children = {one.partition(_ATTACHED)[2].rstrip(";").strip() for one in ddl if _ATTACHED in one}
    own = [one for one in ddl if _ATTACHED not in one and not _is_made_for(one, children)]
    more = len(ddl) - len(own)
    if more <= _FEW:
        return list(ddl)
    last = max((n for n, one in enumerate(own) if " ON ONLY " in one), default=len(own) - 1)
    note = f"… {more} more statements make it CONCURRENTLY on each partition and attach it: "
    return [*own[: last + 1], f"{note}-v shows them", *own[last + 1 :]]


def _is_made_for(text: str, children: set[str]) -> bool:
    """Whether a statement makes the index of a partition."""
    found = _MADE.match(text)
    return found is not None and any(one.endswith(f".{found[1]}") for one in children)
