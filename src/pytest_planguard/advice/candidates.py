"""Index candidates for one read of one plan; which of them help, only the planner knows."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence

import msgspec

from pytest_planguard.advice.joins import join_conditions, path_to
from pytest_planguard.advice.keys import (
    WEAK,
    Key,
    Use,
    equality_keys,
    inverted_keys,
    primary_key,
    range_keys,
    sort_keys,
)
from pytest_planguard.model.catalog import Catalog, Index, Table
from pytest_planguard.model.judgement import Read
from pytest_planguard.model.plan import Plan
from pytest_planguard.model.ports import HypotheticalIndex
from pytest_planguard.model.query import Query
from pytest_planguard.model.spec import Thresholds
from pytest_planguard.sql.printed import unwrapped, without_alias

MOST_COLUMNS = 4
"""Of a candidate; wider ones cost more on every write than they save (planning.md, Advice)."""
MOST_CANDIDATES = 14
"""For one read: each is planned with every sample of the query."""
NAME_BYTES = 63
"""NAMEDATALEN - 1."""

_NAMED_CLASSES = ("_pattern_ops", "_path_ops", "_trgm_ops")
"""Operator classes that candidates name; all others are their type's default."""
_NOT_A_NAME = re.compile(r"::\w+|\W+")
_BOOLEAN = frozenset({"16", "bool", "boolean"})


def candidates(
    query: Query, plan: Plan, read: Read, catalog: Catalog, thresholds: Thresholds
) -> tuple[HypotheticalIndex, ...]:
    """Indexes that might serve a read, the most promising first.

    Equality columns come first, the most selective of them leading; then one range, or the
    order the rows are wanted in. Where a constant stands in the SQL itself, a partial index is
    tried too. What an existing index covers already is left out.
    """
    table = catalog.tables.get(read.relation)
    if table is None or table.kind not in ("r", "p", "m"):
        return ()
    joins = join_conditions(
        path_to(plan.root, read.node), read, thresholds.kept_fraction * read.rows_read
    )
    equal = equality_keys(read, catalog, joins)
    ranges, sorts = range_keys(read, catalog), sort_keys(read, catalog)
    found: dict[tuple[object, ...], HypotheticalIndex] = {}
    for keys in _combinations(equal, ranges, sorts, limited=_is_limited(plan, read)):
        _add(found, keys, "", table)
    for key in inverted_keys(read, catalog):
        _add(found, [key], "", table)
    for constants in _constants([key for key in equal if _is_constant(key, query, plan)]):
        rest = [key for key in equal if key not in constants]
        for keys in _beside_predicate(rest, ranges, sorts, table):
            _add(found, keys, " AND ".join(_predicate(key, read) for key in constants), table)
    existing = catalog.indexes_of(read.relation)
    new = [one for one in found.values() if not any(_covers(index, one) for index in existing)]
    return tuple(new[:MOST_CANDIDATES])


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


def _is_limited(plan: Plan, read: Read) -> bool:
    return read.limited or any(node.node_type == "Limit" for node in path_to(plan.root, read.node))


def _is_constant(key: Key, query: Query, plan: Plan) -> bool:
    """Whether a key is compared with a constant of the SQL, and narrows down little by itself."""
    condition = key.condition
    if condition is None or key.weight < 2.0 or condition.operator == "= ANY":
        return False
    variant = query.variants[plan.variant]
    if condition.operator == "IS NULL" or not variant.parameter_types:
        return condition.value is None or condition.value.is_constant
    if condition.value is None:
        return not _BOOLEAN.intersection(name or "" for name in variant.parameter_types)
    text, sent = condition.value.text.partition("::")[0], variant.plannable or variant.text
    return condition.value.is_constant and text.startswith("'") and text in sent


def _predicate(key: Key, read: Read) -> str:
    assert key.condition is not None
    return without_alias(unwrapped(key.condition.text), read.alias)


def _add(
    found: dict[tuple[object, ...], HypotheticalIndex],
    keys: Sequence[Key],
    predicate: str,
    table: Table,
) -> None:
    columns = tuple(dict.fromkeys(name for key in keys for name in key.columns))[:MOST_COLUMNS]
    if not columns:
        return
    method = "gin" if any(key.use is Use.INVERTED for key in keys) else "btree"
    index = named(HypotheticalIndex("", table.qualified, method, columns, predicate=predicate))
    found.setdefault((method, columns, predicate), index)


def named(index: HypotheticalIndex) -> HypotheticalIndex:
    """The index under the name its columns give it."""
    names = [_NOT_A_NAME.sub("_", _plain(column).split(" ")[0]).strip("_") or "expr"
             for column in index.columns]  # fmt: skip
    name = index_name(
        index.table.partition(".")[2],
        [*dict.fromkeys(names), *(["partial"] if index.predicate else [])],
    )
    return msgspec.structs.replace(index, name=name)


def index_name(table: str, columns: Sequence[str]) -> str:
    """``<table>_<columns>_idx`` in at most 63 bytes, with a digest where it had to be cut.

    >>> index_name("orders", ["customer_id", "created_at"])
    'orders_customer_id_created_at_idx'
    """
    name = "_".join((table, *columns, "idx"))
    if len(name.encode()) <= NAME_BYTES:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:6]
    room = NAME_BYTES - len(f"_{digest}_idx")
    return name.encode()[:room].decode(errors="ignore").rstrip("_") + f"_{digest}_idx"


def _covers(index: Index, wanted: HypotheticalIndex) -> bool:
    """Whether a valid index begins with the same keys, and holds all rows it should."""
    if not index.valid or index.method != wanted.method:
        return False
    if index.predicate is not None and unwrapped(index.predicate) != unwrapped(wanted.predicate):
        return False
    classes = index.opclasses or ("",) * len(index.keys)
    have = [
        unwrapped(key) + (f" {opclass}" if opclass.endswith(_NAMED_CLASSES) else "")
        for key, opclass in zip(index.keys, classes, strict=False)
    ]
    return [_plain(column) for column in wanted.columns] == have[: len(wanted.columns)]


def _plain(column: str) -> str:
    """A key without its direction, which a btree can be read against."""
    for suffix in (" NULLS FIRST", " NULLS LAST", " DESC"):
        column = column.removesuffix(suffix)
    return unwrapped(column)


def renamed(index: HypotheticalIndex, taken: set[str]) -> HypotheticalIndex:
    """The index under a name that is not taken; the name is taken then."""
    base, name, number = index.name.removesuffix("_idx")[: NAME_BYTES - 8], index.name, 2
    while name in taken:
        name, number = f"{base}_{number}_idx", number + 1
    taken.add(name)
    return msgspec.structs.replace(index, name=name)
