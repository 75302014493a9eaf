"""Queries at other sizes: how they grow, and where a finding at an assumed size begins."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from pytest_planguard.errors import ScaleError
from pytest_planguard.model.finding import Candidate
from pytest_planguard.model.growth import Growth
from pytest_planguard.model.plan import Planned, Unexplained
from pytest_planguard.model.query import Query
from pytest_planguard.model.spec import Thresholds
from pytest_planguard.model.statement import Layer
from pytest_planguard.model.statistics import ScaleSource
from pytest_planguard.pipeline.fixtures import Planner
from pytest_planguard.planner.growth import Followed
from pytest_planguard.planner.smaller import Searched, is_searched, smallest

Outcomes = Sequence[tuple[Query, Planned | Unexplained]]
Key = tuple[str, str]
"""(database, key)."""


def growths(
    planner: Planner, outcomes: Outcomes, thresholds: Thresholds
) -> tuple[dict[Key, Growth], str]:
    """How each query of the application grows; and why nothing is known, if so.

    Raises:
        ServerError: The server was lost.
    """
    asked = [
        Followed(query, planned.worst)
        for query, planned in outcomes
        if isinstance(planned, Planned) and query.layer is not Layer.TEST and planned.worst.access
    ]
    if not asked:
        return {}, ""
    try:
        found = planner.sizes.grown(asked, thresholds.large_table_rows)
    except ScaleError as error:
        return {}, f"growth was not looked at: {error.message}"
    return {
        (one.query.database, one.query.key): growth
        for one, growth in zip(asked, found, strict=True)
        if growth is not None
    }, ""


def with_least_rows(
    planner: Planner,
    outcomes: Outcomes,
    candidates: Sequence[Candidate],
    thresholds: Thresholds,
) -> list[Candidate]:
    """Candidates on tables of assumed size, with the size from which on their plan is made.

    Only where that is not large-table-rows anyway: a table without an index is read from end to
    end at any size, and what is said of it holds from there.

    Raises:
        ServerError: The server was lost.
    """
    plans = {query.key: Followed(query, planned.worst) for query, planned in outcomes
             if isinstance(planned, Planned)}  # fmt: skip
    places: dict[tuple[str, str | None], None] = dict.fromkeys(
        (one.key, one.relation)
        for one in candidates
        if one.key in plans
        and one.relation is not None
        and _is_assumed(planner, one.relation)
        and is_searched(plans[one.key].plan, one.relation)
    )
    asked = [Searched(plans[key], relation or "") for key, relation in places]
    sizes = [planner.catalog.tables[one.relation].rows for one in asked]
    least = thresholds.large_table_rows / max(sizes, default=1.0)
    if not asked or least >= 1:
        return list(candidates)
    try:
        factors = smallest(asked, planner.sizes.plans_at, least)
    except ScaleError:
        return list(candidates)
    rows = {place: f * size for place, f, size in zip(places, factors, sizes, strict=True)}
    return [
        msgspec.structs.replace(one, least_rows=rows.get((one.key, one.relation), 0.0))
        for one in candidates
    ]


def _is_assumed(planner: Planner, relation: str) -> bool:
    facts = planner.fixture.statistics.tables.get(relation)
    known = relation in planner.catalog.tables
    return facts is not None and facts.source is ScaleSource.ASSUMED and known
