"""What keeps an index from serving a condition, and the words for it.

A cast counts only where PostgreSQL computes it. ``varchar`` to ``text`` is a relabel that uses
the index; ``integer`` to ``numeric`` is not. The pairs below are those of ``pg_cast`` with
``castmethod = 'b'`` that an operator of the same index family serves.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable

import msgspec

from pytest_planguard.model.catalog import Catalog, Column, Index
from pytest_planguard.model.judgement import Read
from pytest_planguard.sql.patterns import fixed_prefix, share_by_length
from pytest_planguard.sql.predicates import Condition, Kind, Operand, oriented, split_conditions

RELABELS = frozenset({
    ("varchar", "text"), ("text", "varchar"), ("varchar", "varchar"), ("text", "text"),
    ("cidr", "inet"), ("int4", "oid"), ("oid", "int4"), ("regclass", "oid"), ("oid", "regclass"),
})  # fmt: skip

_BYTEWISE = frozenset({"C", "POSIX", "ucs_basic", "pg_c_utf8", "pg_unicode_fast"})
"""Collations the planner knows to sort by bytes (``collate_is_c`` in pg_locale.c). libc's C.UTF-8
does, too, but only that of the builtin provider is known to."""


class ObstacleKind(enum.StrEnum):
    """What stands in the way."""

    FUNCTION = "function"
    CAST = "cast"
    WILDCARD = "wildcard"
    PATTERN = "pattern"
    """A prefix pattern, and no index whose operator class serves patterns."""
    NEGATION = "negation"
    ALTERNATIVE = "alternative"
    SUBQUERY = "subquery"
    ELEMENT = "element"
    """A value that is any of a column's array: GIN knows it as containment only."""
    SAME_ROW = "same-row"
    """Both sides are of the row itself: there is no value to look up."""


class Obstacle(msgspec.Struct, frozen=True):
    """One condition an index does not serve as it is written."""

    kind: ObstacleKind
    condition: Condition
    reason: str
    """Follows "no index can help: "."""
    columns: tuple[str, ...] = ()
    expression: str = ""
    """The side of the columns, as printed."""


def conditions_of(texts: tuple[str, ...]) -> tuple[Condition, ...]:
    """Conditions of a read, which are split already."""
    return tuple(condition for text in texts for condition in split_conditions(text))


def has_predicate(read: Read) -> bool:
    """Whether a filter says something of the relation's own columns."""
    return any(
        alias in (read.alias, "")
        for condition in conditions_of(read.filter)
        for alias, _ in condition.columns
    )


def obstacles(read: Read, catalog: Catalog) -> tuple[Obstacle, ...]:
    """Why conditions of the filter can't use an index as written; those that can are left out."""
    found = (_obstacle(one, read, catalog) for one in conditions_of(read.filter))
    return tuple(obstacle for obstacle in found if obstacle is not None)


def why_unserved(read: Read, catalog: Catalog) -> str:
    """A remedy's beginning: what of the filter, and which indexes, do not serve; else empty."""
    reasons = [one.reason for one in obstacles(read, catalog)]
    reasons += unused_indexes(read, catalog)
    return f"no index helps as it is: {'; '.join(dict.fromkeys(reasons))}" if reasons else ""


def first_obstacle(kind: ObstacleKind, read: Read, catalog: Catalog) -> Obstacle | None:
    """The filter's first of a kind."""
    return next((one for one in obstacles(read, catalog) if one.kind is kind), None)


def _obstacle(condition: Condition, read: Read, catalog: Catalog) -> Obstacle | None:
    if not any(alias in (read.alias, "") for alias, _ in condition.columns):
        return None
    if condition.operator == "OR":
        return _says(condition, ObstacleKind.ALTERNATIVE, "alternatives joined by OR")
    if "SubPlan" in condition.text:
        return _says(condition, ObstacleKind.SUBQUERY, "it depends on a sub-select")
    if _is_element(condition):
        return _says(condition, ObstacleKind.ELEMENT, _as_containment(condition))
    own = oriented(condition, read.alias) or oriented(condition, "")
    if own is None or own.subject is None:
        return _says(condition, ObstacleKind.SAME_ROW, "both sides depend on the row itself")
    return _of_subject(own, own.subject, read, catalog)


def _is_element(condition: Condition) -> bool:
    """Whether it is ``value = ANY (column)``."""
    value, array = condition.subject, condition.value
    return (
        condition.operator == "= ANY"
        and value is not None
        and not value.columns
        and array is not None
        and array.column is not None
    )


