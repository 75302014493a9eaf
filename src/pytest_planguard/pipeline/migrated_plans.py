"""What known statements make of the indexes a migration makes and drops, by plans at scale."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager

from pytest_planguard.migrations.releases import known, parameters
from pytest_planguard.model.baseline import Baseline, Entry
from pytest_planguard.model.capture import Capture
from pytest_planguard.model.catalog import Catalog
from pytest_planguard.model.migrating import IndexUse, LostPlan
from pytest_planguard.model.migration import DroppedKind, Migration
from pytest_planguard.model.plan import Planned
from pytest_planguard.model.query import Query
from pytest_planguard.model.statement import Origin, Phase, Place, Session, Statement
from pytest_planguard.planner.explain import Explainer
from pytest_planguard.sql.normalise import queries as normalise
from pytest_planguard.sql.preparable import WAYS

At = Callable[[], AbstractContextManager[tuple[Explainer, Catalog]]]
"""Opens a planner at one of the two schemas."""


def index_use(
    migration: Migration,
    entries: Sequence[Entry],
    captured: Sequence[Query],
    before: At,
    after: At,
) -> IndexUse | None:
    """Which new indexes are used, and what becomes of plans that used dropped ones.

    Args:
        migration: Traced.
        entries: The baseline's, of its database.
        captured: This branch's.
        before: Plans at the schema it starts from.
        after: Plans at the schema it leads to.

    Returns:
        None where no index comes or goes, or no statement is known.
    """
    new = _new(migration)
    gone = _gone(migration)
    if not (entries or captured) or not (new or gone):
        return None
    path = common_search_path(captured)
    with after() as (explainer, catalog):
        planned = _planned(entries, explainer, path)
        outcomes = explainer.explain(explainer.fitted(captured))
    every = [*planned.values(), *(one for one in outcomes if isinstance(one, Planned))]
    unplanned = len(entries) + len(captured) - len(every)
    used = frozenset(
        name
        for one in every
        for plan in one.plans
        for path in plan.access.values()
        for name in path.indexes
    )
    affected = [one for one in entries if _indexes(one) & {_short(name) for name in gone}]
    lost: tuple[LostPlan, ...] = ()
    if affected:
        with before() as (explainer, _):
            lost = tuple(_lost(affected, gone, _planned(affected, explainer, path), planned))
    whole = {_top(name, catalog): step for name, step in new.items()}
    return IndexUse(len(every), unplanned, whole, used, lost, catalog)


def entries_of(baseline: Baseline | None, database: str) -> list[Entry]:
    """The statements the baseline knows of a database."""
    known = baseline.entries if baseline is not None else {}
    return [one for (where, _), one in sorted(known.items()) if where == database]


def _new(migration: Migration) -> dict[str, int]:
    return {
        built.name: number
        for number, step in enumerate(migration.steps)
        for built in step.built
        if step.refusal is None
    }


def _gone(migration: Migration) -> dict[str, tuple[str, int]]:
    """Dropped indexes with their tables and the statements that drop them."""
    return {
        gone.name: (gone.relation, number)
        for number, step in enumerate(migration.steps)
        for gone in step.dropped
        if gone.kind is DroppedKind.INDEX
    }


def _top(name: str, catalog: Catalog) -> str:
    """The partitioned table's index that one of a partition belongs to."""
    index = catalog.indexes.get(name)
    while index is not None and index.parent is not None:
        name, index = index.parent, catalog.indexes.get(index.parent)
    return name


def _indexes(entry: Entry) -> set[str]:
    return {name for plan in entry.plans for names in plan.indexes.values() for name in names}


def _short(name: str) -> str:
    return name.partition(".")[2]


def common_search_path(queries: Iterable[Query]) -> str:
    """The one most of a branch's queries are sent under; the baseline keeps none.

    Empty: the database's own.
    """
    paths = [one.variants[0].session.search_path or "" for one in queries]
    return max(paths, key=paths.count, default="")


def _planned(
    entries: Sequence[Entry], explainer: Explainer, search_path: str
) -> dict[str, Planned]:
    """Plans by key, of the statements that have one there, in whichever way it is had."""
    found: dict[str, Planned] = {}
    for way in WAYS:
        left = [one for one in entries if one.key not in found]
        asked: list[Query] = []
        keys: list[str] = []
        for one in left:
            statement = _statement(one, way, search_path)
            own = normalise(Capture((statement,)), report_name=lambda name: name)
            asked += own
            keys += [one.key] * len(own)
        outcomes = explainer.explain(explainer.fitted(asked)) if asked else ()
        planned = zip(keys, outcomes, strict=True)
        found |= {key: outcome for key, outcome in planned if isinstance(outcome, Planned)}
    return found


def _statement(entry: Entry, way: Callable[[str], str], search_path: str) -> Statement:
    """As it is sent: its lists have their length, and its constants are parameters too."""
    place = Place(Origin("<baseline>", 1, ""), "", Phase.OUTSIDE)
    session = Session("baseline", "baseline", search_path or None, prepares=True)
    said = known(entry)
    oids = said.oids or (0,) * parameters(entry.sql)
    return Statement(way(entry.sql), oids, session, (), (place,))


def _lost(
    affected: Sequence[Entry],
    gone: Mapping[str, tuple[str, int]],
    before: Mapping[str, Planned],
    after: Mapping[str, Planned],
) -> Iterator[LostPlan]:
    for entry in affected:
        old, new = before.get(entry.key), after.get(entry.key)
        if old is None or new is None:
            continue
        where = ", ".join(f"{one.file} {one.function}" for one in entry.origins[:1]) or entry.key
        for name, (relation, step) in gone.items():
            if _short(name) in _indexes(entry):
                yield LostPlan(
                    name, relation, entry.sql, where, old.worst.cost, new.worst.cost, step
                )
