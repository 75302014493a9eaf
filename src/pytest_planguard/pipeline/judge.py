"""One database's queries: planned, advised on, judged by every rule, compared, settled."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence

import msgspec

from pytest_planguard.advice.paging import deep_pages
from pytest_planguard.advice.rewrites import rewrites
from pytest_planguard.advice.unreached import Unreached, unreached
from pytest_planguard.advice.verify import Item, advise
from pytest_planguard.config import Config
from pytest_planguard.model.baseline import Baseline, World
from pytest_planguard.model.capture import Budget, DjangoModel
from pytest_planguard.model.catalog import Catalog
from pytest_planguard.model.finding import Advice, Candidate
from pytest_planguard.model.growth import Growth
from pytest_planguard.model.judgement import Context, DeepPage, Read, Rewrite, RunContext
from pytest_planguard.model.plan import Plan, Planned, Unexplained
from pytest_planguard.model.query import Query
from pytest_planguard.model.report import Change
from pytest_planguard.model.spec import Thresholds
from pytest_planguard.model.statement import Layer
from pytest_planguard.pipeline.budgets import demands_of
from pytest_planguard.pipeline.comparison import compared
from pytest_planguard.pipeline.fixtures import Planner
from pytest_planguard.pipeline.growth import growths, with_least_rows
from pytest_planguard.pipeline.judges import judges_of
from pytest_planguard.pipeline.referential import Referential, referential
from pytest_planguard.pipeline.suite import suite_of
from pytest_planguard.sql.reads import reads

Outcomes = Sequence[tuple[Query, Planned | Unexplained]]
Key = tuple[str, str]


class Judged(msgspec.Struct, frozen=True):
    """What the rules say about one database's queries."""

    outcomes: tuple[tuple[Query, Planned | Unexplained], ...]
    changes: dict[Key, Change]
    candidates: tuple[Candidate, ...]
    growth: dict[Key, Growth] = {}
    """Empty where it was not asked for."""
    notes: tuple[str, ...] = ()


def judge(
    config: Config,
    thresholds: Thresholds,
    planner: Planner,
    queries: Sequence[Query],
    baseline: Baseline | None,
    world: World,
    progress: Callable[[str], None],
    budgets: Sequence[Budget] = (),
    models: Mapping[str, DjangoModel] | None = None,
) -> Judged:
    """Plans, advises, compares and judges one database's queries.

    What only the suite's own code sends is planned and shown, and never compared: it is nobody's
    regression.

    Args:
        config: The project's.
        thresholds: From which a plan is a finding.
        planner: Of the queries' database.
        queries: One database's.
        baseline: None: there is none to compare with.
        world: What the plans are made in.
        progress: Hears how far it is.
        budgets: Of the tests' markers.
        models: Django's, by table: operations are written for them.

    Raises:
        ServerError: The server was lost.
    """
    outcomes = _planned(planner, queries, progress)
    changes = compared(planner, outcomes, baseline, world, thresholds, progress)
    found = _looked_into(planner, outcomes, thresholds, config, progress, models)
    judges = judges_of(config)
    candidates: list[Candidate] = []
    for (query, planned), (as_sent, sent) in zip(found.searched, outcomes, strict=True):
        if isinstance(planned, Unexplained) or isinstance(sent, Unexplained):
            continue
        where = (query.database, query.key)
        context = Context(
            query=query,
            planned=planned,
            catalog=planner.catalog,
            thresholds=thresholds,
            reads=found.seen[query.key],
            advice=found.advice.get(query.key, {}),
            rewrites=found.written.get(query.key, ()),
            change=changes.get(where),
            deep_page=found.deep.get(query.key),
            checks=found.behind.of(query, found.advice),
            demands=demands_of(query, sent, config, budgets),
            growth=found.growth.get(where),
        )
        said = judges.of_query(context)
        if (idle := found.idle.get(query.key)) is not None:
            reads = _reads(sent, planner.catalog, thresholds)
            as_it_is = msgspec.structs.replace(context, query=as_sent, planned=sent, reads=reads)
            bare = [one for one in said if one.rule not in _AS_SENT and idle.speaks_of(one)]
            said = [
                *idle.told(bare),
                *(one for one in judges.of_query(as_it_is) if one.rule in _AS_SENT),
            ]
        candidates += said
    candidates += judges.of_run(_run_context(planner, outcomes, thresholds, baseline))
    candidates = with_least_rows(planner, found.searched, candidates, thresholds)
    notes = (*judges.notes, *found.notes)
    return Judged(tuple(outcomes), changes, tuple(candidates), found.growth, notes)


_AS_SENT = frozenset({"PLN003", "PLN008", "QRY007"})
"""Rules that a query's LIMIT matters to, however far it is read for it: what it returns, what it
may cost, and what it was."""


class _Found(msgspec.Struct, frozen=True):
    """What was found out about all queries together, before any rule is asked; by key."""

    searched: Outcomes
    """As they are judged: those whose LIMIT is never reached without it."""
    idle: dict[str, Unreached]
    """These."""
    seen: dict[str, dict[int, tuple[Read, ...]]]
    behind: Referential
    advice: dict[str, dict[str, Advice]]
    written: Mapping[str, tuple[Rewrite, ...]]
    deep: Mapping[str, DeepPage]
    growth: dict[Key, Growth]
    notes: tuple[str, ...]
    """What was not tried."""


