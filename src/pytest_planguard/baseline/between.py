"""Two baselines against each other, as two revisions of a repository have them; no database."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from math import inf

import msgspec

from pytest_planguard.baseline.compare import compare
from pytest_planguard.baseline.matching import as_edited, under_todays_keys
from pytest_planguard.baseline.shapes import methods
from pytest_planguard.model.baseline import Baseline, Entry, PlanEntry, World
from pytest_planguard.model.capture import Capture
from pytest_planguard.model.plan import Access, AccessPath, Plan, Planned, PlanNode, SampleKind
from pytest_planguard.model.query import Query
from pytest_planguard.model.report import Change, ChangeKind
from pytest_planguard.model.spec import Thresholds
from pytest_planguard.model.statement import Layer, Origin, Phase, Place


class EntryChange(msgspec.Struct, frozen=True):
    """What became of one entry."""

    change: Change
    before: Entry | None
    after: Entry | None


class Between(msgspec.Struct, frozen=True):
    """What differs between two baselines."""

    entries: tuple[EntryChange, ...]
    """Sorted by database and key; those that did not change are left out."""
    worlds: dict[str, tuple[str, ...]]
    """By database: facts that went (``- …``) and came (``+ …``)."""


def between(before: Baseline, after: Baseline, thresholds: Thresholds) -> Between:
    """What became of the entries and headers of one baseline in another.

    Args:
        before: The older one.
        after: The newer one.
        thresholds: For what a large table is.
    """
    queries = {where: _query(entry) for where, entry in after.entries.items()}
    known = under_keys_of(before, after)
    found = [
        _became(known.get(where), after.entries[where], query, before, after, thresholds)
        for where, query in sorted(queries.items())
    ]
    found += [_gone(entry) for where, entry in sorted(known.items()) if where not in queries]
    names = sorted({*before.worlds, *after.worlds})
    worlds = {name: tuple(_facts(before.worlds.get(name), after.worlds.get(name)))
              for name in names}  # fmt: skip
    return Between(
        tuple(one for one in found if _differs(one)),
        {name: facts for name, facts in worlds.items() if facts},
    )


def under_keys_of(before: Baseline, after: Baseline) -> dict[tuple[str, str], Entry]:
    """The older entries, those of queries that were edited under the keys they got."""
    both = (*before.entries.values(), *after.entries.values())
    tests = tuple({test for entry in both for test in entry.tests})
    queries = map(_query, after.entries.values())
    return under_todays_keys(before, queries, Capture((), collected=tests, finished=tests)).entries


def _became(
    old: Entry | None,
    new: Entry,
    query: Query,
    before: Baseline,
    after: Baseline,
    thresholds: Thresholds,
) -> EntryChange:
    planned = Planned(tuple(sorted(map(as_plan, new.plans), key=lambda plan: -plan.cost)))
    now = after.worlds.get(new.database)
    if old is None or not new.plans:
        return EntryChange(Change(ChangeKind.NEW, new.key, new.database, sql=new.sql), old, new)
    then = before.worlds.get(new.database)
    if now is None:  # as far as it goes: two headers that are alike hide nothing
        now = then if then is not None else World(0, "", {}, {}, {}, {}, "", {})
    change = compare(old, query, planned, then, now, thresholds)
    return EntryChange(as_edited(change, old, query), old, new)


def _gone(entry: Entry) -> EntryChange:
    change = Change(ChangeKind.GONE, entry.key, entry.database, sql=entry.sql)
    return EntryChange(change, entry, None)


def _differs(one: EntryChange) -> bool:
    if one.change.kind is not ChangeKind.SAME or one.before is None or one.after is None:
        return True
    return one.before.key != one.after.key or one.before.findings != one.after.findings


def _query(entry: Entry) -> Query:
    """An entry as a run would see it: each test at each place."""
    origins = [
        Origin(one.file, 0, one.function, Layer.LIBRARY if _is_library(one.file) else _OWN)
        for one in entry.origins
    ]
    places = tuple(Place(origin, test, Phase.CALL) for origin in origins
                   for test in entry.tests or ("",))  # fmt: skip
    return Query(entry.key, entry.database, entry.sql, entry.parameter_types, (), places)


_OWN = Layer.APPLICATION


def _is_library(file: str) -> bool:
    return file.startswith("lib:")


def as_plan(stored: PlanEntry) -> Plan:
    """A stored plan as one that was made: of its nodes what is compared is known."""
    sorts = methods(stored.shape).sorts
    many = tuple(PlanNode(node_type="Sort", rows=inf) for _ in range(sorts))
    return Plan(
        sample=SampleKind(stored.sample),
        root=PlanNode(node_type="", total_cost=stored.cost, children=many),
        access={
            alias: AccessPath(stored.relations[alias], Access(how), stored.indexes.get(alias, ()))
            for alias, how in stored.access.items()
        },
        shape=stored.shape,
        sizes=stored.sizes,
    )


def _facts(before: World | None, after: World | None) -> Iterator[str]:
    """One line a fact, as a diff has them."""
    was, is_now = dict(_flat(before)), dict(_flat(after))
    for name in sorted({*was, *is_now}):
        if was.get(name) != is_now.get(name):
            yield from (f"- {text}" for text in _told(name, was))
            yield from (f"+ {text}" for text in _told(name, is_now))


def _told(name: str, facts: Mapping[str, str]) -> Iterable[str]:
    return [f"{name}{facts[name]}"] if name in facts else []


def _flat(world: World | None) -> Iterator[tuple[str, str]]:
    """What a fact is of, and what it says."""
    if world is None:
        return
    yield "PostgreSQL ", str(world.server_major)
    yield "collation ", world.collation
    yield "sizes are ", world.scale_source
    yield from ((f"setting {name} = ", value) for name, value in world.settings.items())
    for table, facts in world.tables.items():
        yield from ((f"{table}: {fact}", "") for fact in facts)
    yield from ((f"index {name}: ", text) for name, text in world.indexes.items())
    yield from ((f"{table}: rows ", f"{rows:,.0f}") for table, rows in world.rows.items())
    for table, lines in world.statistics.items():
        yield from ((f"{table}.{column}: ", text) for column, text in lines.items())
