"""Django's models, for whoever writes migrations: by table, where Django is set up."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest

from pytest_planguard.capture import django


def test_models_are_known_where_django_is_set_up(monkeypatch: pytest.MonkeyPatch) -> None:
    fields = [SimpleNamespace(column="customer_id", name="customer")]
    meta = SimpleNamespace(
        db_table='"shop"."orders"', app_label="shop", model_name="order",
        local_concrete_fields=fields,
    )  # fmt: skip
    plain = SimpleNamespace(**{**vars(meta), "db_table": "lines"})
    known = [SimpleNamespace(_meta=meta), SimpleNamespace(_meta=plain)]
    apps = SimpleNamespace(ready=True, get_models=lambda: known)
    monkeypatch.setitem(sys.modules, "django.apps", SimpleNamespace(apps=apps))

    found = django.models()

    assert sorted(found) == ["public.lines", "shop.orders"]
    assert (found["shop.orders"].name, found["shop.orders"].fields) == (
        "order",
        {"customer_id": "customer"},
    )


def test_models_are_not_asked_before_django_is_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    apps = SimpleNamespace(ready=False)
    monkeypatch.setitem(sys.modules, "django.apps", SimpleNamespace(apps=apps))

    assert django.models() == {}
