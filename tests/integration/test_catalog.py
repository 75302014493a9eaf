import psycopg
import pytest

from fix_fixturedb import SHOP
from pytest_planguard.planner.catalog import read_catalog, read_indexes


@pytest.fixture
def shop(database_url):
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(SHOP)
        yield connection


@pytest.fixture
def catalog(shop):
    shop.execute('CREATE TABLE "Odd Name" ("Key" int PRIMARY KEY, v varchar(20))')
    shop.execute('CREATE INDEX odd ON "Odd Name" ("Key" DESC) INCLUDE (v)')
    shop.execute("CREATE TEMPORARY TABLE passing (a int)")
    shop.execute("SET TimeZone = 'Asia/Tokyo'")
    return read_catalog(shop)


def test_tables_are_read_with_partitions_and_without_temporary_ones(catalog):
    assert sorted(catalog.tables) == [
        "public.Odd Name", "public.customers", "public.events", "public.events_2024",
        "public.events_2025", "public.events_rest", "public.lines", "public.orders",
    ]  # fmt: skip
    events, part = catalog.tables["public.events"], catalog.tables["public.events_2024"]
    assert (events.kind, events.partition_key, events.partition_columns) == (
        "p", "RANGE (at)", ("at",)
    )  # fmt: skip
    assert part.parents == ("public.events",)
    assert catalog.root_of("public.events_2024") == "public.events"


def test_bounds_do_not_depend_on_the_sessions_time_zone(catalog):
    assert catalog.tables["public.events_2024"].partition_bound == (
        "FOR VALUES FROM ('2024-01-01 00:00:00+00') TO ('2025-01-01 00:00:00+00')"
    )


def test_columns_have_types_defaults_and_labels(catalog):
    orders = catalog.tables["public.orders"]
    status, total = orders.column("status"), orders.column("total")
    assert status.labels == ("new", "open", "paid", "shipped", "cancelled")
    assert (status.category, status.not_null) == ("E", True)
    assert (total.type, total.base_type, total.length) == ("numeric(12,2)", "numeric", -1)
    assert orders.column("created_at").default == "now()"
    assert catalog.tables["public.customers"].column("id").identity


def test_constraints_say_what_they_point_to(catalog):
    foreign = next(item for item in catalog.tables["public.orders"].constraints if item.kind == "f")
    assert (foreign.columns, foreign.references, foreign.referenced_columns) == (
        ("customer_id",), "public.customers", ("id",)
    )  # fmt: skip


def test_indexes_have_keys_order_predicate_and_expressions(catalog):
    partial = catalog.indexes["public.orders_open"]
    assert (partial.keys, partial.predicate) == (("created_at",), "status = 'open'::order_status")
    assert catalog.indexes["public.orders_customer"].descending == (False, True)
    lower = catalog.indexes["public.customers_lower"]
    assert (lower.keys, lower.attributes, lower.key_types) == (
        ("lower(email::text)",), ("lower",), ("text",)
    )  # fmt: skip
    odd = catalog.indexes["public.odd"]
    assert (odd.keys, odd.include, odd.opclasses) == (('"Key"',), ("v",), ("int4_ops",))
    key = catalog.indexes["public.customers_pkey"]
    assert (key.unique, key.primary, key.constraint) == (True, True, "customers_pkey")


def test_partitions_indexes_know_the_partitioned_one(catalog):
    part = catalog.indexes["public.events_2024_payload_idx"]
    assert (part.method, part.parent) == ("gin", "public.events_payload")


def test_indexes_read_by_name_are_those_of_the_whole_catalog_with_their_partitions(shop, catalog):
    wanted = {
        name: index
        for name, index in catalog.indexes.items()
        if "public.events_payload" in (name, index.parent) or name == "public.odd"
    }
    assert len(wanted) == 5
    assert read_indexes(shop, ["odd", "events_payload", "none_such"]) == wanted
    assert read_indexes(shop, []) == {}


def test_what_domains_and_dropped_columns_hide_is_seen_through(shop):
    shop.execute("CREATE DOMAIN short AS varchar(20); CREATE DOMAIN code AS short")
    shop.execute("CREATE TABLE coded (gone int, a int, c code, n int, UNIQUE (c, a))")
    shop.execute("ALTER TABLE coded DROP COLUMN gone")
    shop.execute(
        "CREATE TABLE pointing (y int, x code, FOREIGN KEY (x, y) REFERENCES coded (c, a))"
    )
    catalog = read_catalog(shop)
    assert catalog.indexes["public.coded_c_a_key"].key_types == ("varchar", "int4")
    (unique,) = (one for one in catalog.tables["public.coded"].constraints if one.kind == "u")
    assert unique.columns == ("c", "a")
    (foreign,) = catalog.tables["public.pointing"].constraints
    assert (foreign.columns, foreign.referenced_columns) == (("x", "y"), ("c", "a"))


def test_only_settings_that_differ_are_read(database_url):
    with psycopg.connect(database_url, autocommit=True) as connection:
        assert read_catalog(connection).server.settings == {}
        connection.execute("SET work_mem = '64MB'")
        connection.execute("SET enable_sort = off")
        settings = read_catalog(connection).server.settings
    assert settings == {"enable_sort": "off", "work_mem": "64MB"}
