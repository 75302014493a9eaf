from pytest_planguard.fixturedb.inflate.extended import sides
from pytest_planguard.fixturedb.inflate.statistics import rows_to_write
from pytest_planguard.model.catalog import Catalog, Column, Index, Server, Table
from pytest_planguard.model.statistics import (
    ColumnStatistics,
    ExtendedNumbers,
    ExtendedStatistics,
    IndexStatistics,
    ScaleSource,
    Statistics,
    TableStatistics,
)

COLUMN = Column("id", "bigint", 1, base_type="int8", length=8)
CATALOG = Catalog(
    Server(180006, "18.6"),
    {
        "public.t": Table("public", "t", "r", (COLUMN,)),
        "public.p": Table("public", "p", "p", (COLUMN,)),
    },
    {},
)


def rows(tables, version=180006):
    statistics = Statistics(tables, "2026-01-01", ScaleSource.DECLARED)
    return rows_to_write(CATALOG, statistics, version)


def table(**facts):
    return TableStatistics(10, 1, ScaleSource.DECLARED, **facts)


def test_what_the_database_does_not_have_is_named_and_not_sent():
    found = rows(
        {
            "public.gone": table(),
            "public.t": table(
                columns={"id": ColumnStatistics(), "old": ColumnStatistics()},
                indexes={"t_idx": IndexStatistics(5, 10)},
            ),
        }
    )
    assert found.lacking == (
        "statistics of public.gone were not used: the schema has no such table",
        "statistics of public.t.old were not used: no such column",
        "statistics of the index t_idx were not used: it is not there",
    )
    assert [row.relation for row in found.relations] == ["t"]


def test_a_partitioned_table_has_inherited_columns_and_no_pages_of_its_own():
    found = rows({"public.p": table(inherited={"id": ColumnStatistics(n_distinct=-1)})})
    assert [(row.pages, row.tuples) for row in found.relations] == [(-1, 10)]
    assert [(row.attribute, row.inherited) for row in found.attributes] == [("id", True)]
    assert rows({"public.p": table()}, version=130000).relations == ()


def test_empty_lists_are_not_sent():
    (row,) = rows({"public.t": table(columns={"id": ColumnStatistics()})}).attributes
    assert row.most_common_vals is None
    assert row.histogram_bounds is None


def test_an_expression_an_index_does_not_have_is_named():
    index = Index("t_lower", "public", "public.t", "btree", ("lower(x)",), attributes=("lower",))
    catalog = Catalog(CATALOG.server, CATALOG.tables, {"public.t_lower": index})
    facts = table(
        indexes={"t_lower": IndexStatistics(
            5, 10, expressions={"lower": ColumnStatistics(), "upper": ColumnStatistics()}
        )}
    )  # fmt: skip
    statistics = Statistics({"public.t": facts}, "2026-01-01", ScaleSource.DECLARED)
    found = rows_to_write(catalog, statistics, 180006)
    assert [row.attribute for row in found.attributes] == ["lower"]
    assert found.lacking == (
        "statistics of upper in the index t_lower were not used: it has no such expression",
    )


def test_a_table_never_analysed_is_said_to_be_so_in_the_servers_own_words():
    never = {"public.t": TableStatistics(-1, 0, ScaleSource.PRODUCTION, file_pages=9)}
    assert rows(never).relations[0].tuples == -1
    assert rows(never, version=130000).relations[0].tuples == 0
    of_13 = Statistics(
        {"public.t": TableStatistics(0, 0, ScaleSource.PRODUCTION, file_pages=9)},
        "2026-01-01",
        ScaleSource.PRODUCTION,
        server_version=130000,
    )
    assert rows_to_write(CATALOG, of_13, 180006).relations[0].tuples == -1


def test_before_15_an_object_has_one_row_of_the_partitions_or_of_the_tables_own_rows():
    own, inherited = ExtendedNumbers(ndistinct={"a, b": 1.0}), ExtendedNumbers()
    both = ExtendedStatistics("", ("a", "b"), own, inherited)
    assert sides(both, "r", 140_000) == [(False, own)]
    assert sides(both, "p", 140_000) == [(False, inherited)]
    assert sides(both, "r", 150_000) == [(False, own), (True, inherited)]
    assert sides(ExtendedStatistics("", (), None, inherited), "r", 130_000) == []
