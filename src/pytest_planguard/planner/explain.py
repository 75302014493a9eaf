"""Queries become plans: first without values, then with the values that matter.

Statements are sent in flights: while the server plans one flight, the answers to the flight
before it are read here.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import msgspec
from msgspec import field

from pytest_planguard.model.catalog import Catalog, Table
from pytest_planguard.model.plan import (
    Access,
    AccessPath,
    Drawn,
    Plan,
    Planned,
    PlanNode,
    SampleKind,
    Unexplained,
)
from pytest_planguard.model.query import Query, Variant
from pytest_planguard.model.statistics import ColumnStatistics, Statistics
from pytest_planguard.planner import fitting, requests
from pytest_planguard.planner.classes import Classes, Relation, one_of_each
from pytest_planguard.planner.common import common
from pytest_planguard.planner.counting import Candidate, counting
from pytest_planguard.planner.instants import instant_or_now
from pytest_planguard.planner.masked import Masked
from pytest_planguard.planner.parameters import Clock, beside, choose
from pytest_planguard.planner.requests import Request
from pytest_planguard.planner.wire import Answer, Flight, Refused, Wire, literal
from pytest_planguard.sql.bindings import Binding, bindings
from pytest_planguard.sql.constants import Constant
from pytest_planguard.sql.deep import TOO_DEEP
from pytest_planguard.sql.probes import Probe, probe_of
from pytest_planguard.sql.reads import access_paths, shape
from pytest_planguard.sql.relations import index_names

FLIGHT = 24
"""Units sent before answers are read: enough to keep the server busy, few enough that nothing
waits in a socket's buffer for long."""

BATCH = 500
"""Queries whose prepared statements are kept on the server at a time: about 30 kB each."""

GENERIC = "force_generic_plan"
CUSTOM = "force_custom_plan"


class Explained(msgspec.Struct, frozen=True):
    """What EXPLAIN answers."""

    plan: PlanNode = field(name="Plan")
    settings: dict[str, str] = field(name="Settings", default={})


class _Made(msgspec.Struct, frozen=True):
    """One answer of the planner to a request."""

    request: Request
    values: tuple[str | None, ...]
    sizes: str
    drawn: Drawn | None
    root: PlanNode
    settings: dict[str, str]


_DECODER = msgspec.json.Decoder(list[Explained])

_Given = Mapping[tuple[int, int], tuple[Constant, ...]]
"""What masked columns are compared with, by query and variant."""

Progress = Callable[[int, int], None]
"""Told how many queries are done, of how many."""


