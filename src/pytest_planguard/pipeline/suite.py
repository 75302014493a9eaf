"""What advice has to know of the project beside its queries: its writes, and what migrates it."""

from __future__ import annotations

import sys
from collections import Counter, defaultdict
from collections.abc import Sequence

from pytest_planguard.advice.suite import DjangoModel, Suite, Tool
from pytest_planguard.advice.suspects import Item
from pytest_planguard.config import Config
from pytest_planguard.model.statement import Via
from pytest_planguard.pipeline.fixtures import Planner
from pytest_planguard.sql.writes import writes


def suite_of(items: Sequence[Item], planner: Planner, config: Config) -> Suite:
    """The facts of one database's queries.

    Args:
        items: Queries with plans.
        planner: Of their fixture database.
        config: The project's.
    """
    return Suite(
        writes=_writes(items),
        updated=_updated(items),
        statistics=planner.fixture.statistics,
        tools=tools(items, config),
        models=_django_models(),
    )


def _writes(items: Sequence[Item]) -> Counter[str]:
    """How often the suite writes each table."""
    found: Counter[str] = Counter()
    for item in items:
        for relation in _modified(item):
            found[relation] += item.query.executions
    return found


def _updated(items: Sequence[Item]) -> dict[str, frozenset[str]]:
    """Columns that updates set, by the table their plans modify."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for item in items:
        for relation in _modified(item):
            for write in writes(item.query.sql):
                if relation.endswith(f".{write.relation}"):
                    found[relation].update(write.columns or ())
    return {relation: frozenset(columns) for relation, columns in found.items()}


def _modified(item: Item) -> list[str]:
    nodes = item.planned.worst.root.walk()
    return [n.relation for n in nodes if n.node_type == "ModifyTable" and n.relation is not None]


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


def _django_models() -> dict[str, DjangoModel]:
    """Models by table, where Django is set up in this process."""
    registry = sys.modules.get("django.apps")
    apps = getattr(registry, "apps", None)
    if apps is None or not apps.ready:
        return {}
    found = {}
    for model in apps.get_models():
        meta = model._meta  # noqa: SLF001 - Django documents it as public ("Model _meta API")
        schema, _, name = meta.db_table.replace('"', "").rpartition(".")
        fields = {field.column: field.name for field in meta.local_concrete_fields}
        known = DjangoModel(meta.app_label, meta.model_name, fields)
        found[f"{schema or 'public'}.{name}"] = known
    return found
