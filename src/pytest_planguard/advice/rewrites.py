"""The same query written otherwise, planned at scale."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence

import msgspec

from pytest_planguard.advice.gains import gains
from pytest_planguard.advice.retyped import retyped
from pytest_planguard.advice.rewritten import rewritten
from pytest_planguard.advice.suspects import Item
from pytest_planguard.model.catalog import Catalog, Table
from pytest_planguard.model.judgement import Read, Rewrite
from pytest_planguard.model.plan import Planned, PlanNode, Unexplained
from pytest_planguard.model.query import Query
from pytest_planguard.model.spec import Thresholds
from pytest_planguard.sql.alternatives import narrowed, united
from pytest_planguard.sql.anti_joins import AntiJoin, not_exists
from pytest_planguard.sql.decorrelated import decorrelated
from pytest_planguard.sql.half_open import half_open
from pytest_planguard.sql.obstacles import (
    Obstacle,
    ObstacleKind,
    conditions_of,
    obstacles,
    usable_index,
)
from pytest_planguard.sql.predicates import Condition
from pytest_planguard.sql.rewriting import is_day
from pytest_planguard.sql.subplans import unhashed_not_in
from pytest_planguard.sql.tree import without_sizes

Plan = Callable[[Sequence[Query]], list[Planned | Unexplained]]


class _Try(msgspec.Struct, frozen=True):
    """A query written otherwise, and what would be said if it helps."""

    item: Item
    query: Query
    rule: str
    relation: str
    text: str


def rewrites(
    items: Sequence[Item], catalog: Catalog, thresholds: Thresholds, plan: Plan
) -> dict[str, tuple[Rewrite, ...]]:
    """Rewrites that the planner proves to help.

    A parameter sent as the column's own type, a range of moments for a day or a month, NOT EXISTS
    for NOT IN, one search for each side of an OR, a sub-select that is joined for one that is run
    for each row. All are planned at once.

    Args:
        items: Queries with their plans, as they were sent.
        catalog: The fixture database's.
        thresholds: For what counts as a gain.
        plan: Plans queries at scale.

    Returns:
        By key of the query.
    """
    kinds = (_retyped, _ranged, _anti_joins, _united, _narrowed, _joined)
    wanted = [one for item in items for kind in kinds for one in kind(item, catalog)]
    outcomes = plan([one.query for one in wanted]) if wanted else []
    found: dict[str, list[Rewrite]] = defaultdict(list)
    for one, outcome in zip(wanted, outcomes, strict=True):
        before = one.item.planned
        if isinstance(outcome, Planned) and gains(
            before.worst.cost, outcome.worst.cost, thresholds
        ):
            found[one.item.query.key].append(
                Rewrite(one.rule, one.relation, one.text, before.worst.cost, outcome.worst.cost)
            )
    return {key: tuple(helpful) for key, helpful in found.items()}


def _retyped(item: Item, catalog: Catalog) -> Iterator[_Try]:
    """With parameters sent as the type of the column they are compared with."""
    for one in retyped(item, catalog):
        yield _Try(item, one.query, "QRY002", one.relation, one.text)


_RULE_OF = {ObstacleKind.FUNCTION: "QRY001", ObstacleKind.CAST: "QRY002"}


def _ranged(item: Item, catalog: Catalog) -> Iterator[_Try]:
    """With a half-open range where an indexed moment is cut down to a day or a month."""
    wanted = {
        (rule, read.relation): None
        for read in item.reads.get(0, ())
        for obstacle in obstacles(read, catalog)
        if (rule := _RULE_OF.get(obstacle.kind)) is not None
        and _is_cut_down(obstacle, read, catalog)
    }
    if not wanted:
        return
    written = [half_open(one.plannable) for one in item.query.variants]
    query = rewritten(item.query, [one.statement if one else None for one in written])
    shown = half_open(without_sizes(item.query.sql))  # the normal form holds no value
    if query is None or shown is None:
        return
    text = "; ".join(
        f"instead of {one.old} write {one.new}"
        + (f", where the value begins a {one.begins}" if one.begins else "")
        for one in shown.conditions
    )
    for rule, relation in wanted:
        yield _Try(item, query, rule, relation, text)


def _is_cut_down(obstacle: Obstacle, read: Read, catalog: Catalog) -> bool:
    subject = obstacle.condition.subject
    functions = subject.functions if subject is not None else ()
    return is_day(functions[0] if functions else "", obstacle.expression) and any(
        usable_index(read, name, catalog) is not None for name in obstacle.columns
    )


def _anti_joins(item: Item, catalog: Catalog) -> Iterator[_Try]:
    """With NOT EXISTS where a NOT IN is not hashed."""
    found = next(unhashed_not_in(item.planned.worst.root, item.query.sql), None)
    if found is None:
        return
    written = [not_exists(one.plannable) for one in item.query.variants]
    query = rewritten(item.query, [one.statement if one else None for one in written])
    shown = not_exists(without_sizes(item.query.sql))
    if query is None or shown is None:
        return
    for relation in dict.fromkeys(
        catalog.root_of(one.relation) for one in found.node.walk() if one.relation
    ):
        text = _as_anti_join(shown, item.planned.worst.root, catalog)
        yield _Try(item, query, "QRY005", relation, text)


def _as_anti_join(found: AntiJoin, root: PlanNode, catalog: Catalog) -> str:
    """What to write, and whether it means the same."""
    (listed, of_listed), (sought, of_sought) = found.columns
    differs = []
    if _may_be_null(listed, of_listed, root, catalog):
        differs.append(f"no row at all as soon as one {listed} is NULL")
    if _may_be_null(sought, of_sought, root, catalog):
        differs.append(f"none of the rows whose {sought} is NULL")
    if not differs:
        return f"write {found.condition}: the same rows, as {listed} and {sought} are never NULL"
    return (
        f"write {found.condition}; where NOT IN gives {', and '.join(differs)}, it gives what is "
        "mostly meant: rows without a match"
    )


def _may_be_null(column: str, relation: str, root: PlanNode, catalog: Catalog) -> bool:
    """Whether a column may be NULL, for all that is known of it."""
    read = {catalog.root_of(node.relation) for node in root.walk() if node.relation is not None}
    named = [one for name in sorted(read) if (one := catalog.tables.get(name)) is not None]
    table = next((one for one in named if one.name == relation), None)
    known = table.column(column.rpartition(".")[2].strip('"')) if table is not None else None
    return known is None or not known.not_null


_SEARCHES = "PLN001"
"""The rule of rewrites that no shape rule stands for."""


def _united(item: Item, catalog: Catalog) -> Iterator[_Try]:
    """With one search for each side where a table is read through for an OR."""
    for relation in _filtered(item, _has_sides):
        table = catalog.tables.get(relation)
        key = _key_of(table) if table is not None else ""
        if table is None or not key:
            continue
        written = [united(one.plannable, table.name, key) for one in item.query.variants]
        query = rewritten(item.query, [one.statement if one else None for one in written])
        shown = united(without_sizes(item.query.sql), table.name, key)
        if query is not None and shown is not None:
            text = f"instead of {shown.old} write {shown.new}: each side is a search of its own"
            yield _Try(item, query, _SEARCHES, relation, text)


def _narrowed(item: Item, catalog: Catalog) -> Iterator[_Try]:
    """With the keys of each side's rows where an OR is about several tables that are joined.

    Of the tables it may be the keys of, the one that costs most is tried.
    """
    joins = [node for node in item.planned.worst.root.walk() if node.relation is None]
    if not any(
        " OR " in text for node in joins for text in (node.filter, node.join_filter) if text
    ):
        return
    for relation in dict.fromkeys(one.relation for one in item.reads.get(0, ())):
        table = catalog.tables.get(relation)
        key = _key_of(table) if table is not None else ""
        shown = narrowed(without_sizes(item.query.sql), table.name, key) if table and key else None
        if table is None or shown is None:
            continue
        written = [narrowed(one.plannable, table.name, key) for one in item.query.variants]
        query = rewritten(item.query, [one.statement if one else None for one in written])
        if query is not None:
            text = (
                f"beside {shown.old} write {shown.new}: each side is a search of its own, the OR "
                "alone is asked of all rows joined"
            )
            yield _Try(item, query, _SEARCHES, relation, text)
        return


def _joined(item: Item, _: Catalog) -> Iterator[_Try]:
    """With a sub-select that is joined where one is run for each row."""
    relations = _filtered(item, lambda one: "SubPlan" in one.text)
    written = [decorrelated(one.plannable) for one in item.query.variants] if relations else []
    query = rewritten(item.query, [one.statement if one else None for one in written])
    first = next((one for one in written if one is not None), None)
    if query is None or first is None:
        return
    word = "NOT EXISTS" if first.new.startswith("NOT ") else "EXISTS"
    shown = decorrelated(without_sizes(item.query.sql), first.place, word)
    if shown is None:
        return
    text = f"instead of {shown.old} write {shown.new}: it is run once, not for each row"
    for relation in relations:
        yield _Try(item, query, _SEARCHES, relation, text)


def _has_sides(condition: Condition) -> bool:
    """Whether it may be an OR: what PostgreSQL 17 prints of sub-selects is no SQL to parse."""
    return condition.operator == "OR" or (" OR " in condition.text and "SubPlan" in condition.text)


def _filtered(item: Item, is_met: Callable[[Condition], bool]) -> list[str]:
    """Relations of the worst plan with such a condition among their filters."""
    reads = item.reads.get(0, ())
    found = (one.relation for one in reads if any(map(is_met, conditions_of(one.filter))))
    return list(dict.fromkeys(found))


def _key_of(table: Table) -> str:
    """The one column of its primary key; empty where there are several, or none."""
    keys = [one.columns for one in table.constraints if one.kind == "p"]
    return keys[0][0] if keys and len(keys[0]) == 1 else ""