class Explainer:
    """Plans queries in one database.

    Args:
        wire: A connection to the fixture database, used by nobody else.
        catalog: The database's tables and indexes.
        statistics: What it has been given; captured values are snapped to it.
        captured_at: When the values were captured, ISO 8601; empty: now.
    """

    def __init__(
        self, wire: Wire, catalog: Catalog, statistics: Statistics, captured_at: str = ""
    ) -> None:
        self._wire = wire
        self._catalog = catalog
        self._statistics = statistics
        self._masked = Masked(statistics, catalog)
        self._clock = Clock(instant_or_now(statistics.clock), instant_or_now(captured_at))
        self._oids: dict[str, int] = {}
        self._probed: dict[Probe, float | None] = {}
        self._prepared: dict[requests.Preparation, str] = {}
        """Names of what the session has; until ``_forget``."""
        self._names = 0

    def explain(
        self, queries: Sequence[Query], progress: Progress | None = None
    ) -> list[Planned | Unexplained]:
        """Each query's plans, worst first, or the reason it has none.

        Raises:
            ServerError: The server was lost.
        """
        outcomes: list[Planned | Unexplained] = []
        self._learn_types(queries)
        for start in range(0, len(queries), BATCH):
            if progress is not None:
                progress(start, len(queries))
            outcomes += self._batch(queries[start : start + BATCH])
        return outcomes

    def fitted(self, queries: Sequence[Query]) -> list[Query]:
        """The queries as they are planned where values of the statistics are stand-ins.

        Literals that masked columns are compared with become values the statistics have; a query
        that has none is the same.

        Raises:
            ServerError: The server was lost.
        """
        found = fitting.probes(queries, fitting.masked_columns(self._statistics))
        if not found:
            return list(queries)
        self._learn_types(queries)
        wanted = [
            msgspec.structs.replace(requests.unpruned(probe.request), query=position)
            for position, probe in enumerate(found)
        ]
        plans = {item.request.query: item.root for item in self._run(GENERIC, wanted, {})}
        self._forget()
        return fitting.fitted(queries, found, plans, self._bound, self._fit)

    def _bound(self, root: PlanNode) -> Sequence[Binding]:
        return (*bindings(root), *self._masked.expressions_bound(root))

    def _fit(self, literals: Variant, bound: Sequence[Binding]) -> tuple[str | None, ...]:
        columns = {key: one for key, one in self._columns(bound).items() if one.masked}
        return choose(literals, bound, columns, self._clock)[0].values

    def again(
        self, items: Sequence[tuple[Query, Planned]], *, bare: bool = False
    ) -> list[Planned | Unexplained]:
        """The same queries with the very samples of their plans, in the plans' order.

        Args:
            items: The queries with their plans.
            bare: Only cost, nodes and the indexes of each relation are wanted: access classes
                and shapes are left out, and nothing is asked besides.
        """
        outcomes: list[Planned | Unexplained] = []
        self._learn_types([query for query, _ in items])
        for start in range(0, len(items), BATCH):
            outcomes += self._batch_again(items[start : start + BATCH], bare=bare)
        return outcomes

    def _batch(self, queries: Sequence[Query]) -> list[Planned | Unexplained]:
        refused: dict[int, str] = {}
        made: dict[int, list[_Made]] = defaultdict(list)
        bound: dict[tuple[int, int], tuple[Binding, ...]] = {}
        given: dict[tuple[int, int], tuple[Constant, ...]] = {}
        for item in self._run(GENERIC, _generic_requests(queries), refused):
            made[item.request.query].append(item)
        generic = [item for items in made.values() for item in items]
        for item in (*generic, *self._run(GENERIC, _with_all_partitions(generic), {})):
            bound[item.request.query, item.request.variant] = tuple(self._bound(item.root))
            given[item.request.query, item.request.variant] = self._masked.constants(item.root)
        for item in self._run(CUSTOM, self._with_values(queries, bound), refused):
            made[item.request.query].append(item)
        for item in self._run(CUSTOM, _refused_requests(queries, made, refused), refused):
            made[item.request.query].append(item)
            given[item.request.query, item.request.variant] = self._masked.constants(item.root)
            refused.pop(item.request.query, None)
        self._probe(item for items in made.values() for item in items)
        self._forget()
        return [
            self._outcome(query, made.get(position, []), refused.get(position, ""), given)
            for position, query in enumerate(queries)
        ]

    def _batch_again(
        self, items: Sequence[tuple[Query, Planned]], *, bare: bool
    ) -> list[Planned | Unexplained]:
        refused: dict[int, str] = {}
        made: dict[tuple[int, int], _Made] = {}
        wanted = [
            (position, number, plan)
            for position, (_, planned) in enumerate(items)
            for number, plan in enumerate(planned.plans)
        ]
        for mode, is_generic in ((GENERIC, True), (CUSTOM, False)):
            places = [
                (position, number, requests.again(position, items[position][0], plan))
                for position, number, plan in wanted
                if (plan.sample is SampleKind.GENERIC) == is_generic
            ]
            answers = self._run(mode, [request for _, _, request in places], refused)
            by_request = {id(item.request): item for item in answers}
            for position, number, request in places:
                if (item := by_request.get(id(request))) is not None:
                    made[position, number] = item
        if not bare:
            self._probe(made.values())
        self._forget()
        return [
            Unexplained(refused[position])
            if position in refused
            else Planned(
                tuple(
                    self._bare(made[position, n])
                    if bare
                    else self._plan(made[position, n], plan.approximate)
                    for n, plan in enumerate(planned.plans)
                )
            )
            for position, (_, planned) in enumerate(items)
        ]

    def _with_values(
        self, queries: Sequence[Query], bound: Mapping[tuple[int, int], tuple[Binding, ...]]
    ) -> list[Request]:
        """Requests for captured values, and for common ones beside them."""
        wanted: list[Request] = []
        for position, query in enumerate(queries):
            for number, variant in enumerate(query.variants):
                if (position, number) not in bound or not variant.parameter_types:
                    continue
                comparisons = bound[position, number]
                columns, relations = self._columns(comparisons), self._relations(comparisons)
                classes = Classes(variant, comparisons, columns, relations)
                choices = choose(variant, comparisons, columns, self._clock)
                choices = one_of_each(choices, classes)
                drawn = common(variant, choices, comparisons, columns, relations)
                wanted += requests.captured(position, number, variant, choices)
                wanted += requests.common(position, number, variant, drawn)
        return wanted

    def _relations(self, comparisons: Sequence[Binding]) -> dict[str, Relation]:
        """What is compared, by alias."""
        roots = {one.alias: self._catalog.root_of(one.relation) for one in comparisons}
        tables = self._catalog.tables
        return {alias: Relation(r, tables[r].rows) for alias, r in roots.items() if r in tables}

    def _columns(self, comparisons: Sequence[Binding]) -> dict[tuple[str, str], ColumnStatistics]:
        columns = {}
        for binding in comparisons:
            table = self._statistics.tables.get(self._catalog.root_of(binding.relation))
            if table is not None:
                found = table.inherited.get(binding.column) or table.columns.get(binding.column)
                found = found or self._masked.expression(binding)
                if found is not None and found.masked and self._divides(binding):
                    continue
                predicates = self._predicates(binding) if found is not None else []
                if found is not None and found.masked:
                    predicates += self._lists(binding)
                if found is not None and predicates and found.masked:
                    columns[binding.alias, binding.column] = beside(found, predicates)
                elif found is not None and not predicates:
                    columns[binding.alias, binding.column] = found
        return columns

    def _divides(self, binding: Binding) -> bool:
        """Whether the column's value decides which partitions are read: no other stands for it.

        Lists are different: their values stayed what they are, and all others share a partition.
        """
        return any(
            binding.column in table.partition_columns
            and not (table.partition_key or "").startswith("LIST")
            for table in self._tree_of(binding)
        )

    def _lists(self, binding: Binding) -> list[str]:
        """Bounds of partitions that list values of the column."""
        tree = self._tree_of(binding)
        if not any(binding.column in table.partition_columns for table in tree):
            return []
        return [table.partition_bound for table in tree if table.partition_bound is not None]

    def _tree_of(self, binding: Binding) -> list[Table]:
        """All tables of the partitioned one that a parameter's column belongs to."""
        root = self._catalog.root_of(binding.relation)
        tables = self._catalog.tables.items()
        return [table for name, table in tables if self._catalog.root_of(name) == root]

    def _predicates(self, binding: Binding) -> list[str]:
        """Of partial indexes that the column's value decides about: no other stands for it."""
        valued = re.compile(rf"\b{re.escape(binding.column)}\b(?! IS (?:NOT )?NULL)")
        return [
            index.predicate
            for index in self._catalog.indexes_of(binding.relation)
            if index.predicate is not None and valued.search(index.predicate)
        ]

    def _run(
        self, mode: str, wanted: Sequence[Request], refused: dict[int, str]
    ) -> Iterator[_Made]:
        """Sends requests and yields what comes back; refusals are noted by query."""
        self._wire.idle()
        self._wire.execute(f"SET plan_cache_mode = {mode}")
        waiting: tuple[Flight, list[Request], list[requests.Steps]] | None = None
        for start in range(0, len(wanted), FLIGHT):
            chunk = list(wanted[start : start + FLIGHT])
            prepared = [self._steps(item) for item in chunk]
            flight = self._wire.send([item.unit for item in prepared])
            if waiting is not None:
                yield from _landed(*waiting, refused)
            waiting = flight, chunk, prepared
        if waiting is not None:
            yield from _landed(*waiting, refused)

    def _steps(self, request: Request) -> requests.Steps:
        """What to send; a statement that was prepared once is not parsed again."""
        key = request.preparation
        known = self._prepared.get(key)
        if known is None:
            self._names += 1
            self._prepared[key] = f"p{self._names}"
        name = self._prepared[key]
        return requests.steps(request, name, self._oids, prepared=known is not None)

    def _forget(self) -> None:
        """Drops all prepared statements."""
        self._wire.idle()
        self._wire.execute("DEALLOCATE ALL")
        self._prepared.clear()

    def _learn_types(self, queries: Sequence[Query]) -> None:
        """Asks for the OIDs of types that are not built in; unknown ones stay untyped."""
        names = {
            name
            for query in queries
            for variant in query.variants
            for name in variant.parameter_types
            if name is not None and not name.isdigit()
        }
        self._wire.idle()
        for name in sorted(names - self._oids.keys()):
            rows = self._wire.execute(f"SELECT to_regtype({literal(name)})::oid::text")
            self._oids[name] = int(rows[0][0] or 0)

    def _probe(self, items: Iterable[_Made]) -> None:
        """Asks how many rows index conditions alone select, where a filter follows them."""
        probes = {
            probe
            for item in items
            for node in item.root.walk()
            if (probe := probe_of(node, self._catalog)) is not None
        }
        missing = sorted(probes - self._probed.keys())
        nulls = [(None,) * probe.parameters for probe in missing]
        wanted = [
            Request(n, 0, SampleKind.GENERIC, probe.text, types, None, {}, (types,))
            for n, (probe, types) in enumerate(zip(missing, nulls, strict=True))
        ]
        self._probed.update(dict.fromkeys(missing))
        for item in self._run(GENERIC, wanted, {}):
            self._probed[missing[item.request.query]] = item.root.rows

    def _outcome(
        self, query: Query, made: Sequence[_Made], refused: str, given: _Given
    ) -> Planned | Unexplained:
        if query.why_not_explainable:
            return Unexplained(query.why_not_explainable)
        if not made:
            return Unexplained(refused or "no parameter values were captured that could be read")
        kept = [made[n] for n in counting(query, [_candidate(item) for item in made])]
        plans = [self._plan(item, self._reasons(item, given)) for item in kept]
        distinct = {(plan.sample, plan.shape, plan.cost): plan for plan in plans}
        return Planned(tuple(sorted(distinct.values(), key=_worst_first)))

    def _reasons(self, item: _Made, given: _Given) -> tuple[str, ...]:
        """Why its estimates may differ from production's."""
        request = item.request
        return self._masked.reasons(given.get((request.query, request.variant), ()), request.sample)

    def _bare(self, item: _Made) -> Plan:
        """A plan of which only cost and indexes are asked."""
        found: dict[str, AccessPath] = {}
        for node in item.root.walk():
            if node.relation is not None and (names := index_names(node, self._catalog)):
                relation = self._catalog.root_of(node.relation)
                found[f"{node.alias}#{len(found)}"] = AccessPath(relation, Access.OTHER, names)
        return Plan(item.request.sample, item.root, found)

    def _plan(self, item: _Made, approximate: tuple[str, ...]) -> Plan:
        probes: dict[int, float] = {}
        places: list[tuple[int, float]] = []
        for place, node in enumerate(item.root.walk()):
            probe = probe_of(node, self._catalog)
            if probe is not None and (rows := self._probed.get(probe)) is not None:
                probes[id(node)] = rows
                places.append((place, rows))
        return Plan(
            sample=item.request.sample,
            root=item.root,
            access=access_paths(item.root, self._catalog, probes),
            shape=shape(item.root, self._catalog),
            settings=item.settings,
            variant=item.request.variant,
            values=None if item.request.sample is SampleKind.GENERIC else item.values,
            types=item.request.types,
            sizes=item.sizes,
            probes=tuple(places),
            approximate=approximate,
            drawn=item.drawn,
        )


