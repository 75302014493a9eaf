"""What a statistics file and a schema come to."""

import pytest

from pytest_planguard.errors import ConfigurationError, StatisticsError
from pytest_planguard.fixturedb.scale.production import (
    at_production_scale,
    index_meaning,
)
from pytest_planguard.model.catalog import Catalog, Column, Index, Server, Table
from pytest_planguard.model.spec import ColumnDeclaration, TableDeclaration
from pytest_planguard.model.statistics import (
    ColumnStatistics,
    IndexStatistics,
    ScaleSource,
    Statistics,
    TableStatistics,
)
from pytest_planguard.model.tenants import Tenants

SERVER = Server(180000, "18.0")
ID = Column("id", "bigint", 1, not_null=True, base_type="int8", category="N", length=8)
NOTE = Column("note", "text", 2, base_type="text", category="S")
PKEY = Index(
    "orders_pkey", "public", "public.orders", "btree", ("id",), unique=True, primary=True,
    definition="CREATE UNIQUE INDEX orders_pkey ON public.orders USING btree (id)",
    attributes=("id",), key_types=("int8",),
)  # fmt: skip


def table(name="orders", columns=(ID,), kind="r", **more):
    return Table("public", name, kind, columns, **more)


def catalog(*tables, indexes=()):
    return Catalog(
        SERVER,
        {one.qualified: one for one in tables},
        {f"public.{one.name}": one for one in indexes},
    )


def source(**tables):
    return Statistics(
        {f"public.{name}": facts for name, facts in tables.items()},
        clock="2026-11-02T00:00:00+00:00",
        source=ScaleSource.PRODUCTION,
        server_version=170000,
    )


ORDERS = TableStatistics(
    47_000_000.0,
    800_000,
    columns={"id": ColumnStatistics(0.0, 8, -1.0), "gone": ColumnStatistics(0.5, 4, 7.0)},
    types={"id": "bigint not null", "gone": "integer"},
    indexes={"orders_pkey": IndexStatistics(128_873, 47e6, 3, definition=PKEY.definition)},
)


def test_a_table_both_know_is_productions_without_what_the_schema_no_longer_has():
    made = at_production_scale(catalog(table(), indexes=[PKEY]), source(orders=ORDERS), {})
    facts = made.statistics.tables["public.orders"]
    assert (facts.rows, facts.pages, facts.source) == (47e6, 800_000, ScaleSource.PRODUCTION)
    assert list(facts.columns) == ["id"]
    assert facts.indexes["orders_pkey"].height == 3
    assert made.statistics.server_version == 170000
    assert made.lacking == ()


def test_an_index_of_another_name_is_known_by_what_it_indexes():
    other = Index(
        "pk_orders", "public", "public.orders", "btree", ("id",), unique=True,
        definition="CREATE UNIQUE INDEX pk_orders ON public.orders USING btree (id)",
        attributes=("id",), key_types=("int8",),
    )  # fmt: skip
    made = at_production_scale(catalog(table(), indexes=[other]), source(orders=ORDERS), {})
    assert made.statistics.tables["public.orders"].indexes["pk_orders"].pages == 128_873


def test_an_index_production_lacks_gets_the_size_it_would_have():
    facts = TableStatistics(47e6, 800_000, columns=ORDERS.columns, types=ORDERS.types)
    made = at_production_scale(catalog(table(), indexes=[PKEY]), source(orders=facts), {})
    index = made.statistics.tables["public.orders"].indexes["orders_pkey"]
    assert index.height == 3
    assert index.pages == pytest.approx(128_873, rel=0.01)


def test_a_height_that_could_not_be_read_is_derived_from_pages_and_key():
    unread = TableStatistics(
        47e6, 800_000, types=ORDERS.types, indexes={"orders_pkey": IndexStatistics(128_873, 47e6)}
    )
    made = at_production_scale(catalog(table(), indexes=[PKEY]), source(orders=unread), {})
    assert made.statistics.tables["public.orders"].indexes["orders_pkey"].height == 3


