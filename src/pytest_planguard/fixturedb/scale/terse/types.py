"""Types in a statistics file: as ``format_type`` prints them, by their short names."""

from __future__ import annotations

import re

from pytest_planguard.fixturedb.scale.terse.lines import UNKNOWN, as_it_is, verbatim

_SHORT_NAMES = {
    "character varying": "varchar",
    "timestamp with time zone": "timestamptz",
    "timestamp without time zone": "timestamp",
}
"""PostgreSQL's own aliases (table 8.1 of its documentation)."""
_LONG_NAMES = {short: long for long, short in _SHORT_NAMES.items()}
_LONG = re.compile(rf"(?:{'|'.join(_SHORT_NAMES)})(?![\w$])")
_SHORT = re.compile(rf"(?:{'|'.join(_LONG_NAMES)})(?![\w$])")


def shortened(kind: str | None) -> str:
    """A type, with what follows it, as a line begins with it; None: it was not read.

    >>> shortened("character varying(20)[] not null"), shortened("text"), shortened(None)
    ('varchar(20)[] not null', 'text', '?')
    >>> shortened("varchar"), shortened("?")
    ('= varchar', '= ?')
    """
    if kind is None:
        return UNKNOWN
    found = _LONG.match(kind)
    short = _SHORT_NAMES[found[0]] + kind[found.end() :] if found else kind
    return short if unshortened(short) == kind else verbatim(kind)


def unshortened(part: str) -> str | None:
    """What ``shortened`` was given."""
    if part == UNKNOWN:
        return None
    text = as_it_is(part)
    if text is not None:
        return text
    found = _SHORT.match(part)
    return _LONG_NAMES[found[0]] + part[found.end() :] if found else part