def _generic_requests(queries: Sequence[Query]) -> list[Request]:
    """One for each way of sending; a statement without parameters has but this plan."""
    return [
        _without_parameters(request) if not request.types else request
        for position, query in enumerate(queries)
        if not query.why_not_explainable
        for number, variant in enumerate(query.variants)
        for request in (requests.generic(position, number, variant),)
    ]


def _with_all_partitions(made: Iterable[_Made]) -> list[Request]:
    """Again, what had partitions removed: their conditions say what a parameter meets."""
    return [
        requests.unpruned(item.request)
        for item in made
        if any(node.subplans_removed for node in item.root.walk())
    ]


def _refused_requests(
    queries: Sequence[Query], made: Mapping[int, Sequence[_Made]], refused: Mapping[int, str]
) -> list[Request]:
    """What a client bound and the server refuses with parameters, the way it was sent."""
    return [
        request
        for position in sorted(refused)
        if not made.get(position)
        for request in requests.as_sent(position, queries[position])
    ]


def _without_parameters(request: Request) -> Request:
    return msgspec.structs.replace(request, sample=SampleKind.CAPTURED)


def _landed(
    flight: Flight,
    chunk: Sequence[Request],
    prepared: Sequence[requests.Steps],
    refused: dict[int, str],
) -> Iterator[_Made]:
    for request, sent, answers in zip(chunk, prepared, flight.land(), strict=True):
        refusal = next((item for item in answers if isinstance(item, Refused)), None)
        if refusal is not None:
            refused.setdefault(request.query, f"the server says: {refusal.message}")
        each = zip(sent.plans, request.values, request.sizes, request.drawn, strict=True)
        for place, values, sizes, drawn in each:
            try:
                explained = decoded(answers[place])
            except RecursionError:
                refused.setdefault(request.query, f"its plan cannot be used: {TOO_DEEP}")
                continue
            if explained is not None:
                yield _Made(request, values, sizes, drawn, explained.plan, explained.settings)


def decoded(answer: Answer) -> Explained | None:
    """The plan in an answer; None where the statement was refused."""
    if not isinstance(answer, list) or not answer or answer[0][0] is None:
        return None
    return _DECODER.decode(answer[0][0])[0]


def _candidate(item: _Made) -> Candidate:
    return Candidate(item.request.variant, item.request.sample, item.root, item.settings)


def _worst_first(plan: Plan) -> tuple[object, ...]:
    return (-plan.cost, plan.sample.value, plan.shape)
