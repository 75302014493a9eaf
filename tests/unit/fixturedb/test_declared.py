import msgspec
import pytest

from pytest_planguard.errors import ConfigurationError
from pytest_planguard.fixturedb.scale.declared import declare
from pytest_planguard.model.catalog import Catalog, Column, Constraint, Index, Server, Table
from pytest_planguard.model.spec import ColumnDeclaration, TableDeclaration
from pytest_planguard.model.statistics import ScaleSource

CLOCK = "2026-01-01T00:00:00+00:00"


def integer(name, number=1, **facts):
    facts = {"not_null": True, **facts}
    return Column(name, "bigint", number, base_type="int8", category="N", length=8, **facts)


def text(name, number=2, **facts):
    facts = {"not_null": True, **facts}
    return Column(name, "text", number, base_type="text", category="S", **facts)


def moment(name, number=3, **facts):
    facts = {"not_null": True, **facts}
    return Column(name, "timestamp with time zone", number, base_type="timestamptz",
                  category="D", length=8, **facts)  # fmt: skip


def status(name="status", number=4):
    return Column(name, "order_status", number, not_null=True, base_type="order_status",
                  category="E", length=4, labels=("open", "paid", "shipped"))  # fmt: skip


def primary_key(table, *keys):
    return Index(
        f"{table}_pkey", "public", f"public.{table}", "btree", keys, unique=True, primary=True,
        attributes=keys, key_types=("int8",) * len(keys), opclasses=("int8_ops",) * len(keys),
    )  # fmt: skip


def catalog(*tables, indexes=()):
    return Catalog(
        Server(180006, "18.6"),
        {table.qualified: table for table in tables},
        {f"{index.schema}.{index.name}": index for index in indexes},
    )


CUSTOMERS = Table("public", "customers", "r", (integer("id", identity=True), text("email")))
ORDERS = Table(
    "public",
    "orders",
    "r",
    (
        integer("id", default="nextval('s')"),
        integer("customer_id", 2),
        moment("created_at", default="now()"),
        status(),
        moment("shipped_at", 5, not_null=False),
        Column("gift", "boolean", 6, not_null=True, base_type="bool", category="B", length=1),
        text("kind", 7),
    ),
    (
        Constraint("fk", "f", ("customer_id",), "", "public.customers", ("id",)),
        Constraint(
            "kinds", "c", ("kind",), "CHECK ((kind = ANY (ARRAY['retail'::text, 'trade'::text])))"
        ),
    ),
)
SHOP = catalog(
    CUSTOMERS, ORDERS, indexes=(primary_key("customers", "id"), primary_key("orders", "id"))
)
SIZES = {"customers": TableDeclaration(5_000_000), "orders": TableDeclaration(40_000_000)}


def declared(schema=SHOP, tables=SIZES):
    return declare(schema, tables, clock=CLOCK)


def columns(table="public.orders", **declarations):
    sizes = {**SIZES, "orders": TableDeclaration(40_000_000, declarations)}
    return declared(tables=sizes).tables[table].columns


def test_a_table_nobody_declared_has_assumed_rows_and_says_so():
    statistics = declared(tables={"customers": TableDeclaration(10)})
    assert statistics.tables["public.orders"].rows == 1_000_000
    assert statistics.tables["public.orders"].source is ScaleSource.ASSUMED
    assert statistics.source is ScaleSource.ASSUMED
    assert declared().source is ScaleSource.DECLARED


def test_what_migration_tools_keep_is_never_assumed_to_be_large():
    tools = catalog(Table("public", "alembic_version", "r", (text("version_num", 1),)))
    (found,) = declared(tools, {}).tables.values()
    assert (found.rows, found.source) == (1, ScaleSource.ASSUMED)
    assert declared(tools, {}).source is ScaleSource.ASSUMED
    both = catalog(CUSTOMERS, *tools.tables.values())
    assert declared(both, {"customers": TableDeclaration(7)}).source is ScaleSource.DECLARED
    sizes = {"alembic_version": TableDeclaration(7)}
    assert declared(tools, sizes).tables["public.alembic_version"].rows == 7


def test_a_key_is_unique_and_counts_the_rows():
    key = columns()["id"]
    assert (key.n_distinct, key.correlation) == (-1.0, 1.0)
    assert len(key.histogram_bounds) == 101
    assert (key.histogram_bounds[0], key.histogram_bounds[-1]) == ("1", "40000000")


def test_a_foreign_key_has_the_values_of_the_table_it_points_to():
    key = columns()["customer_id"]
    assert key.n_distinct == pytest.approx(-0.125)  # 5 of 40 million: above a tenth, a fraction
    assert key.histogram_bounds[-1] == "5000000"
    assert key.correlation == 0.0


def test_a_foreign_key_to_a_small_table_lists_its_values():
    sizes = {**SIZES, "customers": TableDeclaration(4)}
    key = declared(tables=sizes).tables["public.orders"].columns["customer_id"]
    assert key.most_common_values == ("1", "2", "3", "4")
    assert key.most_common_freqs == (0.25,) * 4
    assert key.n_distinct == 4