def _as_containment(condition: Condition) -> str:
    assert condition.subject is not None
    assert condition.value is not None
    return (
        "no index serves = ANY of a column; a GIN index serves the same as "
        f"{condition.value.text.rpartition('.')[2]} @> ARRAY[{condition.subject.text}]"
    )


def _says(condition: Condition, kind: ObstacleKind, words: str) -> Obstacle:
    columns = tuple(name for _, name in condition.columns)
    return Obstacle(kind, condition, f"{condition.text}: {words}", columns, condition.text)


def _of_subject(
    condition: Condition, subject: Operand, read: Read, catalog: Catalog
) -> Obstacle | None:
    columns = tuple(name for _, name in subject.columns)
    kind, words = _kind(condition, subject, read, catalog)
    if kind is None:
        return None
    return Obstacle(kind, condition, f"{condition.text}: {words}", columns, subject.text)


def _kind(
    condition: Condition, subject: Operand, read: Read, catalog: Catalog
) -> tuple[ObstacleKind | None, str]:
    if subject.column is None and not subject.fields:
        if _begins_with_a_wildcard(condition):  # an index on the expression would not help either
            return ObstacleKind.WILDCARD, _WILDCARD
        return ObstacleKind.FUNCTION, f"{subject.text} is computed for every row"
    column = column_of(catalog, read.relation, subject.column[1]) if subject.column else None
    if column is not None and (target := real_cast(column, subject)):
        return ObstacleKind.CAST, f"{column.name} is cast from {column.type} to {target} row by row"
    if condition.operator.startswith(("<>", "!")):  # IS NOT NULL and NOT flag are found in a btree
        return ObstacleKind.NEGATION, "an index finds what is equal, not what differs"
    if condition.kind is Kind.LIKE:
        return _pattern(condition, column, read, catalog)
    return None, ""


_WILDCARD = "the pattern does not begin with fixed text"


def _begins_with_a_wildcard(condition: Condition) -> bool:
    is_pattern = condition.kind is Kind.LIKE and not condition.operator.startswith("!")
    return is_pattern and fixed_prefix(condition) == ""


def _pattern(
    condition: Condition, column: Column | None, read: Read, catalog: Catalog
) -> tuple[ObstacleKind | None, str]:
    if fixed_prefix(condition) == "":
        return ObstacleKind.WILDCARD, _WILDCARD
    if column is None:
        return None, ""
    leading = led_by(read.relation, column.name, catalog)
    if leading and not any(_serves_patterns(one, column, catalog) for one in leading):
        return ObstacleKind.PATTERN, "the index sorts by a collation that patterns can't use"
    return None, ""


def led_by(relation: str, column: str, catalog: Catalog) -> tuple[Index, ...]:
    """The btrees over all of a table's rows that begin with a column, by name."""
    return tuple(
        one
        for one in catalog.indexes_of(relation)
        if one.method == "btree"
        and one.valid
        and one.predicate is None
        and [key.strip('"') for key in one.keys[:1]] == [column]
    )


def _serves_patterns(index: Index, column: Column, catalog: Catalog) -> bool:
    """Whether a btree on the column can be entered by the beginning of a value."""
    if any(one.endswith("_pattern_ops") for one in index.opclasses[:1]):
        return True
    own = index.collations[0] if index.collations else column.collation
    return pattern_is_plain(msgspec.structs.replace(column, collation=own), catalog)


def pattern_is_plain(column: Column, catalog: Catalog) -> bool:
    """Whether a plain btree on the column serves prefix patterns: only where bytes are sorted."""
    name = (column.collation or "").rpartition(".")[2].strip('"')
    if name not in ("", "default"):
        return name in _BYTEWISE
    server = catalog.server
    return server.collation_provider == "builtin" or server.collation in _BYTEWISE


