"""Indexes in a statistics file: ``"primary key btree (id); 128,000 pages; height 2; order 3"``.

Of the definition, what stands before the access method is left out where it follows from the names
of index and table; beside the line stand the columns that are expressions, where there are any.
A constraint that says nothing else than its index is told by the index alone, as psql does.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from pytest_planguard.fixturedb.scale.terse import columns
from pytest_planguard.fixturedb.scale.terse.lines import (
    UNKNOWN,
    as_it_is,
    joined,
    quoted,
    split,
    verbatim,
)
from pytest_planguard.model.statistics import IndexStatistics
from pytest_planguard.model.terse import NUMBER, grouped, number, whole

_KINDS = {
    "primary key ": "PRIMARY KEY",
    "unique constraint ": "UNIQUE",
    "unique ": "",
    "": "",
}
"""How the line of an index begins, and the constraint of its name; all but the last are unique."""
_BTREE = "btree "
_PLAIN = re.compile(r"[a-z_][a-z0-9_]*")


class Owner(msgspec.Struct, frozen=True):
    """The table an index is of, as far as its line depends on it."""

    name: str
    """Schema-qualified."""
    rows: float
    is_partitioned: bool


def written(name: str, index: IndexStatistics, owner: Owner, constraint: str = "") -> Any:
    """What stands for an index: its line, with a dictionary of its expressions if it has any.

    Args:
        name: Without the schema.
        index: Nothing of it is lost.
        owner: Its table.
        constraint: The definition of the constraint of its name, if ``tells`` it.
    """
    definition = _shortened(index.definition, name, owner, constraint)
    line = joined([definition, *_facts(index, owner)])
    expressions = columns.written(columns.Columns(index.types, index.collations, index.expressions))
    return [line, expressions] if expressions else line


def tells(name: str, index: IndexStatistics, owner: Owner, constraint: str) -> bool:
    """Whether the line of an index can tell the constraint of its name, too."""
    return _whole(_shortened(index.definition, name, owner, constraint), name, owner) == (
        index.definition,
        constraint,
    )


def read(name: str, item: Any, owner: Owner) -> tuple[dict[str, Any], str]:
    """The fields of an index by name, and its constraint, from what ``written`` has written.

    Raises:
        ValueError: It is not understood; the sentence names and quotes it.
    """
    where = f"the index {name} of {owner.name}"
    expressions: dict[str, Any] = {}
    match item:
        case str(line):
            pass
        case [str(line), dict(expressions)]:
            pass
        case _:
            raise ValueError(f"{where} is neither a line nor a line with expressions")
    try:
        part, *facts = split(line)
        found = _understood(facts, owner)
    except ValueError as error:
        raise ValueError(f"{where} is {quoted(line)}: {error}") from None
    definition, constraint = _whole(part, name, owner)
    of_expressions = columns.read(expressions, where)
    found |= {
        "definition": definition,
        "types": of_expressions.types,
        "collations": of_expressions.collations,
        "expressions": of_expressions.statistics,
    }
    return found, constraint


def _shortened(definition: str, name: str, owner: Owner, constraint: str = "") -> str:
    """The definition without its beginning, where that follows from the names.

    >>> orders = Owner("public.orders", 5.0, False)
    >>> _shortened("CREATE UNIQUE INDEX o_id ON public.orders USING btree (id)", "o_id", orders)
    'unique btree (id)'
    >>> _shortened("CREATE INDEX o_id ON orders USING btree (id)", "o_id", orders)
    '= CREATE INDEX o_id ON orders USING btree (id)'
    """
    if not definition:
        return UNKNOWN
    for kind in _KINDS:
        beginning = _beginning(bool(kind), name, owner)
        short = kind + definition.removeprefix(beginning)
        if _whole(short, name, owner) == (definition, constraint):
            return short
    return verbatim(definition)


def _whole(part: str, name: str, owner: Owner) -> tuple[str, str]:
    """The definition that ``_shortened`` was given, and the constraint."""
    if part == UNKNOWN:
        return "", ""
    text = as_it_is(part)
    if text is not None:
        return text, ""
    kind = next(kind for kind in _KINDS if part.startswith(kind))
    rest = part.removeprefix(kind)
    constraint = f"{_KINDS[kind]} {rest.removeprefix(_BTREE)}" if _KINDS[kind] else ""
    return _beginning(bool(kind), name, owner) + rest, constraint


def _beginning(is_unique: bool, name: str, owner: Owner) -> str:
    """As ``pg_get_indexdef`` prints it (``pg_get_indexdef_worker`` in ruleutils.c)."""
    schema, _, table = owner.name.partition(".")
    kind = "UNIQUE INDEX" if is_unique else "INDEX"
    only = "ONLY " if owner.is_partitioned else ""
    relation = f"{identifier(schema)}.{identifier(table)}"
    return f"CREATE {kind} {identifier(name)} ON {only}{relation} USING "


def identifier(name: str) -> str:
    """Quoted where its letters ask for it.

    Key words are left alone: which there are differs between versions, a file's meaning must not.
    """
    return name if _PLAIN.fullmatch(name) else '"' + name.replace('"', '""') + '"'


def _facts(index: IndexStatistics, owner: Owner) -> Iterator[str]:
    yield f"{index.pages:,} pages"
    if index.file_pages is not None:
        yield f"{index.file_pages:,} pages in the file"
    if index.tuples != owner.rows:
        yield f"{grouped(index.tuples)} rows"
    if index.height is not None:
        yield f"height {index.height:,}"
    if (gin := index.gin) is not None:
        yield (
            f"{gin.entry_pages:,} entry, {gin.data_pages:,} data and {gin.pending_pages:,} pending "
            f"of {gin.total_pages:,} pages, {gin.entries:,} entries"
        )
    if index.order:
        yield f"order {index.order:,}"


_OF_GIN = ("entry_pages", "data_pages", "pending_pages", "total_pages", "entries")
_WHOLE = "(-?[0-9][0-9,]*)"
_READ: tuple[tuple[str, re.Pattern[str], Callable[[re.Match[str]], Any]], ...] = (
    ("pages", re.compile(f"{_WHOLE} pages"), lambda m: whole(m[1])),
    ("file_pages", re.compile(f"{_WHOLE} pages in the file"), lambda m: whole(m[1])),
    ("tuples", re.compile(f"({NUMBER}) rows"), lambda m: number(m[1])),
    ("height", re.compile(f"height {_WHOLE}"), lambda m: whole(m[1])),
    ("order", re.compile(f"order {_WHOLE}"), lambda m: whole(m[1])),
    (
        "gin",
        re.compile(
            f"{_WHOLE} entry, {_WHOLE} data and {_WHOLE} pending of {_WHOLE} pages, "
            f"{_WHOLE} entries"
        ),
        lambda m: dict(zip(_OF_GIN, map(whole, m.groups()), strict=True)),
    ),
)


def _understood(facts: list[str], owner: Owner) -> dict[str, Any]:
    """Fields by name; an index of which it is not told has as many rows as its table."""
    found: dict[str, Any] = {}
    for fact in facts:
        matches = ((name, pattern.fullmatch(fact), value) for name, pattern, value in _READ)
        known = [(name, value(match)) for name, match, value in matches if match]
        if not known:
            raise ValueError(f'"{fact}" is not understood')
        if known[0][0] in found:
            raise ValueError(f'"{fact}" says again what is said already')
        found |= known
    if "pages" not in found:
        raise ValueError("no part says how many pages it has")
    return {"tuples": owner.rows} | found
