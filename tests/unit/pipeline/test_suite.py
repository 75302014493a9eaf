from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

import fix_plans
from pytest_planguard.advice.suite import Tool
from pytest_planguard.advice.suspects import Item
from pytest_planguard.config import load
from pytest_planguard.model.plan import PlanNode
from pytest_planguard.model.statement import Via
from pytest_planguard.pipeline.suite import suite_of, tools

CATALOG = fix_plans.catalog()


def item(name: str, sql: str = "", via: Via = Via.DRIVER) -> Item:
    text, node = fix_plans.captured(name)
    query = fix_plans.query(sql or text)
    places = tuple(
        msgspec.structs.replace(one, origin=msgspec.structs.replace(one.origin, via=via))
        for one in query.places
    )
    return Item(msgspec.structs.replace(query, places=places), fix_plans.planned(node, CATALOG), {})


def suite(tmp_path: Path, *items: Item) -> Any:
    planner: Any = SimpleNamespace(fixture=SimpleNamespace(statistics=None))
    return suite_of(items, planner, load(tmp_path))


def test_what_updates_set_is_known_by_the_table_their_plan_writes(tmp_path: Path) -> None:
    found = suite(tmp_path, item("update"), item("seq_equality"))

    assert found.writes == {"public.orders": 1}
    assert found.updated == {"public.orders": {"note"}}


def test_a_table_of_another_name_is_not_the_one_that_is_written(tmp_path: Path) -> None:
    other = item("update", "WITH x AS (UPDATE stock SET n = 1) UPDATE orders SET total = 1")

    assert suite(tmp_path, other).updated == {"public.orders": {"total"}}


def test_tables_of_one_name_in_two_schemas_are_two_tables(tmp_path: Path) -> None:
    sql = "WITH x AS (UPDATE tenant_a.notes SET n = 1) UPDATE tenant_b.notes SET m = 1"
    nodes = [
        PlanNode(node_type="ModifyTable", relation_name="notes", schema=schema)
        for schema in ("tenant_a", "tenant_b")
    ]
    both = msgspec.structs.replace(nodes[1], children=(nodes[0],))

    found = suite(tmp_path, Item(fix_plans.query(sql), fix_plans.planned(both, CATALOG), {}))

    assert found.updated == {"tenant_a.notes": {"n"}, "tenant_b.notes": {"m"}}


def test_django_is_told_by_who_asks(tmp_path: Path) -> None:
    config = load(tmp_path)

    assert tools([item("seq_equality", via=Via.ORM)], config) == set()
    assert tools([item("seq_equality", via=Via.DJANGO_ORM)], config) == {Tool.DJANGO}


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("alembic.ini", ""),
        (
            "pyproject.toml",
            '[tool.pytest-planguard.database]\nschema = "command: alembic upgrade head"\n',
        ),
    ],
)
def test_alembic_is_told_by_its_file_or_the_schemas_command(
    tmp_path: Path, file: str, text: str
) -> None:
    (tmp_path / file).write_text(text)

    assert tools([], load(tmp_path)) == {Tool.ALEMBIC}
