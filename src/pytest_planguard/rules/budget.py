"""PLN008: a query costs more, returns more, or reads a table worse than its budget says."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from pytest_planguard.model import words
from pytest_planguard.model.budget import WAYS, Demand
from pytest_planguard.model.finding import Candidate, RuleFacts, Severity
from pytest_planguard.model.judgement import Context
from pytest_planguard.model.plan import AccessPath, Plan

FACTS = RuleFacts(
    code="PLN008",
    name="budget",
    severity=Severity.ERROR,
    condition=(
        "A marker, @pytest.mark.planguard(max_cost=…, max_rows=…, access={…}), on a test that "
        "sends the query, or a [[tool.pytest-planguard.budget]] that covers it, asks for less "
        "than one of its plans: the planner's cost, the rows it returns or writes, or the way a "
        "table is read (best first: index-only, index, bitmap, index-filter, seq)."
    ),
    effect="Somebody relies on this query being quick, and wrote down how quick.",
    remedy=(
        "Make the query or its indexes keep the budget, or agree on another one where it is set."
    ),
    source="The budget itself: it is the project's own number.",
)

_REMEDY = "mend the query or its indexes, or set another budget: {who}"


def check(context: Context) -> Iterator[Candidate]:
    """One candidate a relation; what is said of the whole goes with its costliest table."""
    said: dict[str | None, list[tuple[Demand, str]]] = defaultdict(list)
    evidence: dict[str | None, dict[str, float]] = defaultdict(dict)
    for demand in context.demands:
        for relation, sentence, facts in _broken(demand, context):
            said[relation].append((demand, sentence))
            evidence[relation] |= facts
    for relation, broken in said.items():
        yield _candidate(relation, broken, evidence[relation], context)


_Broken = tuple[str | None, str, dict[str, float]]
"""The relation it is about, what was found and allowed, and the numbers."""


def _broken(demand: Demand, context: Context) -> Iterator[_Broken]:
    whole = context.worst_reads[0].relation if context.worst_reads else None
    plans = context.planned.plans
    cost = max(plan.cost for plan in plans)
    if demand.max_cost is not None and cost > demand.max_cost:
        allowed = f"{words.cost(cost)}, {words.cost(demand.max_cost)} allowed"
        yield whole, f"cost {allowed}", {"cost": cost, "max_cost": demand.max_cost}
    rows = max(map(_rows, plans))
    if demand.max_rows is not None and rows > demand.max_rows:
        allowed = f"{words.rows(rows)}, {words.rows(demand.max_rows)} allowed"
        yield whole, f"rows {allowed}", {"rows": rows, "max_rows": demand.max_rows}
    for name, wanted in sorted(demand.access.items()):
        path = _worst_path(name, plans)
        if path is not None and _rank(path.access.value) > _rank(wanted):
            found = f"{path.relation} is read by {path.access.value}, {wanted} allowed"
            yield path.relation, found, {}


def _rows(plan: Plan) -> float:
    """Rows returned; of a statement that writes, those it writes."""
    if plan.root.node_type != "ModifyTable":
        return plan.rows
    return max([plan.rows, *(child.rows for child in plan.root.children)])


def _worst_path(name: str, plans: tuple[Plan, ...]) -> AccessPath | None:
    """How a table is read at worst, over all plans; None where it is not, or by no way of ours."""
    paths = [
        path
        for plan in plans
        for alias, path in plan.access.items()
        if name in (alias, path.relation, path.relation.rpartition(".")[2])
        and path.access.value in WAYS
    ]
    return max(paths, key=lambda path: _rank(path.access.value), default=None)


def _rank(way: str) -> int:
    return WAYS.index(way)


def _candidate(
    relation: str | None,
    broken: list[tuple[Demand, str]],
    evidence: dict[str, float],
    context: Context,
) -> Candidate:
    sentences = "; ".join(f"{sentence} by {demand.who}" for demand, sentence in broken)
    who = ", ".join(dict.fromkeys(demand.who for demand, _ in broken))
    table = context.catalog.tables.get(relation or "")
    return Candidate(
        rule=FACTS.code,
        key=context.query.key,
        database=context.query.database,
        relation=relation,
        severity=Severity.ERROR,
        message=f"over budget: {sentences}",
        remedy=_REMEDY.format(who=who),
        rows=table.rows if table is not None else context.plan.rows,
        evidence=evidence,
    )
