"""Which types hold values that may be personal; what is not known to be harmless does."""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec

from pytest_planguard.fixturedb.scale.masking.literals import literals
from pytest_planguard.model.statistics import TypeFacts

HARMLESS = "harmless"
UNKNOWN = "unknown"

_HARMLESS = frozenset({
    "smallint", "integer", "bigint", "numeric", "real", "double precision", "money", "boolean",
    "date", "time without time zone", "time with time zone", "timestamp without time zone",
    "timestamp with time zone", "interval", "oid", "bit", "bit varying",
    "int4range", "int8range", "numrange", "daterange", "tsrange", "tstzrange",
    "int4multirange", "int8multirange", "nummultirange", "datemultirange", "tsmultirange",
    "tstzmultirange", "enum",
})  # fmt: skip
_FAMILIES = {
    **dict.fromkeys(("text", "character varying", "character", "bpchar", "name"), "text"),
    **dict.fromkeys(("inet", "cidr"), "network"),
    **{
        name: name
        for name in (
            "citext", "json", "jsonb", "xml", "bytea", "macaddr", "macaddr8", "uuid", "hstore",
            "ltree", "tsvector",
        )
    },
}  # fmt: skip
"""Types of one family are compared with each other: equal values get equal stand-ins."""

COLLATED = frozenset({"text", "citext"})
"""Families whose order is a collation's."""

_MODIFIER = re.compile(r'\((\d+)[^)]*\)(?=(?:[^"]*"[^"]*")*[^"]*$)')
_OF_LENGTH_ONLY = re.compile(
    r"(?:CHECK|VALUE|(?:char_|character_|octet_)?length|IS NOT NULL|AND|OR|(?:'')?::text|''"
    r"|[<>=]+|\d+|[()\s])+"
)
_DEEPEST = 20
"""Domains over domains that are followed: more means a circle, which no catalog has."""


class ValueType(msgspec.Struct, frozen=True):
    """What masking has to know of a type."""

    family: str
    """Of the values, or of the elements of arrays; ``HARMLESS`` and ``UNKNOWN`` among others."""
    is_array: bool = False
    limit: int | None = None
    """Characters a value may have, where the type says so."""
    is_padded: bool = False
    """Blanks at the end fill it up and do not count in comparisons."""
    checks: tuple[str, ...] = ()
    """Of its domains."""


def value_type(text: str, facts: Mapping[str, TypeFacts]) -> ValueType:
    """Reads ``character varying(20)[] not null``.

    Args:
        text: As in ``TableStatistics.types``; empty: unknown.
        facts: Of types that are not built in, as in ``Statistics.types``.

    >>> value_type("character varying(20)[] not null", {})
    ValueType(family='text', is_array=True, limit=20, is_padded=False, checks=())
    >>> value_type("app.status", {"app.status": TypeFacts("enum")}).family
    'harmless'
    """
    name = text.removesuffix(" not null")
    is_array, limit = False, None
    checks: list[str] = []
    for _ in range(_DEEPEST):
        while name.endswith("[]"):
            is_array, name = True, name.removesuffix("[]")
        found = _MODIFIER.search(name)
        if found is not None:
            limit = int(found[1])
            name = name[: found.start()] + name[found.end() :]
        if name not in facts:
            break
        checks += facts[name].checks
        name = facts[name].base
    family = _family(name, facts)
    limit = limit if family == "text" else None
    return ValueType(family, is_array, limit, name in ("character", "bpchar"), tuple(checks))


def may_refuse(kind: ValueType) -> bool:
    """Whether a check of a domain may refuse stand-ins: the server then takes no statistics.

    Stand-ins have their values' length, and that is all that can be said of them.
    """
    return not all(map(_OF_LENGTH_ONLY.fullmatch, kind.checks))


def constants_of(kind: ValueType) -> frozenset[str]:
    """Values the type's own checks name."""
    return frozenset().union(*map(literals, kind.checks))


def _family(name: str, facts: Mapping[str, TypeFacts]) -> str:
    if name.startswith("range of "):
        inner = value_type(name.removeprefix("range of "), facts)
        return HARMLESS if inner.family == HARMLESS and not inner.is_array else UNKNOWN
    if name in _HARMLESS or name.startswith("interval "):
        return HARMLESS
    return _FAMILIES.get(name, UNKNOWN)
