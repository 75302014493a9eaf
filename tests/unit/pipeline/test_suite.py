from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

import fix_plans
from pytest_planguard.advice.suite import Tool
from pytest_planguard.advice.suspects import Item
from pytest_planguard.config import load
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


def test_models_are_known_where_django_is_set_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fields = [SimpleNamespace(column="customer_id", name="customer")]
    meta = SimpleNamespace(
        db_table='"shop"."orders"', app_label="shop", model_name="order",
        local_concrete_fields=fields,
    )  # fmt: skip
    plain = SimpleNamespace(**{**vars(meta), "db_table": "lines"})
    models = [SimpleNamespace(_meta=meta), SimpleNamespace(_meta=plain)]
    apps = SimpleNamespace(ready=True, get_models=lambda: models)
    monkeypatch.setitem(sys.modules, "django.apps", SimpleNamespace(apps=apps))

    found = suite(tmp_path).models

    assert sorted(found) == ["public.lines", "shop.orders"]
    assert (found["shop.orders"].name, found["shop.orders"].fields) == (
        "order",
        {"customer_id": "customer"},
    )


def test_models_are_not_asked_before_django_is_ready(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    apps = SimpleNamespace(ready=False)
    monkeypatch.setitem(sys.modules, "django.apps", SimpleNamespace(apps=apps))

    assert suite(tmp_path).models == {}
