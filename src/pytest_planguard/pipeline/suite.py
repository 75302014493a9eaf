"""What advice has to know of the project beside its queries: its writes, and what migrates it."""

from __future__ import annotations

import sys
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path

from pytest_planguard.advice.suite import DjangoModel, Suite, Tool
from pytest_planguard.advice.suspects import Item
from pytest_planguard.model.statement import Via
from pytest_planguard.pipeline.fixtures import Planner
from pytest_planguard.sql.updates import updated_columns


def suite_of(items: Sequence[Item], planner: Planner, root: Path) -> Suite:
    """The facts of one database's queries.

    Args:
        items: Queries with plans.
        planner: Of their fixture database.
        root: The project's folder.
    """
    return Suite(
        writes=_writes(items),
        updated=_updated(items),
        statistics=planner.fixture.statistics,
        tools=tools(items, root),
        models=_django_models(),
    )


def _writes(items: Sequence[Item]) -> Counter[str]:
    """How often the suite writes each table."""
    writes: Counter[str] = Counter()
    for item in items:
        for relation in _modified(item):
            writes[relation] += item.query.executions
    return writes


def _updated(items: Sequence[Item]) -> dict[str, frozenset[str]]:
    """Columns that updates set, by the table their plans modify."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for item in items:
        modified = _modified(item)
        for table, column in updated_columns(item.query.sql) if modified else ():
            for relation in modified:
                if relation.endswith(f".{table}"):
                    found[relation].add(column)
    return {relation: frozenset(columns) for relation, columns in found.items()}


def _modified(item: Item) -> list[str]:
    nodes = item.planned.worst.root.walk()
    return [n.relation for n in nodes if n.node_type == "ModifyTable" and n.relation is not None]


def tools(items: Sequence[Item], root: Path) -> frozenset[Tool]:
    """What migrates the project: Alembic by its file, Django by who asks."""
    asks = {place.origin.via for item in items for place in item.query.places}
    found = set()
    if (root / "alembic.ini").exists():
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
