"""The same query with a parameter of the column's own type, planned at scale."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal, InvalidOperation

import msgspec

from pytest_planguard.model.catalog import Catalog, Column
from pytest_planguard.model.judgement import Read, Rewrite
from pytest_planguard.model.plan import Planned, Unexplained
from pytest_planguard.model.query import Query, Variant
from pytest_planguard.model.spec import Thresholds
from pytest_planguard.model.statement import Sample
from pytest_planguard.sql.predicates import Condition, split_conditions
from pytest_planguard.sql.types import family

_OIDS = {"int2": "21", "int4": "23", "int8": "20"}
_WIDER = frozenset({"numeric", "float"})
"""Families an integer column is cast to when it is compared with one of them."""

Plan = Callable[[Sequence[Query]], list[Planned | Unexplained]]


def rewrites(
    query: Query,
    planned: Planned,
    reads: Mapping[int, tuple[Read, ...]],
    catalog: Catalog,
    thresholds: Thresholds,
    plan: Plan,
) -> tuple[Rewrite, ...]:
    """Rewrites that the planner proves to help: parameters sent as the column's own type.

    Args:
        query: The query as it was sent.
        planned: Its plans.
        reads: Scans of large relations, by position of the plan.
        catalog: The fixture database's.
        thresholds: For what counts as a gain.
        plan: Plans queries at scale.
    """
    found = []
    seen: set[tuple[str, str]] = set()
    for read in reads.get(0, ()):
        for column in _cast_columns(read, catalog):
            if (read.relation, column.name) in seen:
                continue
            seen.add((read.relation, column.name))
            rewritten = _with_type(query, column)
            outcome = plan([rewritten])[0] if rewritten is not None else None
            if isinstance(outcome, Planned) and _gains(planned, outcome, thresholds):
                found.append(_rewrite(query, read, column, planned, outcome))
    return tuple(found)


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


def _with_type(query: Query, column: Column) -> Query | None:
    """The query with its numeric parameters sent as the column's type; None where it has none."""
    variants = tuple(_variant_with_type(one, _OIDS[column.base_type]) for one in query.variants)
    if variants == query.variants:
        return None
    return msgspec.structs.replace(query, variants=variants)


def _variant_with_type(variant: Variant, oid: str) -> Variant:
    wide = {n for n, name in enumerate(variant.parameter_types) if family(name) in _WIDER}
    if not wide:
        return variant
    types = tuple(oid if n in wide else name for n, name in enumerate(variant.parameter_types))
    samples = tuple(
        Sample(tuple(_whole(v) if n in wide else v for n, v in enumerate(one.values)), one.binary)
        for one in variant.samples
        if not wide.intersection(one.binary)
    )
    return msgspec.structs.replace(variant, parameter_types=types, samples=samples)


def _whole(value: str | None) -> str | None:
    """``12.00`` as an integer's text; a fraction can equal no integer and becomes a whole one."""
    if value is None:
        return None
    try:
        return str(int(Decimal(value)))
    except (InvalidOperation, ValueError, OverflowError):
        return value


def _gains(before: Planned, after: Planned, thresholds: Thresholds) -> bool:
    gain = before.worst.cost - after.worst.cost
    return (
        gain >= thresholds.minimum_gain_units
        and gain >= thresholds.minimum_gain * before.worst.cost
    )


def _rewrite(query: Query, read: Read, column: Column, before: Planned, after: Planned) -> Rewrite:
    sent = " and ".join(sorted({name for name in query.parameter_types if name in _WIDER}))
    return Rewrite(
        rule="QRY002",
        relation=read.relation,
        text=(
            f"send the parameter as {column.type}, which {column.name} is: pass int(value) "
            f"instead of a {sent} value, or write CAST(… AS {column.type}) around the parameter"
        ),
        cost_before=before.worst.cost,
        cost_after=after.worst.cost,
    )
