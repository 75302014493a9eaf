"""Whose statements do not fit the other side of a migration."""

from __future__ import annotations

import pytest

from pytest_planguard.migrations.releases import Said, broken, inserts_that_fail, known, unread
from pytest_planguard.model.baseline import Entry
from pytest_planguard.model.catalog import Catalog, Column, Server, Table
from pytest_planguard.model.migrating import Release
from pytest_planguard.planner.wire import Refused


def catalog(*columns: Column, table: str = "orders") -> Catalog:
    made = Table("public", table, "r", columns)
    return Catalog(Server(180006, "18.6"), {made.qualified: made}, {})


ID = Column("id", "bigint", 1, not_null=True)
TOTAL = Column("total", "integer", 2)
BEFORE = catalog(ID, TOTAL)
ASKED = Said("SELECT total FROM orders", "app.py f")
GONE = Refused('column "total" does not exist', "42703")


def of(own, other, after=None):
    return broken(Release.PREVIOUS, [ASKED], [own], [other], (BEFORE, after or catalog(ID)))


def test_what_the_other_schema_refuses_is_broken_by_the_column_it_lacks():
    (found,) = of(None, GONE)
    assert (found.relation, found.message) == ("public.orders", "there is no column total")


def test_a_table_that_is_gone_is_named():
    refused = Refused('relation "orders" does not exist', "42P01")
    (found,) = of(None, refused, catalog(table="purchases"))
    assert found.message == "there is no table orders"


def test_a_refusal_for_another_reason_keeps_the_servers_words():
    (found,) = of(None, Refused("operator does not exist: text = bigint", "42883"), BEFORE)
    assert (found.relation, found.message) == (None, "operator does not exist: text = bigint")


@pytest.mark.parametrize(("own", "other"), [(None, None), (GONE, GONE), (GONE, None)])
def test_what_was_refused_before_or_is_taken_after_says_nothing(own, other):
    assert of(own, other) == []


INSERT = [Said("INSERT INTO orders (id) VALUES ($1)", "app.py g")]
WANTED = Column("total", "integer", 2, not_null=True)


def test_an_insert_that_leaves_out_a_column_which_may_not_be_null_any_more_fails():
    (found,) = inserts_that_fail(INSERT, BEFORE, catalog(ID, WANTED))
    assert "leaves out total" in found.message


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (BEFORE, catalog(ID, Column("total", "integer", 2, not_null=True, default="0"))),
        (catalog(ID, WANTED), catalog(ID, WANTED)),
        (BEFORE, BEFORE),
        (BEFORE, catalog(ID, Column("n", "bigint", 3, not_null=True, identity=True))),
    ],
)
def test_a_column_that_is_filled_or_was_wanted_before_breaks_nothing(before, after):
    assert inserts_that_fail(INSERT, before, after) == []


def test_an_insert_without_a_list_gives_its_values_to_the_first_columns():
    said = [Said("INSERT INTO orders VALUES ($1)", "app.py h")]
    assert len(inserts_that_fail(said, BEFORE, catalog(ID, WANTED))) == 1
    said = [Said("INSERT INTO orders VALUES ($1, $2)", "app.py h")]
    assert inserts_that_fail(said, BEFORE, catalog(ID, WANTED)) == []


def entry(sql, *types):
    return Entry("k", "default", sql, types, (), (), ())


@pytest.mark.parametrize(
    ("sql", "types", "oids"),
    [
        ("SELECT 1 FROM orders WHERE id = $1 AND at < $2", ("integer", "timestamptz"), (23, 1184)),
        ("SELECT 1 FROM orders WHERE note = $1", ("text",), (0,)),
        ("SELECT 1 FROM orders WHERE id = $1 AND total = $2", ("integer",), ()),
    ],
)
def test_a_known_statement_has_its_types_where_no_constant_became_a_parameter(sql, types, oids):
    assert known(entry(sql, *types)).oids == oids


def test_an_insert_of_the_baseline_is_read_though_it_has_a_list():
    sql = "INSERT INTO orders (id) SELECT id FROM other WHERE id IN ($1, ...5)"
    (found,) = inserts_that_fail([Said(sql, "app.py g")], BEFORE, catalog(ID, WANTED))
    assert "leaves out total" in found.message


def test_what_its_own_schema_refuses_is_counted():
    said = unread(Release.PREVIOUS, [None, GONE, GONE])
    assert said.startswith(
        "2 of the baseline's 3 statements cannot be prepared on the schema before"
    )
    assert 'column "total" does not exist' in said
    assert unread(Release.NEXT, [None]) == ""
