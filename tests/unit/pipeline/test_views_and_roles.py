"""Findings through views, and plans under the roles that asked."""

from __future__ import annotations

import msgspec
import pytest

import fix_plans
from pytest_planguard.model.capture import Database
from pytest_planguard.model.catalog import Catalog
from pytest_planguard.model.finding import Candidate, Severity
from pytest_planguard.model.query import Query, Variant
from pytest_planguard.model.statement import Session
from pytest_planguard.pipeline.roles import not_applied, under_their_roles
from pytest_planguard.pipeline.views import through_views


def catalog(**more: object) -> Catalog:
    return msgspec.structs.replace(fix_plans.catalog(), **more)


VIEWS = {
    "public.open_orders": ("public.orders",),
    "reports.monthly": ("public.events_1", "public.orders"),
}


def query(text: str, role: str | None = None) -> Query:
    session = Session("app", "psycopg", role=role)
    return fix_plans.query(text, variants=(Variant(text, (), session, plannable=text),))


@pytest.mark.parametrize(
    ("text", "relation", "end"),
    [
        ("SELECT 1 FROM open_orders", "public.orders", "; read through view public.open_orders"),
        ("SELECT 1 FROM reports.monthly", "public.events", "; read through view reports.monthly"),
        (
            "SELECT 1 FROM open_orders, reports.monthly",
            "public.orders",
            "; read through views public.open_orders, reports.monthly",
        ),
        ("SELECT 1 FROM other.monthly", "public.orders", ""),
        ("SELECT 1 FROM open_orders, orders", "public.orders", ""),
        ("SELECT 1 FROM customers", "public.customers", ""),
        ("no SQL", "public.orders", ""),
    ],
)
def test_a_view_that_is_named_in_place_of_a_table_is_named_in_its_finding(text, relation, end):
    one = Candidate("PLN001", "abc", "default", relation, Severity.ERROR, "reads", "mend")

    (found,) = through_views([one], query(text), catalog(views=VIEWS))

    assert found.message == f"reads{end}"


KNOWN = frozenset({"app", "report writer"})
DATABASES = {"app": Database("app", "postgresql://report%20writer@/app?host=%2Frun")}


@pytest.mark.parametrize(
    ("role", "databases", "planned_as"),
    [
        ("app", {}, "app"),
        ("nobody", {}, None),
        (None, {}, None),
        (None, DATABASES, "report writer"),
        ("app", DATABASES, "app"),
        (None, {"app": Database("app", "postgresql://postgres@/app")}, None),
    ],
)
def test_a_query_is_planned_as_the_role_that_asked_where_there_is_one(role, databases, planned_as):
    (found,) = under_their_roles([query("SELECT 1", role)], databases, KNOWN)

    assert found.variants[0].session.settings.get("role") == planned_as


def test_plans_without_policies_are_counted_by_table():
    of = catalog(guarded=frozenset({"public.orders"}))
    plan = fix_plans.planned(fix_plans.root("seq_equality"), of)
    bare = query("SELECT 1")
    (guarded,) = under_their_roles([query("SELECT 2", "app")], {}, KNOWN)

    (note,) = not_applied([(bare, plan), (bare, plan), (guarded, plan)], of)

    assert note.startswith("row-level security of public.orders is not in the plans of 2 queries")
    assert not_applied([(guarded, plan)], of) == ()
    assert not_applied([(bare, plan)], fix_plans.catalog()) == ()
