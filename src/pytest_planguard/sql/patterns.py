"""What a pattern looks for: a beginning, an ending, or text that stands anywhere."""

from __future__ import annotations

import enum
import re

from pytest_planguard.sql.predicates import Condition

_PREFIX_OPERATORS = frozenset({"~~", "^@"})
_ANY_CASE = frozenset({"~~*", "~*"})
_PLAIN = re.compile(r"[^\\.\[\](){}*+?|^$]+")
"""What stands for itself in a regular expression."""
_WILDCARDS = "%_"


class Search(enum.StrEnum):
    """What a pattern looks for."""

    BEGINNING = "beginning"
    BEGINNING_ANY_CASE = "beginning in any case"
    ENDING = "ending"
    ANYWHERE = "anywhere"


def fixed_prefix(condition: Condition) -> str | None:
    """The text a pattern begins with; empty where a wildcard comes first; None: unknown.

    ILIKE counts as having none, as do regular expressions that are not anchored: no btree serves
    them.
    """
    value = condition.value
    anchored = condition.operator == "~"
    if condition.operator not in _PREFIX_OPERATORS and not anchored:
        return ""
    if value is None or not value.is_constant:
        return None
    pattern = value.text.partition("'")[2]
    if anchored:
        return _anchored(pattern.rpartition("'")[0])
    return pattern if condition.operator == "^@" else _before_wildcard(pattern)


def search_of(condition: Condition) -> Search:
    """What a condition of LIKE or a regular expression looks for.

    >>> from pytest_planguard.sql.predicates import split_conditions
    >>> def of(text): return search_of(split_conditions(text)[0]).value
    >>> of("(c.email ~~ '%@example.org'::text)"), of("(c.name ~~* 'ann%'::text)")
    ('ending', 'beginning in any case')
    >>> of("(c.name ~~ '%ann%'::text)"), of("(c.name ~ 'ann$'::text)")
    ('anywhere', 'anywhere')
    """
    if fixed_prefix(condition):
        return Search.BEGINNING
    value = condition.value
    if value is None or not value.is_constant:
        return Search.ANYWHERE
    pattern = value.text.partition("'")[2].rpartition("'")[0]
    if condition.operator in _ANY_CASE:
        is_like = condition.operator == "~~*"
        begins = _before_wildcard(pattern) if is_like else _anchored(pattern)
        return Search.BEGINNING_ANY_CASE if begins else Search.ANYWHERE
    rest = pattern.removeprefix("%")
    ends = condition.operator == "~~" and rest != pattern and not set(rest) & set(_WILDCARDS)
    return Search.ENDING if ends and rest else Search.ANYWHERE


_LETTER, _ANY_LETTER, _ANY_TEXT = 0.2, 0.9, 5.0
"""FIXED_CHAR_SEL, ANY_CHAR_SEL and FULL_WILDCARD_SEL of like_support.c."""


def share_by_length(operator: str, text: str) -> float | None:
    """The rows that LIKE takes for a match of a pattern by its letters; None: it is no such one.

    >>> share_by_length("~~", "'%ab%'::text"), share_by_length("~", "'ab'::text")
    (0.2, None)
    """
    if operator not in ("~~", "~~*") or not text.startswith("'"):
        return None
    pattern = re.sub(r"\\(.)", "x", text[1:].rpartition("'")[0]).lstrip("%")
    share = 1.0
    for letter in pattern:
        share *= {"%": _ANY_TEXT, "_": _ANY_LETTER}.get(letter, _LETTER)
    return round(min(share, 1.0), 10)


def _before_wildcard(pattern: str) -> str:
    return pattern.partition("%")[0].partition("_")[0]


def _anchored(pattern: str) -> str:
    r"""What all texts begin with that a regular expression finds.

    >>> _anchored("^abc"), _anchored("^abc*d"), _anchored("abc"), _anchored("^a|^b")
    ('abc', 'ab', '', '')
    """
    if not pattern.startswith("^") or "|" in pattern:
        return ""
    found = _PLAIN.match(pattern, 1)
    if found is None:
        return ""
    repeated = pattern[found.end() : found.end() + 1] in ("*", "?", "{")
    return found[0][:-1] if repeated else found[0]
