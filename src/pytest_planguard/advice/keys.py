"""What an index on a relation could be keyed by, read off the conditions of a plan."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from pytest_planguard.model.catalog import Catalog, Column, Table
from pytest_planguard.model.judgement import Read
from pytest_planguard.model.ports import quoted
from pytest_planguard.sql.obstacles import (
    column_of,
    conditions_of,
    pattern_is_plain,
    real_cast,
)
from pytest_planguard.sql.patterns import fixed_prefix
from pytest_planguard.sql.predicates import Condition, Kind, Operand, oriented
from pytest_planguard.sql.printed import unwrapped, without_alias
from pytest_planguard.sql.reads import full_index_walk
from pytest_planguard.sql.relations import root_index, sort_column

TRIGRAMS = "gin_trgm_ops"
"""The operator class of pg_trgm, which a schema may lack."""


class Use(enum.StrEnum):
    """What a key is for."""

    EQUALITY = "equality"
    RANGE = "range"
    SORT = "sort"
    INVERTED = "inverted"
    """An index method other than btree."""


class Key(msgspec.Struct, frozen=True):
    """One key, or the few of a row comparison."""

    columns: tuple[str, ...]
    """As they stand in DDL."""
    use: Use
    weight: float = 0.0
    """How little it narrows down: 0 one row, 5 next to nothing (see ``_weight``)."""
    condition: Condition | None = None
    method: str = "btree"


WEAK = 4.0
"""A key of this weight or more is not worth an index of its own."""

_STABLE = frozenset({
    "now", "current_timestamp", "random", "clock_timestamp", "to_char", "to_date", "to_timestamp",
    "age", "concat", "concat_ws", "format", "nextval", "statement_timestamp",
})  # fmt: skip
"""Built-in functions that are not immutable; the server refuses any we do not know of."""
_MOMENT_FUNCTIONS = frozenset({"date", "date_trunc", "extract", "date_part", "timezone"})
"""Immutable of a timestamp, only stable of a timestamptz: they depend on the session's zone."""
_PATTERN_CLASS = {"text": "text_pattern_ops", "varchar": "varchar_pattern_ops",
                  "bpchar": "bpchar_pattern_ops"}  # fmt: skip
_NETWORK = frozenset({"<<", "<<=", ">>", ">>="})
"""Of networks and ranges alone."""
_WEIGHT_OF_CATEGORY = {"B": 5.0, "E": 4.0, "N": 1.0, "U": 1.0, "S": 2.0, "D": 2.0}
"""By ``typcategory``; U holds uuid."""


def equality_keys(read: Read, catalog: Catalog, joins: Sequence[Condition]) -> list[Key]:
    """Keys compared for equality, most selective first."""
    found: dict[tuple[str, ...], Key] = {}
    for condition in (*conditions_of(read.conditions), *joins):
        if condition.kind in (Kind.EQUALITY, Kind.BOOLEAN):
            own = oriented(condition, read.alias)
            key = _equality(own, read, catalog) if own is not None else None
            if key is not None:
                found.setdefault(key.columns, key)
    return sorted(found.values(), key=lambda key: (key.weight, key.columns))


def differing_keys(read: Read, catalog: Catalog) -> list[Key]:
    """What only a partial index serves: ``<>`` a value, and ``IS NOT NULL``."""
    found: dict[str, Key] = {}
    for condition in conditions_of(read.conditions):
        own = oriented(condition, read.alias)
        if own is None or own.subject is None or own.operator not in ("<>", "IS NOT NULL"):
            continue
        text = _ddl(own.subject, read, catalog)
        if text is not None:
            found.setdefault(own.text, Key((text,), Use.EQUALITY, 5.0, own))
    return list(found.values())


def range_keys(read: Read, catalog: Catalog) -> list[Key]:
    """Keys of ranges, row comparisons and prefix patterns."""
    found: dict[tuple[str, ...], Key] = {}
    for condition in conditions_of(read.conditions):
        own = oriented(condition, read.alias)
        key = _range(own, read, catalog) if own is not None else None
        if key is not None:
            found.setdefault(key.columns, key)
    return list(found.values())


def inverted_keys(read: Read, catalog: Catalog) -> list[Key]:
    """Keys of GIN and GiST: containment, full text, patterns through trigrams, ranges, networks."""
    found: dict[tuple[str, ...], Key] = {}
    for condition in conditions_of(read.filter):
        own = oriented(condition, read.alias)
        if own is None or own.subject is None:
            continue
        method, opclass = _inverted_class(own, own.subject, read, catalog)
        text = _ddl(own.subject, read, catalog) if method else None
        if text is not None:
            columns = (f"{text} {opclass}".strip(),)
            found[columns] = Key(columns, Use.INVERTED, 1.0, own, method)
    return list(found.values())


def sort_keys(read: Read, catalog: Catalog) -> list[Key]:
    """The order rows are wanted in: a Sort's above, or the one the walked index gives."""
    texts = read.order or _order_of_index(read, catalog)
    keys: list[Key] = []
    for text in texts:
        expression, suffix = sort_column(text)
        if "COLLATE" in suffix or "USING" in suffix:
            break
        found = _bare(unwrapped(expression), read, catalog)
        if found is None:
            break
        keys.append(Key((quoted(found.name) + suffix,), Use.SORT))
    return keys