def test_tables_that_point_at_each_other_do_not_hang():
    pointing = [
        Table("public", name, "r", (integer("id"),),
              (Constraint("fk", "f", ("id",), "", f"public.{other}", ("id",)),))
        for name, other in (("a", "b"), ("b", "a"))
    ]  # fmt: skip
    statistics = declared(catalog(*pointing), {"a": TableDeclaration(10)})
    assert statistics.tables["public.a"].rows == 10


def test_enums_booleans_and_check_lists_have_equal_shares():
    found = columns()
    assert found["status"].most_common_freqs == pytest.approx((1 / 3,) * 3)
    assert found["gift"].most_common_values == ("t", "f")
    assert found["kind"].most_common_values == ("retail", "trade")
    assert found["kind"].avg_width == 6


def test_declared_shares_come_first_and_other_labels_share_the_rest():
    found = columns(status=ColumnDeclaration({"shipped": 0.75}))["status"]
    assert found.most_common_values == ("shipped", "open", "paid")
    assert found.most_common_freqs == pytest.approx((0.75, 0.125, 0.125))


def test_timestamps_end_at_the_clock_and_follow_the_rows_where_they_are_set_on_insert():
    found = columns()
    assert found["created_at"].histogram_bounds[-1] == "2026-01-01 00:00:00+00"
    assert found["created_at"].histogram_bounds[0] == "2023-01-02 00:00:00+00"
    assert found["created_at"].correlation == 1.0
    assert found["shipped_at"].correlation == 0.0


def test_a_nullable_column_nobody_declared_is_half_empty():
    assert columns()["shipped_at"].null_frac == 0.5
    assert columns(shipped_at=ColumnDeclaration(nulls=0.1))["shipped_at"].null_frac == (
        pytest.approx(0.1)
    )


def test_declarations_win():
    facts = ColumnDeclaration(distinct=17, nulls=0.25, correlation=0.5, width=99)
    found = columns(kind=facts)["kind"]
    assert (found.n_distinct, found.null_frac, found.correlation) == (17, 0.25, 0.5)
    assert (found.avg_width, found.most_common_values) == (99, ())


@pytest.mark.parametrize(("distinct", "stored"), [(0.5, -0.5), (1.0, -1.0), (1, 1), (17.0, 17)])
def test_a_distinct_is_a_fraction_of_the_rows_up_to_one_point_nought(distinct, stored):
    assert columns(kind=ColumnDeclaration(distinct=distinct))["kind"].n_distinct == stored


def test_everything_is_the_same_each_time():
    assert declared() == declared()


def test_all_mistakes_are_named_at_once_with_the_nearest_name():
    sizes = {
        "order": TableDeclaration(5),
        "orders": TableDeclaration(
            -1,
            {
                "stats": ColumnDeclaration(),
                "status": ColumnDeclaration({"shiped": 0.5, "open": 0.7}),
                "id": ColumnDeclaration({"x": 0.1}, nulls=2.0),
            },
        ),
    }
    with pytest.raises(ConfigurationError) as caught:
        declared(tables=sizes)
    assert caught.value.message.splitlines() == [
        'tables.order: the schema has no such table (did you mean "orders"?)',
        "tables.orders.rows: -1 is not a number of rows",
        'tables.orders.columns.stats: public.orders has no such column (did you mean "status"?)',
        "tables.orders.columns.status.values: shares and nulls come to 1.2, more than 1",
        (
            'tables.orders.columns.status.values: "shiped" is no label of order_status'
            ' (did you mean "shipped"?)'
        ),
        "tables.orders.columns.id.nulls: 2 is not a share between 0 and 1",
        "tables.orders.columns.id.values: shares and nulls come to 2.1, more than 1",
        'tables.orders.columns.id.values: "x" is no bigint',
    ]


def test_a_name_in_two_schemas_must_say_which():
    twice = catalog(Table("a", "t", "r", (integer("id"),)), Table("b", "t", "r", (integer("id"),)))
    with pytest.raises(ConfigurationError, match=r"say which: a\.t, b\.t"):
        declared(twice, {"t": TableDeclaration(5)})
    assert declared(twice, {"b.t": TableDeclaration(5)}).tables["b.t"].rows == 5


EVENTS = Table("public", "events", "p", (integer("id", identity=True), moment("at", 2)),
               partition_key="RANGE (at)", partition_columns=("at",))  # fmt: skip


def partition(name, bound, parent="public.events", made_of=EVENTS):
    return Table("public", name, "r", made_of.columns, parents=(parent,), partition_bound=bound)


YEARS = (
    EVENTS,
    partition("e24", "FOR VALUES FROM ('2024-01-01 00:00:00+00') TO ('2025-01-01 00:00:00+00')"),
    partition("e25", "FOR VALUES FROM ('2025-01-01 00:00:00+00') TO ('2026-01-01 00:00:00+00')"),
    partition("rest", "DEFAULT"),
)