def is_guess(read: Read, catalog: Catalog) -> bool:
    """Whether the planner knows nothing of a condition's selectivity.

    For a computed or cast column it takes a fixed share (1/200 for equality, a third for a
    range: DEFAULT_EQ_SEL and DEFAULT_INEQ_SEL in selfuncs.h), which is no evidence. Nor is the
    share it takes for a pattern or a containment without statistics, see ``DEFAULT_SHARES``.
    """
    for condition in conditions_of(read.conditions):
        if _is_sub_select(condition):
            return True
        searches = condition.kind in (Kind.LIKE, Kind.CONTAINMENT) or _is_element(condition)
        if searches and _keeps(read, catalog, DEFAULT_SHARES):
            return True
        if is_guessed_search(condition, read, catalog):
            return True
        own = oriented(condition, read.alias)
        if own is None or own.subject is None:
            continue
        if own.kind is not Kind.OTHER:
            kind, _ = _kind(own, own.subject, read, catalog)
            computed = kind is ObstacleKind.WILDCARD and own.subject.column is None
            if computed or kind in (ObstacleKind.FUNCTION, ObstacleKind.CAST):
                return True
    return False


def _is_sub_select(condition: Condition) -> bool:
    """Whether a sub-select decides that was not joined: half of the rows (clausesel.c), or a third.

    NOT keeps most rows of nearly any list, so half is too few, if anything; and what equals its
    value is estimated by the column's number of different values.
    """
    negated = condition.text.startswith(("NOT ", "(NOT "))
    return "SubPlan" in condition.text and condition.operator != "=" and not negated


DEFAULT_SHARES = (0.005, 0.01)
"""Of the rows, where nothing is known: DEFAULT_MATCH_SEL and DEFAULT_MATCHING_SEL (selfuncs.h),
DEFAULT_CONTAIN_SEL and DEFAULT_OVERLAP_SEL (array_selfuncs.c), DEFAULT_TS_MATCH_SEL
(ts_selfuncs.c). An estimate from statistics is none of them but by chance."""
_ROUNDING = 0.002


def _keeps(read: Read, catalog: Catalog, shares: Iterable[float]) -> bool:
    table = catalog.tables.get(read.relation)
    kept = read.rows_kept / table.rows if table is not None and table.rows else 0.0
    return any(abs(kept - share) <= _ROUNDING * share for share in shares)


def is_guessed_search(condition: Condition, read: Read, catalog: Catalog) -> bool:
    """Whether all that is known of a text anywhere is how long it is.

    Without statistics the planner goes by the pattern's letters (like_selectivity in
    like_support.c): ``'%ab%'`` is a fifth of the rows, whatever they hold.
    """
    if not _begins_with_a_wildcard(condition) or condition.value is None:
        return False
    share = share_by_length(condition.operator, condition.value.text)
    return share is not None and _keeps(read, catalog, (share,))


def column_of(catalog: Catalog, relation: str, name: str) -> Column | None:
    """A relation's column; None where either is unknown."""
    table = catalog.tables.get(relation)
    return table.column(name) if table is not None else None


def real_cast(column: Column, subject: Operand) -> str:
    """The type a bare column is computed to; empty where it is compared as it is stored."""
    base = column.base_type or column.type
    for target in subject.casts:
        if target != base and (base, target) not in RELABELS:
            return target
        base = target
    return ""


def usable_index(read: Read, column: str, catalog: Catalog) -> Index | None:
    """An index that would serve a plain condition on the column: all keys before it are fixed."""
    fixed = {
        own.subject.column[1]
        for condition in conditions_of(read.conditions)
        if condition.kind is Kind.EQUALITY
        and (own := oriented(condition, read.alias)) is not None
        and own.subject is not None
        and own.subject.column is not None
    }
    for index in catalog.indexes_of(read.relation):
        if index.valid and index.method == "btree" and index.predicate is None:
            keys = [key.strip('"') for key in index.keys]
            if column in keys and set(keys[: keys.index(column)]) <= fixed:
                return index
    return None


def unused_indexes(read: Read, catalog: Catalog) -> tuple[str, ...]:
    """Why indexes that begin with a column of the filter did not serve it."""
    plain = {
        own.subject.column[1]
        for condition in conditions_of(read.filter)
        if (own := oriented(condition, read.alias)) is not None
        and own.subject is not None
        and own.subject.column is not None
        and not _obstacle(condition, read, catalog)
    }
    reasons = []
    for index in catalog.indexes_of(read.relation):
        if not index.keys or index.keys[0].strip('"') not in plain:
            continue
        if not index.valid:
            reasons.append(f"index {index.name} is invalid: drop it and create it again")
        elif index.predicate is not None:
            reasons.append(f"index {index.name} holds only rows where {index.predicate}")
        elif index.method not in ("btree", "hash"):
            reasons.append(f"index {index.name} ({index.method}) does not serve the operator")
    return tuple(reasons)