def _order_of_index(read: Read, catalog: Catalog) -> tuple[str, ...]:
    """The order a scan that a LIMIT stops early takes from its index."""
    node = read.node
    if not read.limited or node.index is None:
        return ()
    root = root_index(node.index, node.schema, catalog)
    index = catalog.indexes.get(f"{node.schema}.{root}")
    if index is None or index.method != "btree":
        return ()
    backward = node.scan_direction == "Backward"
    descending = index.descending or (False,) * len(index.keys)
    keys = zip(index.keys, descending, strict=False)
    # What an index condition fixes is left out later; a walk is made for the first key.
    wanted = list(keys)[:1] if full_index_walk(node) else list(keys)
    return tuple(f"{key}{' DESC' if down != backward else ''}" for key, down in wanted)


def _bare(text: str, read: Read, catalog: Catalog) -> Column | None:
    name = without_alias(text, read.alias)
    plain = name[1:-1].replace('""', '"') if name.startswith('"') else name
    return column_of(catalog, read.relation, plain)


def _equality(own: Condition, read: Read, catalog: Catalog) -> Key | None:
    subject = own.subject
    text = _ddl(subject, read, catalog) if subject is not None else None
    if subject is None or text is None:
        return None
    column = _column(subject, read, catalog)
    weight = _weight(column, read, catalog)
    if own.operator == "IS NULL":
        weight = 5.0
    elif own.operator == "= ANY":
        weight += 0.5
    return Key((text,), Use.EQUALITY, weight, own)


def _range(own: Condition, read: Read, catalog: Catalog) -> Key | None:
    subject = own.subject
    if subject is None:
        return None
    if own.kind is Kind.ROW:
        parts = [_ddl(part, read, catalog) for part in subject.fields]
        known = [part for part in parts if part is not None]
        if len(known) < len(parts) or not known:
            return None
        return Key(tuple(known), Use.RANGE, 2.0, own)
    text = _ddl(subject, read, catalog)
    if text is None:
        return None
    if own.kind is Kind.RANGE:
        return Key((text,), Use.RANGE, 2.0, own)
    column = _column(subject, read, catalog)
    if own.kind is not Kind.LIKE or fixed_prefix(own) == "":
        return None
    base = column.base_type if column is not None else "text"
    plain = column is not None and pattern_is_plain(column, catalog)
    opclass = "" if plain else f" {_PATTERN_CLASS.get(base, 'text_pattern_ops')}"
    return Key((text + opclass,), Use.RANGE, 2.0, own)


def _inverted_class(
    own: Condition, subject: Operand, read: Read, catalog: Catalog
) -> tuple[str, str]:
    """Method and operator class that serve a condition, no class for the default; no method: none.

    GiST serves ranges with its default class, networks with ``inet_ops`` (the manual, "Built-in
    GiST Operator Classes").
    """
    column = _column(subject, read, catalog)
    if own.kind is Kind.CONTAINMENT:
        base = column.base_type if column is not None else ""
        if base.endswith("range"):
            return "gist", ""
        if base in ("inet", "cidr"):
            return "gist", "inet_ops"
        is_json = base == "jsonb" or (column is None and "->" in subject.functions)
        if is_json and own.operator in ("@>", "@?", "@@"):
            return "gin", "jsonb_path_ops"
        is_array = column is not None and column.category == "A"
        text_search = base == "tsvector" or "to_tsvector" in subject.functions
        is_served = own.operator not in _NETWORK and (is_json or is_array or text_search)
        return ("gin", "") if is_served else ("", "")
    wildcard = own.kind is Kind.LIKE and not own.operator.startswith("!")
    if wildcard and fixed_prefix(own) == "" and (column is None or column.category == "S"):
        return "gin", TRIGRAMS
    return "", ""


def _ddl(subject: Operand, read: Read, catalog: Catalog) -> str | None:
    """The subject as an index key; None where it can't be one."""
    if subject.column is not None:
        column = column_of(catalog, read.relation, subject.column[1])
        if column is None or real_cast(column, subject):
            return None
        return quoted(column.name)
    if not subject.columns or not _is_immutable(subject, read, catalog):
        return None
    return f"({without_alias(subject.text, read.alias)})"


def _is_immutable(subject: Operand, read: Read, catalog: Catalog) -> bool:
    used = set(subject.functions)
    if used & _STABLE or subject.parameters or subject.refers_to_plan:
        return False
    moments = any(
        (column := column_of(catalog, read.relation, name)) is not None
        and column.base_type == "timestamptz"
        for _, name in subject.columns
    )
    return not (moments and used & _MOMENT_FUNCTIONS)


def _column(subject: Operand, read: Read, catalog: Catalog) -> Column | None:
    return column_of(catalog, read.relation, subject.column[1]) if subject.column else None


def _weight(column: Column | None, read: Read, catalog: Catalog) -> float:
    """How little an equality narrows down, from what the schema says alone."""
    if column is None:
        return 2.0
    table = catalog.tables.get(read.relation)
    if table is not None and (column.name,) in set(_unique(table)):
        return 0.0
    return _WEIGHT_OF_CATEGORY.get(column.category, 2.0)


def _unique(table: Table) -> Iterator[tuple[str, ...]]:
    return (one.columns for one in table.constraints if one.kind in ("p", "u"))


def primary_key(table: Table) -> list[Key]:
    """The primary key's columns, as something to key an index by that needs no key."""
    columns: Iterable[str] = next((one.columns for one in table.constraints if one.kind == "p"), ())
    return [Key((quoted(name),), Use.SORT) for name in columns]
