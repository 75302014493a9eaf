"""min() and max(): the first row of an index, where there is one that begins with the column."""

from __future__ import annotations

import re
from collections.abc import Sequence

from pytest_planguard.model.judgement import Read
from pytest_planguard.model.plan import PlanNode
from pytest_planguard.sql.printed import named_columns

_THROUGH = frozenset({"Append", "Gather", "Gather Merge", "Result", "Materialize"})
_BARE = re.compile(r'(?:"[^"]+"|[a-z_][\w$]*)\Z')
_NUMBER = re.compile(r"_\d+$")
"""What a partition's alias has behind its root's."""
_EXTREME = re.compile(r"(?:PARTIAL )?(?:min|max)\((?P<column>[^()]+)\)\Z")


def extreme_column(path: Sequence[PlanNode], read: Read) -> str | None:
    """The column whose least or greatest value is all that is wanted; None: something else is.

    Args:
        path: Nodes from the plan's root to the read's.
        read: The read.
    """
    above = next((node for node in reversed(path[:-1]) if node.node_type not in _THROUGH), None)
    if above is None or above.node_type != "Aggregate" or above.strategy != "Plain":
        return None
    columns = {_column(text, read) for text in above.output}
    return columns.pop() if len(columns) == 1 else None


def _column(output: str, read: Read) -> str | None:
    found = _EXTREME.match(output)
    if found is None:
        return None
    if _BARE.match(found["column"]):  # EXPLAIN leaves out the alias where there is but one table
        return found["column"].strip('"')
    named = named_columns(found["column"])
    if len(named) != 1:
        return None
    ((alias, column),) = named
    return column if read.alias in (alias, _NUMBER.sub("", alias)) else None
