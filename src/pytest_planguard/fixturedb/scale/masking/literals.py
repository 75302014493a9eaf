"""Values a schema names itself: they are in the repository already, so they may stay.

Constants of CHECK constraints, of the predicates of partial indexes and of partition bounds.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from pytest_planguard.fixturedb.scale.masking import arrays
from pytest_planguard.model.statistics import TableStatistics

_CONSTANT = re.compile(
    r"""\"(?:[^"]|"")*\"|\bE'(?P<escaped>(?:[^'\\]|''|\\.)*)'|'(?P<plain>(?:[^']|'')*)'""",
    re.DOTALL,
)
"""Or a quoted name, which may hold an apostrophe."""


def literals(definition: str) -> frozenset[str]:
    """The string constants of an expression; of array literals also their elements.

    >>> sorted(literals("CHECK ((kind = ANY (ARRAY['goods'::text, 'it''s'::text])))"))
    ['goods', "it's"]
    """
    found: set[str] = set()
    for constant in _CONSTANT.finditer(definition):
        if constant["plain"] is not None:
            value = constant["plain"].replace("''", "'")
        elif constant["escaped"] is not None:
            value = re.sub(r"\\(.)", r"\1", constant["escaped"].replace("''", "'"))
        else:
            continue
        found.add(value)
        found |= _elements(value)
    return frozenset(found)


def _elements(value: str) -> set[str]:
    try:
        return set(arrays.elements(value))
    except ValueError:  # no array
        return set()


def by_table(tables: Mapping[str, TableStatistics]) -> dict[str, frozenset[str]]:
    """What each table's schema names; a partition's and its parents' belong to all of them."""
    roots = {name: _root(name, tables) for name in tables}
    found: dict[str, frozenset[str]] = {}
    for name, table in tables.items():
        found[roots[name]] = found.get(roots[name], frozenset()) | _own(table)
    return {name: found[root] for name, root in roots.items()}


def _own(table: TableStatistics) -> frozenset[str]:
    checks = (text for text in table.constraints.values() if text.startswith("CHECK"))
    predicates = (_predicate(index.definition) for index in table.indexes.values())
    return _all((*checks, *predicates, table.partition_bound))


def _predicate(definition: str) -> str:
    """Of a partial index, or nothing."""
    return definition.rpartition(" WHERE ")[2] if " WHERE " in definition else ""


def _all(definitions: Iterable[str]) -> frozenset[str]:
    return frozenset().union(*(literals(text) for text in definitions if "'" in text))


def _root(name: str, tables: Mapping[str, TableStatistics]) -> str:
    seen = {name}
    while (table := tables.get(name)) is not None and table.parents:
        name = table.parents[0]
        if name in seen:  # a catalog never has one; a damaged file must not hang us
            break
        seen.add(name)
    return name
