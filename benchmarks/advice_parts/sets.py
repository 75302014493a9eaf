"""A set of indexes as an advisor gives it, and as statements to build it with."""

from __future__ import annotations

import re
from collections.abc import Iterable

import msgspec

from pytest_planguard.model.ports import HypotheticalIndex

_CREATE = re.compile(
    r"CREATE INDEX (?P<name>\S+) ON (?:ONLY )?(?P<table>\S+?\.\S+) "
    r"(?:USING (?P<method>\w+) )?\("
)


class Advised(msgspec.Struct, frozen=True):
    """What one advisor says of one workload."""

    advisor: str
    ddl: tuple[str, ...]
    """One statement an index, to be run as they are."""
    seconds: float
    """From the queries to the advice."""
    failed: tuple[str, ...] = ()
    """Queries it could not look at, with what it said."""
    reports: tuple[str, ...] = ()
    """Queries of which it says that an index is missing."""


def plain(ddl: Iterable[str]) -> list[str]:
    """Advice for production as statements for a database nobody else uses, one an index."""
    made = []
    for text in ddl:
        bare = text.rstrip(";").replace(" CONCURRENTLY", "").replace(" ON ONLY ", " ON ", 1)
        if bare.startswith("CREATE INDEX"):
            made.append(bare)
    return made


def hypothetical(text: str) -> HypotheticalIndex:
    """A statement of ``plain`` as the parts of an index.

    >>> made = hypothetical("CREATE INDEX i ON public.t USING gin (a, (b || ')')) INCLUDE (c)")
    >>> made.columns, made.include
    (('a', "(b || ')')"), ('c',))
    """
    found = _CREATE.match(text)
    assert found is not None, text
    keys, rest = _inside(text[found.end() :])
    include: tuple[str, ...] = ()
    if rest.startswith("INCLUDE ("):
        include, rest = _inside(rest.removeprefix("INCLUDE ("))
    return HypotheticalIndex(
        name=found["name"].strip('"'),
        table=found["table"].replace('"', ""),
        method=found["method"] or "btree",
        columns=keys,
        include=include,
        predicate=rest.removeprefix("WHERE ").strip(),
    )


def _inside(text: str) -> tuple[tuple[str, ...], str]:
    """The parts of a list up to its closing bracket, and what follows."""
    parts, start, depth, quoted = [], 0, 0, False
    for at, letter in enumerate(text):
        quoted ^= letter == "'"
        if quoted:
            continue
        if letter == "(":
            depth += 1
        elif letter == "," and not depth:
            parts.append(text[start:at].strip())
            start = at + 1
        elif letter == ")" and not depth:
            return (*parts, text[start:at].strip()), text[at + 1 :].strip()
        elif letter == ")":
            depth -= 1
    raise ValueError(text)
