"""Queries whose LIMIT is never reached, though the planner reckons that it is, and soon.

Of ``upper(email) = $1`` or ``code::text = $1`` the planner knows nothing: it takes one row in 200
for a match (DEFAULT_EQ_SEL in selfuncs.h), so the LIMIT 21 of Django's ``get()``, or the LIMIT 1 of
an ``exists()``, looks as if it were reached on the first pages. Where the column hardly ever has a
value twice, there is one match, and the table is read to its end for it. It takes as much of a
column nobody has statistics of: whoever asks for one row by it gets a warning, for the column may
be a state as well as an address.

Nor does it know how many rows have a text somewhere inside (``title LIKE '%…%'``): the LIMIT of a
search is reached soon for a word that many rows have, and never for one that hardly any has. People
search for both, so that such a query is judged without its LIMIT, as a warning.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import msgspec

from pytest_planguard.advice.limits import Reason, why_late
from pytest_planguard.advice.rewritten import rewritten
from pytest_planguard.model.catalog import Catalog
from pytest_planguard.model.finding import Candidate, Severity
from pytest_planguard.model.judgement import Read
from pytest_planguard.model.plan import Planned, PlanNode, Unexplained
from pytest_planguard.model.query import Query
from pytest_planguard.model.spec import Thresholds
from pytest_planguard.model.statistics import Statistics
from pytest_planguard.sql.limits import without_limit

Outcome = tuple[Query, Planned | Unexplained]
Reads = Mapping[str, Mapping[int, Sequence[Read]]]
"""By key, then by position of the plan."""
Plan = Callable[[Sequence[Query]], list[Planned | Unexplained]]


class Unreached(msgspec.Struct, frozen=True):
    """A query as it runs: to the end of a table."""

    query: Query
    planned: Planned
    relation: str
    reason: Reason

    def speaks_of(self, one: Candidate) -> bool:
        """Whether a finding of the query without its LIMIT is one.

        Where its LIMIT may be reached after all, only what is said of that table is.
        """
        return self.reason.certain or one.relation == self.relation

    def told(self, candidates: Iterable[Candidate]) -> Iterator[Candidate]:
        """The candidates, those on the table with the reason why its LIMIT is of no help."""
        for one in candidates:
            if one.relation == self.relation:
                severity = one.severity if self.reason.certain else _at_most_a_warning(one.severity)
                message = f"{one.message}; {self.reason.text}"
                yield msgspec.structs.replace(one, message=message, severity=severity)
            else:
                yield one


def unreached(
    outcomes: Sequence[Outcome],
    seen: Reads,
    catalog: Catalog,
    statistics: Statistics,
    thresholds: Thresholds,
    plan: Plan,
) -> dict[str, Unreached]:
    """Such queries, planned without their LIMIT, by key.

    Args:
        outcomes: Queries with their plans.
        seen: What the plans read.
        catalog: The fixture database's.
        statistics: What it has been given: how many values a column has.
        thresholds: From how many rows on a read counts.
        plan: Plans queries at scale.
    """
    wanted = [
        (bare, *found)
        for query, planned in outcomes
        if isinstance(planned, Planned)
        and (found := _idle(planned, seen[query.key].get(0, ()), catalog, statistics, thresholds))
        and (bare := _without_limit(query)) is not None
    ]
    plans = plan([query for query, *_ in wanted]) if wanted else []
    return {
        query.key: Unreached(query, planned, relation, reason)
        for (query, relation, reason), planned in zip(wanted, plans, strict=True)
        if isinstance(planned, Planned)
    }


def _idle(
    planned: Planned,
    reads: Sequence[Read],
    catalog: Catalog,
    statistics: Statistics,
    thresholds: Thresholds,
) -> tuple[str, Reason] | None:
    """The table that the worst plan's LIMIT seems to stop the reading of, and why it does not.

    What is uncertain is said only where nothing else of the plan is worth a word: without its LIMIT
    a joined table may be read as a whole, too, and is not where the LIMIT is reached.
    """
    limit = _limit(planned.worst.root)
    if not limit or not any(one.limited for one in reads):
        return None
    for read in reads:
        reason = why_late(read, limit, catalog, statistics, thresholds)
        if reason is None:
            continue
        others = [one for one in reads if one.relation != read.relation]
        if reason.certain or all(_is_small(one, thresholds) for one in others):
            return read.relation, reason
    return None


def _is_small(read: Read, thresholds: Thresholds) -> bool:
    return read.rows_read < thresholds.large_table_rows


def _at_most_a_warning(severity: Severity) -> Severity:
    return Severity.WARNING if severity is Severity.ERROR else severity


def _limit(root: PlanNode) -> float:
    """Rows the statement's LIMIT lets through; 0 where it has none."""
    while root.node_type in ("Result", "Subquery Scan", "LockRows") and len(root.children) == 1:
        (root,) = root.children
    return max(root.rows, 1.0) if root.node_type == "Limit" else 0.0


def _without_limit(query: Query) -> Query | None:
    return rewritten(query, [without_limit(one.plannable) for one in query.variants])
