"""What advice has to know of the project beside its queries: its writes, and what migrates it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from pytest_planguard.advice.suite import Suite, Tool
from pytest_planguard.advice.suspects import Item
from pytest_planguard.config import Config
from pytest_planguard.model.capture import DjangoModel
from pytest_planguard.model.plan import PlanNode
from pytest_planguard.model.statement import Via
from pytest_planguard.pipeline.fixtures import Planner
from pytest_planguard.sql.writes import of_relation, writes


def suite_of(
    items: Sequence[Item],
    planner: Planner,
    config: Config,
    models: Mapping[str, DjangoModel] | None = None,
) -> Suite:
    """The facts of one database's queries.

    Args:
        items: Queries with plans.
        planner: Of their fixture database.
        config: The project's.
        models: Django's, by table, as they were captured.
    """
    return Suite(
        writes=_writes(items),
        updated=_updated(items),
        statistics=planner.fixture.statistics,
        tools=tools(items, config),
        models=models or {},
    )


def _writes(items: Sequence[Item]) -> Counter[str]:
    """How often the suite writes each table."""
    found: Counter[str] = Counter()
    for item in items:
        for node in _modified(item):
            found[node.relation or ""] += item.query.executions
    return found


def _updated(items: Sequence[Item]) -> dict[str, frozenset[str]]:
    """Columns that updates set, by the table their plans modify."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for item in items:
        said = writes(item.query.sql)
        for node in _modified(item):
            for write in of_relation(said, node.schema, node.relation_name):
                found[node.relation or ""].update(write.columns or ())
    return {relation: frozenset(columns) for relation, columns in found.items()}


def _modified(item: Item) -> list[PlanNode]:
    nodes = item.planned.worst.root.walk()
    return [n for n in nodes if n.node_type == "ModifyTable" and n.relation is not None]


def tools(items: Sequence[Item], config: Config) -> frozenset[Tool]:
    """What migrates the project: Alembic by its file or a schema command, Django by who asks."""
    asks = {place.origin.via for item in items for place in item.query.places}
    commands = [spec.schema for spec in config.databases.values()]
    found = set()
    if (config.root / "alembic.ini").exists() or any("alembic " in one for one in commands):
        found.add(Tool.ALEMBIC)
    if asks & {Via.DJANGO, Via.DJANGO_ORM}:
        found.add(Tool.DJANGO)
    return frozenset(found)
