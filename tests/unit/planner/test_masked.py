from pytest_planguard.model.catalog import Catalog, Server, Table
from pytest_planguard.model.plan import PlanNode, SampleKind
from pytest_planguard.model.statistics import (
    ColumnStatistics,
    ExtendedNumbers,
    ExtendedStatistics,
    IndexStatistics,
    ScaleSource,
    Statistics,
    TableStatistics,
    ValuePolicy,
)
from pytest_planguard.planner.masked import Masked

MASKED = ColumnStatistics(masked=True)


def reasons(condition, sample=SampleKind.CAPTURED, policy=ValuePolicy.MASKED, **facts):
    tables = {
        "public.users": Table("public", "users", "p", ()),
        "public.users_1": Table(
            "public", "users_1", "r", (), parents=("public.users",), partition_bound="DEFAULT"
        ),
    }
    catalog = Catalog(Server(180006, "18.6"), tables, {})
    statistics = Statistics(
        {
            "public.users": TableStatistics(
                9, 0, inherited={"email": MASKED, "id": ColumnStatistics()}
            ),
            "public.users_1": TableStatistics(9, 1, columns={"name": MASKED}, **facts),
        },
        "2026-01-01",
        ScaleSource.PRODUCTION,
        values=policy,
    )
    node = PlanNode(
        node_type="Seq Scan", relation_name="users_1", schema="public", alias="u", filter=condition
    )
    masked = Masked(statistics, catalog)
    return masked.reasons(masked.constants(node), sample)


def test_literals_on_masked_columns_are_named_by_the_root_of_partitions():
    assert reasons("(u.email = 'x'::text)") == (
        "the literal on public.users.email meets masked statistics",
    )
    assert reasons("((u.email = 'x'::text) AND (u.name ~~ 'a%'::text))") == (
        "the literals on public.users.email, public.users.name meet masked statistics",
    )


def test_other_columns_and_nulls_are_exact():
    assert reasons("((u.id = 4) AND (u.email IS NULL) AND (u.email = $1))") == ()


def test_a_value_that_is_looked_up_as_captured_counts_but_for_plans_without_values():
    text = "(u.name @> $1)"
    assert reasons(text) == ("the value on public.users.name meets masked statistics",)
    assert reasons(text, SampleKind.GENERIC) == ()
    assert reasons("(u.name @> 'x'::text)", SampleKind.GENERIC) != ()


def test_expressions_count_where_there_are_masked_statistics_of_expressions():
    text = "(lower(u.email) = 'x'::text)"
    assert reasons(text) == ()
    index = IndexStatistics(1, 1, expressions={"lower": MASKED})
    found = ("the literal on public.users.email meets masked statistics",)
    assert reasons(text, indexes={"i": index}) == found
    item = ExtendedStatistics("", (), own=ExtendedNumbers(expressions={"lower(email)": MASKED}))
    assert reasons(text, extended={"public.s": item}) == found


def test_statistics_without_values_are_called_so():
    assert reasons("(u.email = 'x'::text)", policy=ValuePolicy.NONE) == (
        "the literal on public.users.email meets statistics without values",
    )
