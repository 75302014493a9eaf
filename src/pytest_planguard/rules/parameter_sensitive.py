"""PLN007: which plan is right depends on the value that is asked for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

import msgspec

from pytest_planguard.model import words
from pytest_planguard.model.finding import Candidate, RuleFacts, Severity
from pytest_planguard.model.judgement import Context
from pytest_planguard.model.plan import FOUND, SEARCHED, Access, AccessPath, Plan, SampleKind

GAP = 10.0
"""Times as much the dearer plan must cost: an order of magnitude, over what estimates err by."""

FACTS = RuleFacts(
    code="PLN007",
    name="parameter-sensitive",
    severity=Severity.WARNING,
    condition=(
        "With one value a large table is read through an index, with another of the same query it "
        "is read from end to end (or an index with a filter that throws most rows away); that "
        "costs at least ten times as much and minimum-gain-units more, and more than the answer "
        "is larger. Values are those the tests sent, and common ones of the statistics where the "
        "application can ask for any. An index scan and a bitmap of an index are alike."
    ),
    effect=(
        "Who asks for the common value waits far longer than the tests show. And a statement that "
        "is prepared may get one plan for all: after five executions the server keeps the plan "
        "made without values where that looks no dearer on average, and it is wrong for one of "
        "the two."
    ),
    remedy=(
        "Ask for the common value in a query of its own, with a LIMIT, a narrower condition or a "
        "total that is kept; or an index that serves both. Where one plan must not stand for all: "
        "SET plan_cache_mode = force_custom_plan, or do not prepare (psycopg: prepare=False)."
    ),
    source=(
        "PostgreSQL's manual, PREPARE, notes: custom and generic plans, plan_cache_mode. Ten "
        "times: GAP; 100 units: Thresholds.minimum_gain_units."
    ),
)


class _Pair(msgspec.Struct, frozen=True):
    """Two plans of one statement that read a relation in different ways."""

    dear: Plan
    cheap: Plan
    alias: str

    @property
    def path(self) -> AccessPath:
        """How the dearer one reads it."""
        return self.dear.access[self.alias]


def check(context: Context) -> Iterator[Candidate]:
    """One candidate a relation, for the widest gap."""
    widest: dict[str, _Pair] = {}
    for plans in _comparable(context.planned.plans):
        for pair in _pairs(plans, context):
            best = widest.get(pair.path.relation)
            if best is None or _ratio(pair) > _ratio(best):
                widest[pair.path.relation] = pair
    for relation in sorted(widest):
        yield _candidate(widest[relation], context)


def _comparable(plans: Sequence[Plan]) -> Iterator[list[Plan]]:
    """Plans that differ in nothing but their values: sent alike, with a page and lists as long."""
    groups: dict[tuple[int, str], list[Plan]] = defaultdict(list)
    for plan in plans:
        if plan.sample is not SampleKind.GENERIC:  # it is no value's
            groups[plan.variant, plan.sizes].append(plan)
    yield from (group for group in groups.values() if len(group) > 1)


def _pairs(plans: Sequence[Plan], context: Context) -> Iterator[_Pair]:
    for dear in plans:
        for cheap in plans:
            if _is_gap(dear, cheap, context):
                yield from (_Pair(dear, cheap, alias) for alias in _turned(dear, cheap, context))


def _is_gap(dear: Plan, cheap: Plan, context: Context) -> bool:
    """Whether one costs much more, and that not only because it returns so many more rows."""
    times = dear.cost / max(cheap.cost, 0.01)
    answer = max(dear.rows, 1.0) / max(cheap.rows, 1.0)
    units = dear.cost - cheap.cost
    return times >= GAP and times > answer and units >= context.thresholds.minimum_gain_units


def _turned(dear: Plan, cheap: Plan, context: Context) -> Iterator[str]:
    """Aliases of large tables that only the cheaper plan finds its rows of."""
    for alias, path in dear.access.items():
        other = cheap.access.get(alias)
        table = context.catalog.tables.get(path.relation)
        if (
            other is not None
            and table is not None
            and table.rows >= context.thresholds.large_table_rows
            and path.access in SEARCHED
            and other.access in FOUND
        ):
            yield alias


def _ratio(pair: _Pair) -> float:
    return pair.dear.cost / max(pair.cheap.cost, 0.01)


def _candidate(pair: _Pair, context: Context) -> Candidate:
    relation = pair.path.relation
    table = context.catalog.tables[relation]
    return Candidate(
        rule=FACTS.code,
        key=context.query.key,
        database=context.query.database,
        relation=relation,
        severity=Severity.WARNING,
        message=(
            f"with {_named(pair.dear)} {relation} is read {_way(pair.dear, pair.alias)}, cost "
            f"{words.cost(pair.dear.cost)}; with {_other(pair)} "
            f"{_way(pair.cheap, pair.alias)}, cost {words.cost(pair.cheap.cost)} "
            f"({words.times(pair.cheap.cost, pair.dear.cost)})"
        ),
        remedy=_remedy(context),
        rows=table.rows,
        evidence={
            "cost": pair.dear.cost,
            "cost_of_other": pair.cheap.cost,
            "rows": pair.dear.rows,
            "rows_of_other": pair.cheap.rows,
        },
        names_values=True,
    )


def _named(plan: Plan) -> str:
    """The kind of its values; a value itself may be somebody's name."""
    return plan.drawn.kind if plan.drawn is not None else "a value of the tests"


def _other(pair: _Pair) -> str:
    name = _named(pair.cheap)
    return name.replace("a value", "another value") if name == _named(pair.dear) else name


def _way(plan: Plan, alias: str) -> str:
    path = plan.access[alias]
    through = f" through {', '.join(path.indexes)}" if path.indexes else ""
    if path.access is Access.SEQ:
        return "from end to end"
    if path.access is Access.INDEX_FILTER:
        return f"{through.strip()} with a filter that throws most rows away"
    return through.strip()


def _remedy(context: Context) -> str:
    ask = (
        "ask for it in a query of its own: with a LIMIT, a narrower condition or a total that is "
        "kept; or give both one index"
    )
    if not any(one.session.prepares for one in context.query.variants):
        return ask
    return (
        f"{ask}; this driver prepares, so keep one plan from standing for all: SET "
        "plan_cache_mode = force_custom_plan, or send it unprepared"
    )
