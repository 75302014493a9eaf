"""Plans what PostgreSQL runs behind captured DELETEs and updates of keys, beside the queries."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence

import msgspec

from pytest_planguard.advice.verify import Item
from pytest_planguard.model.catalog import Catalog
from pytest_planguard.model.finding import Advice
from pytest_planguard.model.judgement import Read, ReferentialCheck
from pytest_planguard.model.plan import Plan, Planned, PlanNode, Unexplained
from pytest_planguard.model.query import Query, Variant
from pytest_planguard.model.statement import Layer, Place, Session
from pytest_planguard.sql.referential import Check, Reference, checks, references
from pytest_planguard.sql.writes import of_relation, writes

Outcomes = Sequence[tuple[Query, Planned | Unexplained]]
Explain = Callable[[Sequence[Query]], list[Planned | Unexplained]]
ReadsOf = Callable[[Planned], Mapping[int, tuple[Read, ...]]]

_SENDER = "foreign key"
"""In place of a driver: the server sends these statements itself, and prepares them."""


class Behind(msgspec.Struct, frozen=True):
    """The checks behind one statement's DELETE or UPDATE."""

    checks: tuple[Check, ...]
    rows: float
    """Deleted, or with a new key, by one execution of the worst plan."""


class Referential(msgspec.Struct, frozen=True):
    """All checks of a run, planned once each."""

    behind: Mapping[str, tuple[Behind, ...]] = {}
    """By key of the query."""
    items: Mapping[str, Item] = {}
    """By the check's text: its plans and reads, as advice is looked for."""
    owners: Mapping[str, tuple[str, ...]] = {}
    """Keys of the queries a check is run for, by the check's own."""

    def of(
        self, query: Query, advice: Mapping[str, Mapping[str, Advice]]
    ) -> tuple[ReferentialCheck, ...]:
        """What a rule is given of a query's checks: those that could be planned.

        Args:
            query: The query.
            advice: By key, then by relation; keys of checks are among them.
        """
        return tuple(
            self._judged(check, item, behind.rows, query.key, advice.get(item.query.key, {}))
            for behind in self.behind.get(query.key, ())
            for check in behind.checks
            if (item := self.items.get(check.text)) is not None
        )

    def _judged(
        self, check: Check, item: Item, rows: float, key: str, advice: Mapping[str, Advice]
    ) -> ReferentialCheck:
        above = [self.items[one.text] for one in check.above if one.text in self.items]
        for one in above:
            rows *= max(1.0, _affected(one.planned.worst))
        found = advice.get(check.reference.child)
        return ReferentialCheck(
            constraint=check.reference.name,
            columns=check.reference.columns,
            path=check.path,
            action=check.action.value,
            deletes=not (check.above[0] if check.above else check).sets,
            times=max(1.0, rows),
            plan=item.planned.worst,
            reads=item.reads.get(0, ()),
            advice=self._renamed(key, found) if found is not None else None,
        )

    def in_words_of_queries(
        self, advice: Mapping[str, Mapping[str, Advice]]
    ) -> dict[str, dict[str, Advice]]:
        """The advice, in which a check that gains is named by the queries it is run for."""
        return {
            key: {relation: self._renamed(key, one) for relation, one in found.items()}
            for key, found in advice.items()
        }

    def _renamed(self, key: str, advice: Advice) -> Advice:
        gaining = {owner for one in advice.also_helps for owner in self.owners.get(one, (one,))}
        return msgspec.structs.replace(advice, also_helps=tuple(sorted(gaining - {key})))


def referential(
    outcomes: Outcomes, catalog: Catalog, explain: Explain, reads_of: ReadsOf
) -> Referential:
    """Plans the checks behind every query of the run that deletes rows or sets keys.

    What only the suite's own code sends is left out: it clears tables as nobody else does.

    Args:
        outcomes: All queries with their plans.
        catalog: Foreign keys are told by it.
        explain: Plans queries in the fixture database.
        reads_of: How plans read large tables.
    """
    known = references(catalog)
    behind: dict[str, tuple[Behind, ...]] = {}
    askers: dict[str, list[Query]] = defaultdict(list)
    asked: dict[str, Check] = {}
    for query, planned in outcomes:
        if not known or query.layer is Layer.TEST or isinstance(planned, Unexplained):
            continue
        found = tuple(_behind(query, planned.worst, catalog, known))
        if found:
            behind[query.key] = found
        for check in (one for some in found for one in some.checks):
            asked.setdefault(check.text, check)
            askers[check.text].append(query)
    queries = [_query(check, askers[text]) for text, check in sorted(asked.items())]
    plans = explain(queries) if queries else []
    return Referential(
        behind=behind,
        items={
            query.sql: Item(query, planned, reads_of(planned))
            for query, planned in zip(queries, plans, strict=True)
            if isinstance(planned, Planned)
        },
        owners={
            query.key: tuple(sorted({one.key for one in askers[query.sql]})) for query in queries
        },
    )


def _behind(
    query: Query, plan: Plan, catalog: Catalog, known: Mapping[str, Sequence[Reference]]
) -> Iterator[Behind]:
    for node in plan.root.walk():
        if node.node_type != "ModifyTable" or node.relation is None:
            continue
        relation = catalog.root_of(node.relation)
        if relation not in known:
            continue
        deletes, columns = _changed(query, node)
        found = [*checks(relation, known, columns=columns)] if columns else []
        found += checks(relation, known) if deletes else []
        if found:
            yield Behind(tuple(found), _written(node))


def _changed(query: Query, node: PlanNode) -> tuple[bool, frozenset[str]]:
    """Whether rows are deleted, and which columns are set.

    A statement on a view names the view: then whatever it sets is taken for the table's.
    """
    said = writes(query.sql)
    own = of_relation(said, node.schema, node.relation_name) or said
    sets = frozenset(name for one in own for name in one.columns or ())
    deletes = any(one.columns is None for one in own)
    if node.operation == "Delete":
        return True, frozenset()
    return deletes and node.operation == "Merge", sets


def _written(node: PlanNode) -> float:
    return max((child.rows for child in node.children), default=1.0)


def _affected(plan: Plan) -> float:
    """Rows one run deletes or sets."""
    return _written(plan.root) if plan.root.node_type == "ModifyTable" else plan.rows


def _query(check: Check, askers: Sequence[Query]) -> Query:
    """A check as a query that the askers' lines send."""
    places: list[Place] = [
        place
        for query in {one.key: one for one in askers}.values()
        for place in query.places
        if place.origin.layer is not Layer.TEST
    ]
    types = check.reference.types
    text = check.text
    variant = Variant(text, types, Session("", _SENDER, prepares=True), plannable=text)
    return Query(
        key=text,
        database=askers[0].database,
        sql=text,
        parameter_types=tuple(name or "text" for name in types),
        variants=(variant,),
        places=tuple(places),
    )
