"""Histograms of text in an order that is not the column's here are said; all others are silent."""

from __future__ import annotations

import pytest

from pytest_planguard.fixturedb.inflate.statistics import rows_to_write
from pytest_planguard.model.catalog import Catalog, Column, Index, Server, Table
from pytest_planguard.model.statistics import (
    ColumnStatistics,
    IndexStatistics,
    ScaleSource,
    Statistics,
    TableStatistics,
)

SORTED = ColumnStatistics(histogram_bounds=("B", "a"))


def lacking(
    there: str,
    here: str | None,
    *,
    databases: tuple[str, str] = ("en_US.UTF-8", "en_US.utf8"),
    numbers: ColumnStatistics = SORTED,
    category: str = "S",
    read: bool = True,
) -> tuple[str, ...]:
    """What is said of ``public.t.code``, whose collations are these."""
    column = Column("code", "text", 1, category=category, collation=here)
    facts = TableStatistics(
        10,
        1,
        columns={"code": numbers},
        types={"code": "text"} if read else {},
        collations={"code": there} if there else {},
    )
    catalog = Catalog(
        Server(180006, "18.6", databases[1]), {"public.t": Table("public", "t", "r", (column,))}, {}
    )
    statistics = Statistics(
        {"public.t": facts}, "2026-01-01", ScaleSource.PRODUCTION, collation=databases[0]
    )
    return rows_to_write(catalog, statistics, 180006).lacking


@pytest.mark.parametrize(
    ("there", "here", "said"),
    [
        ('"C"', None, "by C in the statistics and by en_US.utf8 here"),
        ("", "C", "by en_US.UTF-8 in the statistics and by C here"),
        ('"C"', "german", "by C in the statistics and by german here"),
        ('app."My ""own"".order"', "C", 'by My "own".order in the statistics and by C here'),
    ],
)
def test_a_column_in_an_order_of_its_own_is_named(there: str, here: str | None, said: str) -> None:
    (sentence,) = lacking(there, here)
    assert sentence.startswith(f"public.t.code is ordered {said}: ")


@pytest.mark.parametrize(
    ("there", "here"),
    [
        ('"C"', "C"),
        ('pg_catalog."C"', "C"),
        ('"C"', "POSIX"),
        ("ucs_basic", "C"),
        ("app.german", "german"),
        ('"en_US"', "en_US.utf8"),
        ('"en_US.utf8"', None),
        ("", "en_US"),
    ],
)
def test_other_names_of_one_order_are_silent(there: str, here: str | None) -> None:
    assert lacking(there, here) == ()


def test_a_database_that_sorts_as_the_column_does_is_silent() -> None:
    assert lacking('"C"', None, databases=("C", "C.UTF-8"))[1:] == ()
    assert lacking("", "C", databases=("C", "C")) == ()
    assert lacking('"de-x-icu"', None, databases=("de", "de")) == ()


def test_databases_that_differ_are_said_once() -> None:
    (said,) = lacking("", None, databases=("en_US.UTF-8", "C"))
    assert said.startswith("text is ordered by en_US.UTF-8")


def test_what_has_no_order_or_was_not_read_is_silent() -> None:
    assert lacking('"C"', None, numbers=ColumnStatistics(n_distinct=5)) == ()
    assert lacking('"C"', None, category="N") == ()
    assert lacking("", "C", read=False) == ()


@pytest.mark.parametrize(("here", "said"), [("C", 0), (None, 1)])
def test_an_expression_in_an_order_of_its_own_is_named(here: str | None, said: int) -> None:
    index = Index(
        "t_lower", "public", "public.t", "btree", ("lower(code)",),
        collations=(here,), attributes=("lower",),
    )  # fmt: skip
    facts = IndexStatistics(
        5, 10, expressions={"lower": SORTED}, types={"lower": "text"}, collations={"lower": '"C"'}
    )
    catalog = Catalog(
        Server(180006, "18.6", "en_US.utf8"),
        {"public.t": Table("public", "t", "r", ())},
        {"public.t_lower": index},
    )
    table = TableStatistics(10, 1, indexes={"t_lower": facts})
    statistics = Statistics({"public.t": table}, "2026-01-01", ScaleSource.PRODUCTION)
    found = rows_to_write(catalog, statistics, 180006).lacking
    assert len(found) == said
    assert all(one.startswith("lower in the index t_lower is ordered by C") for one in found)
