"""Index candidates for one read of one plan; which of them help, only the planner knows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from pytest_planguard.advice.alternatives import sides
from pytest_planguard.advice.covering import covering
from pytest_planguard.advice.keys import (
    WEAK,
    Key,
    Use,
    differing_keys,
    equality_keys,
    inverted_keys,
    primary_key,
    range_keys,
)
from pytest_planguard.advice.naming import covers, named
from pytest_planguard.advice.ordered import ordered_keys
from pytest_planguard.advice.place import Keys, Place, keys_of
from pytest_planguard.advice.suite import Suite
from pytest_planguard.model.catalog import Catalog, Table
from pytest_planguard.model.judgement import Read
from pytest_planguard.model.plan import Plan
from pytest_planguard.model.ports import HypotheticalIndex
from pytest_planguard.model.query import Query
from pytest_planguard.model.spec import Thresholds
from pytest_planguard.sql.predicates import Condition
from pytest_planguard.sql.printed import unwrapped, without_alias

MOST_COLUMNS = 4
"""Of a candidate, with those it only includes; wider ones cost more on every write than they save
(planning.md, Advice)."""
MOST_CANDIDATES = 14
"""For one read: each is planned with every sample of the query."""

MOST_STATES = 20
"""Distinct values of a column that partial indexes are made by: states and kinds have so few. One
for each country or customer is nothing anybody would maintain."""

_FIELD = frozenset({"->", "->>", "#>", "#>>"})
_BOOLEAN = frozenset({"16", "bool", "boolean"})
_Found = dict[tuple[object, ...], HypotheticalIndex]
"""By what tells candidates apart."""


def candidates(
    query: Query,
    plan: Plan,
    read: Read,
    catalog: Catalog,
    thresholds: Thresholds,
    suite: Suite = Suite(),  # noqa: B008 - a frozen value
) -> tuple[HypotheticalIndex, ...]:
    """Indexes that might serve a read, the most promising first.

    Equality columns come first, the most selective of them leading; then one range, or the
    order the rows are wanted in. Where a constant stands in the SQL itself, a partial index is
    tried too; where the plan reads few columns of the table, one that holds them all. What an
    existing index covers already is left out.
    """
    table = catalog.tables.get(read.relation)
    if table is None or table.kind not in ("r", "p", "m"):
        return ()
    place = Place(query, plan, read, table, catalog, thresholds, suite)
    keys = keys_of(place)
    plain: _Found = {}
    for one in _combinations(keys.equal, keys.ranges, keys.order, limited=keys.limited):
        _add(plain, one, "", table)
    found = {**plain, **_special(place), **_partial(place, keys)}
    whole = list(covering(list(plain.values()), place, MOST_COLUMNS))
    existing = catalog.indexes_of(read.relation)

    def new(indexes: Iterable[HypotheticalIndex]) -> list[HypotheticalIndex]:
        return [one for one in indexes if not any(covers(old, one) for old in existing)]

    return (*new(found.values())[:MOST_CANDIDATES], *new(whole))


def _special(place: Place) -> _Found:
    """One for each side of an OR, GIN and GiST, BRIN."""
    read, catalog, table = place.read, place.catalog, place.table
    found: _Found = {}
    for side in sides(read, lambda side: bool(_first_keys(side, catalog))):
        _add(found, _first_keys(side, catalog), "", table)
    for key in inverted_keys(read, catalog):
        _add(found, [key], "", table)
    for name in ordered_keys(range_keys(read, catalog), read, table, place.suite):
        _add(found, [Key((name,), Use.RANGE, method="brin")], "", table)
    return found


def _partial(place: Place, keys: Keys) -> _Found:
    """Btrees over the rows that a constant of the SQL selects."""
    found: _Found = {}
    told_apart = (*keys.equal, *differing_keys(place.read, place.catalog))
    for constants in _constants([one for one in told_apart if _is_constant(one, place)]):
        rest = [one for one in keys.equal if one not in constants]
        predicate = " AND ".join(_predicate(one, place.read) for one in constants)
        for combined in _beside_predicate(rest, keys.ranges, keys.order, place.table):
            _add(found, combined, predicate, place.table)
    return found


def _first_keys(read: Read, catalog: Catalog) -> list[Key]:
    """The keys that serve a read best by themselves; none: nothing does."""
    equal, ranges = equality_keys(read, catalog, ()), range_keys(read, catalog)
    return next(_combinations(equal, ranges, (), limited=False), [])


def _combinations(
    equal: Sequence[Key], ranges: Sequence[Key], sorts: Sequence[Key], *, limited: bool
) -> Iterator[list[Key]]:
    """Key lists in the order of promise."""
    strong = [key for key in equal if key.weight < WEAK]
    bases = [base for base in (strong, strong[:1], list(equal)) if base]
    bases = [base for n, base in enumerate(bases) if base not in bases[:n]]
    yield from bases
    for base in bases or [[]]:
        names = {key.columns for key in base}
        order = [key for key in sorts if (key.columns[0].split(" ")[0],) not in names]
        if order and (base or limited):
            yield [*base, *order]
        yield from ([*base, key] for key in ranges[:2] if key.columns not in names)
    yield from ([key] for key in strong[1:3])


def _constants(keys: Sequence[Key]) -> list[Sequence[Key]]:
    """Predicates to try: all constants together, then each by itself."""
    return [keys, *([key] for key in keys)] if len(keys) > 1 else [[key] for key in keys]


def _beside_predicate(
    rest: Sequence[Key], ranges: Sequence[Key], sorts: Sequence[Key], table: Table
) -> Iterator[list[Key]]:
    """Key lists of a partial index; where nothing else is asked for, the primary key."""
    yield from _combinations(rest, ranges, sorts, limited=True)
    if rest and all(key.weight >= WEAK for key in rest):
        yield from _combinations([], ranges, sorts, limited=True)
    if not rest and not ranges and not sorts:
        yield primary_key(table)


def _is_constant(key: Key, place: Place) -> bool:
    """Whether a key is compared with a constant of the SQL, and narrows down little by itself."""
    condition = key.condition
    if condition is None or key.weight < 2.0 or condition.operator == "= ANY":
        return False
    if condition.operator in ("=", "<>") and not _is_state(condition, place):
        return False
    if condition.value is not None and _is_masked(condition, place):
        return False
    variant = place.query.variants[place.plan.variant]
    if condition.operator in ("IS NULL", "IS NOT NULL") or not variant.parameter_types:
        return condition.value is None or condition.value.is_constant
    if condition.value is None:
        return not _BOOLEAN.intersection(name or "" for name in variant.parameter_types)
    text, sent = condition.value.text.partition("::")[0], variant.plannable or variant.text
    return condition.value.is_constant and text.startswith("'") and text in sent


def _is_masked(condition: Condition, place: Place) -> bool:
    """Whether a column's values are stand-ins: the plan's constant is one, too, and not the SQL's.

    An index over the rows of a stand-in would hold none of production's.
    """
    known = (place.suite.column(place.read.relation, name) for _, name in condition.columns)
    return any(facts is not None and facts.masked for facts in known)


def _is_state(condition: Condition, place: Place) -> bool:
    """Whether a column has few values; a field of a document might, and one we know nothing of."""
    subject = condition.subject
    column = subject.column if subject is not None else None
    if subject is not None and column is None and not _FIELD.issuperset(subject.functions):
        return False
    facts = place.suite.column(place.read.relation, column[1]) if column is not None else None
    if facts is None or not facts.n_distinct:
        return True
    distinct = facts.n_distinct if facts.n_distinct > 0 else -facts.n_distinct * place.table.rows
    return distinct <= MOST_STATES


def _predicate(key: Key, read: Read) -> str:
    assert key.condition is not None
    return without_alias(unwrapped(key.condition.text), read.alias)


def _add(found: _Found, keys: Sequence[Key], predicate: str, table: Table) -> None:
    columns = tuple(dict.fromkeys(name for key in keys for name in key.columns))[:MOST_COLUMNS]
    if not columns:
        return
    method = keys[0].method
    index = named(HypotheticalIndex("", table.qualified, method, columns, predicate=predicate))
    found.setdefault((method, columns, predicate), index)