def _looked_into(
    planner: Planner,
    outcomes: Outcomes,
    thresholds: Thresholds,
    config: Config,
    progress: Callable[[str], None],
    models: Mapping[str, DjangoModel] | None,
) -> _Found:
    """Plans what else there is to know of queries: other ways to write them, indexes, sizes."""
    seen = _seen(outcomes, planner, thresholds)
    explain = planner.explainer.explain
    statistics = planner.fixture.statistics
    idle = unreached(outcomes, seen, planner.catalog, statistics, thresholds, explain)
    searched = [
        (idle[query.key].query, idle[query.key].planned) if query.key in idle else (query, planned)
        for query, planned in outcomes
    ]
    seen |= _seen([(one.query, one.planned) for one in idle.values()], planner, thresholds)
    behind = _behind(planner, outcomes, thresholds)
    advice, untried = _advised(
        planner, searched, seen, thresholds, config, progress, behind, models
    )
    growth, note = _grown(config, planner, searched, thresholds, progress)
    items = _judged_items(searched, seen)
    return _Found(
        searched,
        idle,
        seen,
        behind,
        advice,
        written=rewrites(items, planner.catalog, thresholds, explain),
        deep=deep_pages(items, thresholds, explain),
        growth=growth,
        notes=(*untried, *((note,) if note else ())),
    )


def _seen(
    outcomes: Outcomes, planner: Planner, thresholds: Thresholds
) -> dict[str, dict[int, tuple[Read, ...]]]:
    """What the plans read, by key of the query."""
    return {
        query.key: _reads(planned, planner.catalog, thresholds)
        for query, planned in outcomes
        if isinstance(planned, Planned)
    }


def _run_context(
    planner: Planner, outcomes: Outcomes, thresholds: Thresholds, baseline: Baseline | None
) -> RunContext:
    """What is known of the database as a whole."""
    database = outcomes[0][0].database if outcomes else "default"
    return RunContext(
        database=database,
        outcomes=tuple(outcomes),
        catalog=planner.catalog,
        thresholds=thresholds,
        source=planner.source,
        sizes={name: one.source for name, one in planner.fixture.statistics.tables.items()},
        today=dt.datetime.now(dt.UTC).date(),
        before=baseline.worlds.get(database) if baseline is not None else None,
    )


def _planned(
    planner: Planner, queries: Sequence[Query], progress: Callable[[str], None]
) -> list[tuple[Query, Planned | Unexplained]]:
    queries = planner.explainer.fitted(queries)
    plans = planner.explainer.explain(
        queries, lambda done, of: progress(f"planning {done:,} of {of:,} queries")
    )
    return list(zip(queries, plans, strict=True))


def _grown(
    config: Config,
    planner: Planner,
    outcomes: Outcomes,
    thresholds: Thresholds,
    progress: Callable[[str], None],
) -> tuple[dict[Key, Growth], str]:
    """How the queries grow, where that is asked for; it takes some three times as many plans."""
    if not config.growth:
        return {}, ""
    progress("planning at 3, 10 and 100 times of today's size")
    return growths(planner, outcomes, thresholds)


def _reads(
    planned: Planned, catalog: Catalog, thresholds: Thresholds
) -> dict[int, tuple[Read, ...]]:
    return {
        position: reads(plan.root, catalog, thresholds, _probes(plan))
        for position, plan in enumerate(planned.plans)
    }


def _probes(plan: Plan) -> dict[int, float]:
    if not plan.probes:
        return {}
    rows = dict(plan.probes)
    return {id(node): rows[n] for n, node in enumerate(plan.root.walk()) if n in rows}


def _judged_items(
    outcomes: Outcomes, seen: Mapping[str, dict[int, tuple[Read, ...]]]
) -> list[Item]:
    """What is advised on: not what only the suite's own code sends."""
    return [
        Item(query, planned, seen[query.key])
        for query, planned in outcomes
        if isinstance(planned, Planned) and query.layer is not Layer.TEST
    ]


def _behind(planner: Planner, outcomes: Outcomes, thresholds: Thresholds) -> Referential:
    return referential(
        outcomes,
        planner.catalog,
        planner.explainer.explain,
        lambda planned: _reads(planned, planner.catalog, thresholds),
    )


def _advised(
    planner: Planner,
    outcomes: Outcomes,
    seen: Mapping[str, dict[int, tuple[Read, ...]]],
    thresholds: Thresholds,
    config: Config,
    progress: Callable[[str], None],
    behind: Referential,
    models: Mapping[str, DjangoModel] | None,
) -> tuple[dict[str, dict[str, Advice]], tuple[str, ...]]:
    """Indexes by query and relation, and what was not tried."""
    items = _judged_items(outcomes, seen)
    progress("looking for indexes that help")
    # What foreign keys look up is advised on with the queries: one index may serve both.
    every = [*items, *behind.items.values()]
    suite = suite_of(items, planner, config, models)
    found = advise(every, planner.catalog, planner.trials, thresholds, suite)
    return behind.in_words_of_queries(found.advice), found.notes
