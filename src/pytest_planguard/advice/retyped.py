"""Queries with numbers sent as the integers the columns are: 4711 as integer, not as numeric."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal, InvalidOperation

import msgspec

from pytest_planguard.advice.suspects import Item
from pytest_planguard.model import words
from pytest_planguard.model.catalog import Catalog, Column
from pytest_planguard.model.judgement import Read
from pytest_planguard.model.plan import PlanNode
from pytest_planguard.model.query import Query, Variant
from pytest_planguard.model.statement import Sample
from pytest_planguard.sql.bindings import written_bindings
from pytest_planguard.sql.predicates import Condition, split_conditions
from pytest_planguard.sql.tree import without_sizes
from pytest_planguard.sql.types import family

_OIDS = {"int2": "21", "int4": "23", "int8": "20"}
_WIDER = frozenset({"numeric", "float"})
"""Families an integer column is cast to when it is compared with one of them."""


class Retyped(msgspec.Struct, frozen=True):
    """A query with other types, and what would be said if it helps."""

    query: Query
    relation: str
    text: str


def retyped(item: Item, catalog: Catalog) -> Iterator[Retyped]:
    """A query with parameters sent as the type of a column they are compared with, for each column.

    Args:
        item: With its plans.
        catalog: The fixture database's.
    """
    seen: set[tuple[str, str]] = set()
    for read in item.reads.get(0, ()):
        others = _aliases_of_others(read, item.planned.worst.root, catalog)
        for column in _cast_columns(read, catalog):
            if (read.relation, column.name) in seen:
                continue
            seen.add((read.relation, column.name))
            rewritten = _with_type(item.query, column, others)
            if rewritten is not None:
                text = _send_as(item.query, column, others)
                yield Retyped(rewritten, read.relation, text)


def _aliases_of_others(read: Read, root: PlanNode, catalog: Catalog) -> frozenset[str]:
    """What the plan calls tables other than the read's."""
    named = [node for node in root.walk() if node.alias is not None and node.relation is not None]
    return frozenset(
        node.alias or "" for node in named if catalog.root_of(node.relation or "") != read.relation
    )


def _cast_columns(read: Read, catalog: Catalog) -> list[Column]:
    """Integer columns that a condition casts to a wider type before it compares them."""
    table = catalog.tables.get(read.relation)
    conditions: list[Condition] = [
        condition for text in read.filter for condition in split_conditions(text)
    ]
    columns = []
    for condition in conditions:
        subject = condition.subject
        if table is None or subject is None or subject.column is None or not subject.casts:
            continue
        column = table.column(subject.column[1])
        if column is not None and column.base_type in _OIDS:
            columns.append(column)
    return columns


def _with_type(query: Query, column: Column, others: frozenset[str]) -> Query | None:
    """The query with numeric parameters sent as the column's type; None where it has none.

    Only those that are compared with the column, and for equality: of ``< 12.5`` something would
    be lost.
    """
    variants = tuple(
        _variant_with_type(one, _equal_to(one.plannable, column, others), _OIDS[column.base_type])
        for one in query.variants
    )
    if variants == query.variants:
        return None
    return msgspec.structs.replace(query, variants=variants)


def _equal_to(sql: str, column: Column, others: frozenset[str]) -> frozenset[int]:
    """Numbers of the parameters that are compared with a column, and with nothing else."""
    found: dict[bool, set[int]] = {True: set(), False: set()}
    for one in written_bindings(sql):
        is_it = one.column == column.name and one.operator == "=" and one.alias not in others
        found[is_it].add(one.parameter)
    return frozenset(found[True] - found[False])


def _variant_with_type(variant: Variant, equal: frozenset[int], oid: str) -> Variant:
    types = variant.parameter_types
    wide = {n for n, name in enumerate(types) if n + 1 in equal and family(name) in _WIDER}
    if not wide:
        return variant
    samples = tuple(
        Sample(tuple(_whole(v) if n in wide else v for n, v in enumerate(one.values)), one.binary)
        for one in variant.samples
        if not wide.intersection(one.binary)
    )
    types = tuple(oid if n in wide else name for n, name in enumerate(types))
    return msgspec.structs.replace(variant, parameter_types=types, samples=samples)


def _whole(value: str | None) -> str | None:
    """``12.00`` as an integer's text; a fraction can equal no integer and becomes a whole one."""
    if value is None:
        return None
    try:
        return str(int(Decimal(value)))
    except (InvalidOperation, ValueError, OverflowError):
        return value


def _send_as(query: Query, column: Column, others: frozenset[str]) -> str:
    """Parameters by their numbers in the normal form, which is what reports show."""
    sent = " or ".join(sorted({name for name in query.parameter_types if name in _WIDER}))
    equal = sorted(_equal_to(without_sizes(query.sql), column, others))
    which = words.listed([f"${number}" for number in equal]) if equal else "the parameter"
    cast = f"${equal[0]}" if len(equal) == 1 else "…"
    return (
        f"send {which} as {column.type}, which {column.name} is: pass int(value) instead of a "
        f"{sent} value, or write CAST({cast} AS {column.type})"
    )
