from __future__ import annotations

from pytest_planguard.model.query import Query, Variant
from pytest_planguard.model.statement import Session
from pytest_planguard.model.tenants import NO_TENANTS, Tenants
from pytest_planguard.pipeline.tenants import in_schemas_there_are

TENANTS = Tenants("tenant_*", "tenant_m")
TABLES = ["tenant_b.t", "tenant_c.t", "public.u"]


def sent(path: str | None) -> Query:
    variant = Variant("SELECT 1", (), Session("app", "psycopg", search_path=path))
    return Query("k", "default", "SELECT $1", (), (variant,), ())


def text_of(text: str, tables: list[str], spans: tuple[tuple[int, int, int], ...] = ()) -> str:
    """What is planned of a text that names the model; its parameter's place is looked at too."""
    variant = Variant(text, (), Session("app", "psycopg"), plannable=text, spans=spans)
    query = Query("k", "default", "SELECT $1", (), (variant,), ())
    ((moved,),) = [one.variants for one in in_schemas_there_are([query], tables, TENANTS)]
    assert all(moved.plannable[start:end] == f"${number}" for start, end, number in moved.spans)
    return moved.plannable


def path_of(query: Query) -> str | None:
    return query.variants[0].session.search_path


def moved(path: str | None, tables: list[str] = TABLES, tenants: Tenants = TENANTS) -> str | None:
    (query,) = in_schemas_there_are([sent(path)], tables, tenants)
    return path_of(query)


def test_a_tenant_that_is_there_is_planned_in_its_own_schema() -> None:
    assert moved("tenant_c, public") == "tenant_c, public"


def test_a_tenant_that_is_gone_is_planned_in_the_models_or_another_ones() -> None:
    assert moved('"tenant_x", public') == "tenant_b, public"
    assert moved("tenant_x", [*TABLES, "tenant_m.t"]) == "tenant_m"


def test_a_text_that_names_its_tenant_is_planned_in_the_models_or_another_ones() -> None:
    text = "SELECT 1 FROM tenant_m.t WHERE tenant_m.t.id = $1"
    spans = ((47, 49, 1),)
    assert text_of(text, [*TABLES, "tenant_m.t"], spans) == text
    assert text_of(text, TABLES, spans) == "SELECT 1 FROM tenant_b.t WHERE tenant_b.t.id = $1"
    assert text_of(text, ["tenant_Ab.t"], spans) == text.replace("tenant_m", '"tenant_Ab"')
    assert text_of("SELECT 'tenant_m.t'", TABLES) == "SELECT 'tenant_m.t'"


def test_other_schemas_stay() -> None:
    assert moved("gone, public") == "gone, public"
    assert moved(None) is None
    assert moved("tenant_x", ["public.u"]) == "tenant_x"
    assert moved("tenant_x", tenants=NO_TENANTS) == "tenant_x"