def test_partitions_share_their_parents_rows_and_the_default_one_stays_empty():
    tables = declared(catalog(*YEARS), {"events": TableDeclaration(101)}).tables
    assert [tables[f"public.{name}"].rows for name in ("e24", "e25", "rest")] == [51, 50, 0]
    assert (tables["public.events"].rows, tables["public.events"].pages) == (101, 0)


def test_a_declared_partition_keeps_its_rows_and_the_others_share_the_rest():
    sizes = {"events": TableDeclaration(100), "e24": TableDeclaration(80)}
    tables = declared(catalog(*YEARS), sizes).tables
    assert [tables[f"public.{name}"].rows for name in ("e24", "e25", "rest")] == [80, 20, 0]


def test_partitions_with_more_rows_than_their_parent_are_a_mistake():
    sizes = {"events": TableDeclaration(100), "e24": TableDeclaration(800)}
    with pytest.raises(ConfigurationError, match=r"public\.events: 100 rows declared"):
        declared(catalog(*YEARS), sizes)


def test_a_partitions_key_lies_within_its_bounds_and_its_numbers_follow_the_earlier_ones():
    tables = declared(catalog(*YEARS), {"events": TableDeclaration(2_000)}).tables
    late = tables["public.e25"].columns
    assert late["at"].histogram_bounds[0] == "2025-01-01 00:00:00+00"
    assert late["at"].histogram_bounds[-1] == "2025-12-31 23:59:59.999999+00"
    assert (late["id"].histogram_bounds[0], late["id"].histogram_bounds[-1]) == ("1001", "2000")


def test_a_partitioned_tables_histogram_has_equally_many_rows_between_its_bounds():
    sizes = {"e24": TableDeclaration(9_000), "e25": TableDeclaration(1_000)}
    bounds = declared(catalog(*YEARS), sizes).tables["public.events"].inherited["at"]
    assert sum(bound < "2025" for bound in bounds.histogram_bounds) == 91


def test_list_partitions_hold_their_values_and_the_parent_all_of_them():
    parent = Table("public", "stock", "p", (text("region", 1),), partition_key="LIST (region)",
                   partition_columns=("region",))  # fmt: skip
    schema = catalog(
        parent,
        partition("eu", "FOR VALUES IN ('de', 'fr')", "public.stock", parent),
        partition("us", "FOR VALUES IN ('us')", "public.stock", parent),
    )
    sizes = {"eu": TableDeclaration(100), "us": TableDeclaration(300)}
    tables = declared(schema, sizes).tables
    assert tables["public.eu"].columns["region"].most_common_values == ("de", "fr")
    assert dict(
        zip(
            tables["public.stock"].inherited["region"].most_common_values,
            tables["public.stock"].inherited["region"].most_common_freqs,
            strict=True,
        )
    ) == {"us": 0.75, "de": 0.125, "fr": 0.125}


def test_a_partial_index_holds_what_its_predicate_keeps():
    index = Index("open", "public", "public.orders", "btree", ("created_at",),
                  predicate="status = 'open'::order_status", attributes=("created_at",),
                  key_types=("timestamptz",), opclasses=("timestamptz_ops",))  # fmt: skip
    schema = catalog(CUSTOMERS, ORDERS, indexes=(index,))
    sizes = {"orders": TableDeclaration(1_000_000, {"status": ColumnDeclaration({"open": 0.02})})}
    found = declared(schema, sizes).tables["public.orders"].indexes["open"]
    assert found.tuples == 20_000
    assert (found.pages, found.height) == (57, 1)


def index_on(table, *keys, **facts):
    facts = {"unique": False, "primary": False, **facts}
    return msgspec.structs.replace(primary_key(table, *keys), name=f"{table}_idx", **facts)


def distinct_of_email(*indexes, kind="text", **declarations):
    email = msgspec.structs.replace(text("email"), base_type=kind)
    users = Table("public", "users", "r", (integer("id", identity=True), email, text("name", 3)))
    sizes = {"users": TableDeclaration(2_000_000, declarations)}
    return declared(catalog(users, indexes=indexes), sizes).tables["public.users"].columns["email"]


@pytest.mark.parametrize("facts", [{}, {"method": "hash"}, {"predicate": "(name IS NULL)"}])
def test_a_column_with_an_index_of_its_own_leads_to_few_rows(facts):
    assert distinct_of_email(index_on("users", "email", **facts)).n_distinct == 200_000


@pytest.mark.parametrize(
    ("indexes", "kind"),
    [
        ((), "text"),
        ((index_on("users", "email", "name"),), "text"),  # the name may tell the rows apart
        ((index_on("users", "email", method="gin"),), "text"),
        ((index_on("users", "lower(email)"),), "text"),
        ((index_on("users", "email"),), "int2"),
    ],
)
def test_how_many_values_a_column_has_is_unknown_where_no_index_says_so(indexes, kind):
    assert distinct_of_email(*indexes, kind=kind).n_distinct == 0


def test_declared_values_or_distinct_say_more_than_an_index():
    email = index_on("users", "email")
    assert distinct_of_email(email, email=ColumnDeclaration(distinct=17)).n_distinct == 17
    some = ColumnDeclaration({"none": 0.5})
    assert distinct_of_email(email, email=some).n_distinct == 0
