"""Queries whose LIMIT is never reached, though the planner reckons that it is, and soon.

Of ``upper(email) = $1`` or ``code::text = $1`` the planner knows nothing: it takes one row in 200
for a match (DEFAULT_EQ_SEL in selfuncs.h), so the LIMIT 21 of Django's ``get()``, or the LIMIT 1 of
an ``exists()``, looks as if it were reached on the first pages. Where the column hardly ever has a
value twice, there is one match, and the table is read to its end for it.

Nor does it know how many rows have a text somewhere inside (``title LIKE '%…%'``): the LIMIT of a
search is reached soon for a word that many rows have, and never for one that hardly any has. People
search for both, so that such a query is judged without its LIMIT, as a warning.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import msgspec

from pytest_planguard.advice.rewritten import rewritten
from pytest_planguard.model.catalog import Catalog, Table
from pytest_planguard.model.finding import Candidate, Severity
from pytest_planguard.model.judgement import Read
from pytest_planguard.model.plan import Planned, PlanNode, Unexplained
from pytest_planguard.model.query import Query
from pytest_planguard.model.statistics import Statistics
from pytest_planguard.sql.limits import without_limit
from pytest_planguard.sql.obstacles import column_of, conditions_of, real_cast
from pytest_planguard.sql.patterns import fixed_prefix
from pytest_planguard.sql.predicates import Condition, Kind, oriented

Outcome = tuple[Query, Planned | Unexplained]
Reads = Mapping[str, Mapping[int, Sequence[Read]]]
"""By key, then by position of the plan."""
Plan = Callable[[Sequence[Query]], list[Planned | Unexplained]]

_FOLDS = frozenset({"lower", "upper", "btrim", "ltrim", "rtrim", "coalesce", "md5", "unaccent"})
"""Functions that make few values alike, if any."""
_COARSE = frozenset({"date", "bool", "int2", "int4", "int8", "char"})
"""Types a cast to which may make many alike."""


class Unreached(msgspec.Struct, frozen=True):
    """A query as it runs: to the end of a table."""

    query: Query
    planned: Planned
    relation: str
    text: str
    """What to say of it, to follow a finding's message."""
    certain: bool = True
    """False: it depends on what is asked for, and nothing on the table is an error for it."""

    def told(self, candidates: Iterable[Candidate]) -> Iterator[Candidate]:
        """The candidates, those on the table with the reason why its LIMIT is of no help."""
        for one in candidates:
            if one.relation == self.relation:
                severity = one.severity if self.certain else _at_most_a_warning(one.severity)
                message = f"{one.message}; {self.text}"
                yield msgspec.structs.replace(one, message=message, severity=severity)
            else:
                yield one


def unreached(
    outcomes: Sequence[Outcome], seen: Reads, catalog: Catalog, statistics: Statistics, plan: Plan
) -> dict[str, Unreached]:
    """Such queries, planned without their LIMIT, by key.

    Args:
        outcomes: Queries with their plans.
        seen: What the plans read.
        catalog: The fixture database's.
        statistics: What it has been given: how many values a column has.
        plan: Plans queries at scale.
    """
    wanted = [
        (bare, read.relation, text, certain)
        for query, planned in outcomes
        if isinstance(planned, Planned)
        for read, text, certain in _idle(planned, seen[query.key].get(0, ()), catalog, statistics)
        if (bare := _without_limit(query)) is not None
    ]
    plans = plan([query for query, *_ in wanted]) if wanted else []
    return {
        query.key: Unreached(query, planned, relation, text, certain)
        for (query, relation, text, certain), planned in zip(wanted, plans, strict=True)
        if isinstance(planned, Planned)
    }


def _idle(
    planned: Planned, reads: Sequence[Read], catalog: Catalog, statistics: Statistics
) -> Iterator[tuple[Read, str, bool]]:
    """The first read of the worst plan that its LIMIT seems to stop, and does not, or may not."""
    limit = _limit(planned.worst.root)
    for read in reads if limit else ():
        if not read.limited:
            continue
        for condition in conditions_of(read.filter):
            name = _folded(condition, read, catalog)
            matches = _matches(read.relation, name, catalog, statistics) if name else limit
            if matches < limit:
                yield (
                    read,
                    (
                        f"LIMIT does not end that: {name} hardly has a value twice, so that nearly "
                        "all rows are read for the first match"
                    ),
                    True,
                )
                return
    if limit and len({read.relation for read in reads}) == 1:
        yield from ((read, _RARE, False) for read in reads[:1] if _is_search(read))


_RARE = (
    "LIMIT ends that only for a text that many rows have: for one that hardly any has, all are read"
)


def _is_search(read: Read) -> bool:
    """Whether a LIMIT ends a search for text that may stand anywhere in a value."""
    return read.limited and any(
        condition.kind is Kind.LIKE
        and fixed_prefix(condition) == ""
        and not condition.operator.startswith("!")
        and (own := oriented(condition, read.alias) or oriented(condition, "")) is not None
        and own.subject is not None
        and bool(own.subject.columns)
        for condition in conditions_of(read.filter)
    )


def _at_most_a_warning(severity: Severity) -> Severity:
    return Severity.WARNING if severity is Severity.ERROR else severity


def _limit(root: PlanNode) -> float:
    """Rows the statement's LIMIT lets through; 0 where it has none."""
    while root.node_type in ("Result", "Subquery Scan", "LockRows") and len(root.children) == 1:
        (root,) = root.children
    return max(root.rows, 1.0) + 0.5 if root.node_type == "Limit" else 0.0


def _folded(condition: Condition, read: Read, catalog: Catalog) -> str:
    """The one column that is computed and compared for equality; empty for any other condition."""
    own = oriented(condition, read.alias) or oriented(condition, "")
    subject = own.subject if own is not None and own.operator == "=" else None
    if subject is None or len(subject.columns) != 1:
        return ""
    name = subject.columns[0][1]
    column = column_of(catalog, read.relation, name)
    if column is None or not {*subject.functions} <= _FOLDS or _COARSE & {*subject.casts}:
        return ""
    return name if subject.functions or real_cast(column, subject) else ""


def _matches(relation: str, name: str, catalog: Catalog, statistics: Statistics) -> float:
    """Rows that have one value of a column."""
    table = catalog.tables[relation]
    if _is_unique(table, name, catalog):
        return 1.0
    known = statistics.tables.get(relation)
    column = (known.inherited.get(name) or known.columns.get(name)) if known is not None else None
    distinct = column.n_distinct if column is not None else 0.0
    values = distinct if distinct >= 0 else -distinct * table.rows
    return table.rows / values if values else table.rows


def _is_unique(table: Table, name: str, catalog: Catalog) -> bool:
    return any(
        one.unique and one.predicate is None and [key.strip('"') for key in one.keys] == [name]
        for one in catalog.indexes_of(table.qualified)
    )


def _without_limit(query: Query) -> Query | None:
    return rewritten(query, [without_limit(one.plannable) for one in query.variants])
