"""Literals on masked columns, fitted to the stand-ins as captured values are.

``status = 'shipped'`` meets no stand-in, and would be planned as if nothing were shipped. In its
place stands the value a captured ``shipped`` would become; the plan is marked approximate.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import msgspec

from pytest_planguard.model.plan import PlanNode, SampleKind
from pytest_planguard.model.query import Query, Variant
from pytest_planguard.model.statement import Sample
from pytest_planguard.model.statistics import Statistics
from pytest_planguard.planner.parameters import Values
from pytest_planguard.planner.requests import Request
from pytest_planguard.planner.wire import literal
from pytest_planguard.sql.bindings import Binding
from pytest_planguard.sql.literals import Literal, compared_literals, replaced

Fit = Callable[[Variant, Sequence[Binding]], Values]
"""What the values of a variant's one sample become, from what its parameters are compared with."""


class Probe(msgspec.Struct, frozen=True):
    """A variant with parameters for its literals, planned to learn what they are compared with."""

    query: int
    variant: int
    literals: tuple[Literal, ...]
    first: int
    """Number of the first literal's parameter."""
    request: Request


def masked_columns(statistics: Statistics) -> frozenset[str]:
    """Names of the columns whose values are stand-ins, whatever the table."""
    return frozenset(
        name
        for table in statistics.tables.values()
        for columns in (table.columns, table.inherited)
        for name, facts in columns.items()
        if facts.masked
    )


def probes(queries: Sequence[Query], columns: frozenset[str]) -> list[Probe]:
    """One for each variant that compares such a column with a text."""
    return list(_probes(queries, columns)) if columns else []


def _probes(queries: Sequence[Query], columns: frozenset[str]) -> Iterator[Probe]:
    for position, query in enumerate(queries):
        if query.why_not_explainable:
            continue
        for number, variant in enumerate(query.variants):
            literals = compared_literals(variant.plannable, columns)
            if literals:
                yield _probe(position, number, variant, literals)


def _probe(query: int, number: int, variant: Variant, literals: tuple[Literal, ...]) -> Probe:
    first = len(variant.parameter_types) + 1
    text = replaced(variant.plannable, (), literals, lambda n: f"${first + n}").text
    types = (*variant.parameter_types, *(None for _ in literals))
    session = variant.session
    request = Request(
        query, number, SampleKind.GENERIC, text, types, session.search_path, session.settings,
        ((None,) * len(types),), ("",),
    )  # fmt: skip
    return Probe(query, number, literals, first, request)


def fitted(
    queries: Sequence[Query],
    found: Sequence[Probe],
    plans: Mapping[int, PlanNode],
    bound: Callable[[PlanNode], Sequence[Binding]],
    fit: Fit,
) -> list[Query]:
    """The queries with stand-ins for what they compare masked columns with.

    Args:
        queries: As captured.
        found: Their probes.
        plans: By position of the probe; one the server refused has none, and stays as it is.
        bound: What a plan's parameters are compared with.
        fit: What a value becomes.
    """
    changed = list(queries)
    for position, probe in enumerate(found):
        root = plans.get(position)
        if root is None:
            continue
        query = changed[probe.query]
        variants = list(query.variants)
        variants[probe.variant] = _fitted(variants[probe.variant], probe, bound(root), fit)
        changed[probe.query] = msgspec.structs.replace(query, variants=tuple(variants))
    return changed


def _fitted(variant: Variant, probe: Probe, bound: Sequence[Binding], fit: Fit) -> Variant:
    sent = (None,) * (probe.first - 1) + tuple(one.value for one in probe.literals)
    asked = Variant("", probe.request.types, variant.session, samples=(Sample(sent),))
    values = fit(asked, bound)[probe.first - 1 :]

    def write(number: int) -> str:
        return literal(values[number]).strip()

    new = replaced(variant.plannable, variant.spans, probe.literals, write)
    return msgspec.structs.replace(variant, plannable=new.text, spans=new.spans)