def test_a_new_column_is_derived_and_said():
    made = at_production_scale(catalog(table(columns=(ID, NOTE))), source(orders=ORDERS), {})
    assert made.statistics.tables["public.orders"].columns["note"].null_frac == 0.5
    assert made.lacking == ("new columns, their statistics are assumed: public.orders.note",)


def test_a_column_production_never_analysed_stays_without_statistics():
    facts = TableStatistics(10.0, 1, types={"id": "bigint not null", "note": "text"})
    made = at_production_scale(catalog(table(columns=(ID, NOTE))), source(orders=facts), {})
    assert made.statistics.tables["public.orders"].columns == {}


def test_declared_columns_beat_the_file_and_leave_the_rows_alone():
    declared = {"orders": TableDeclaration(columns={"id": ColumnDeclaration(distinct=9.0)})}
    made = at_production_scale(catalog(table()), source(orders=ORDERS), declared)
    facts = made.statistics.tables["public.orders"]
    assert (facts.rows, facts.source) == (47e6, ScaleSource.PRODUCTION)
    assert facts.columns["id"].n_distinct == 9.0


def test_a_declaration_that_fits_nothing_is_a_mistake():
    with pytest.raises(ConfigurationError, match='did you mean "orders"'):
        at_production_scale(
            catalog(table()), source(orders=ORDERS), {"order": TableDeclaration(rows=1)}
        )


def test_a_partition_production_does_not_have_yet_is_like_its_siblings():
    bound = "FOR VALUES FROM ('{}') TO ('{}')"
    parent = table("events", kind="p", partition_key="RANGE (id)", partition_columns=("id",))
    parts = [
        table(f"e{n}", parents=("public.events",), partition_bound=bound.format(n, n + 1))
        for n in range(3)
    ]
    known = {f"e{n}": TableStatistics(1000.0 * (n + 1), 10) for n in range(2)}
    made = at_production_scale(
        catalog(parent, *parts),
        source(events=TableStatistics(3000.0, 0, kind="p"), **known),
        {},
    )
    new = made.statistics.tables["public.e2"]
    assert (new.rows, new.source) == (1500.0, ScaleSource.ASSUMED)
    assert made.lacking == ("1 table is not in the statistics, the size is assumed: public.e2",)


def test_tenants_share_the_statistics_of_their_model():
    known = Statistics(
        {"tenant_1.orders": ORDERS, "tenant_2.orders": TableStatistics(5.0, 1)},
        clock="2026-11-02T00:00:00+00:00",
        source=ScaleSource.PRODUCTION,
    )
    ours = Table("tenant_test", "orders", "r", (ID,))
    made = at_production_scale(catalog(ours), known, {}, tenants=Tenants("tenant_*", "tenant_1"))
    assert made.statistics.tables["tenant_test.orders"].rows == 47e6
    assert made.lacking == ()


def test_no_table_in_common_is_another_database():
    with pytest.raises(StatisticsError, match=r"public\.orders, the schema has public\.users"):
        at_production_scale(catalog(table("users")), source(orders=ORDERS), {})


@pytest.mark.parametrize(
    "definition",
    [
        "CREATE INDEX a ON public.t USING btree (x)",
        'CREATE INDEX "odd ON name" ON ONLY "My schema".t USING btree (x)',
        "CREATE INDEX b ON t USING btree (x)",
    ],
)
def test_an_indexs_meaning_leaves_names_and_schemas_out(definition):
    assert index_meaning(definition) == "INDEX t USING btree (x)"


def test_declared_tables_of_the_model_hold_for_every_tenant_without_its_own():
    tenants = Tenants("tenant_*", "tenant_1")
    tables = {"tenant_1.orders": 1, "tenant_9.orders": 9, "public.orders": 5}
    names = ["tenant_1.orders", "tenant_2.orders", "tenant_9.orders", "tenant_2.other"]
    assert tenants.share(tables, names) == {**tables, "tenant_2.orders": 1}
