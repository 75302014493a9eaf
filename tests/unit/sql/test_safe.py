"""Recipes: whatever a statement says is in its recipe, or there is none."""

from __future__ import annotations

import msgspec
import pytest

from pytest_planguard.model.catalog import Catalog, Column, Constraint, Index, Server, Table
from pytest_planguard.model.migration import Tool
from pytest_planguard.sql.safe import recipe, written

ID = Column("id", "bigint", 1, not_null=True)
CODE = Column("code", "text", 2, not_null=True, default="'new'::text")
SERIAL = Column("serial", "integer", 3, default="nextval('serial_seq'::regclass)")
REFERRED = Column("referred", "integer", 4)
PARENT = Column("parent", "bigint", 5)
CONSTRAINTS = (
    Constraint("orders_pkey", "p", ("id",), "PRIMARY KEY (id)"),
    Constraint("orders_check", "c", ("id", "code"), "CHECK ((id > length(code)))"),
    Constraint("orders_fk", "f", ("parent",),
               "FOREIGN KEY (parent) REFERENCES parents(id) ON DELETE SET NULL (parent)",
               "public.parents", ("id",)),
)  # fmt: skip
ORDERS = Table("public", "orders", "r", (ID, CODE, SERIAL, REFERRED, PARENT), CONSTRAINTS)
LINES = Table("public", "lines", "r", (ID,), (
    Constraint("f", "f", ("id",), "FOREIGN KEY (id) REFERENCES orders(referred)",
               "public.orders", ("referred",)),
))  # fmt: skip
CATALOG = Catalog(Server(160004, "16.4"), {"public.orders": ORDERS, "public.lines": LINES}, {})


def of(text: str, catalog: Catalog = CATALOG) -> str:
    found = recipe(text, catalog, 16)
    return written(found, Tool.SQL) if found is not None else ""


@pytest.mark.parametrize(
    "text",
    [
        "ALTER TABLE orders ADD COLUMN IF NOT EXISTS a int DEFAULT random()",
        "ALTER TABLE orders ADD COLUMN a bigint DEFAULT 1 REFERENCES parents DEFERRABLE",
        "ALTER TABLE orders ADD COLUMN a int UNIQUE WITH (fillfactor = 70)",
        "ALTER TABLE orders ADD COLUMN a int NOT NULL",
        "ALTER TABLE orders ADD UNIQUE (code) WITH (fillfactor = 70)",
        "ALTER TABLE orders ADD UNIQUE (code) USING INDEX TABLESPACE fast",
        "ALTER TABLE orders ADD CHECK (id > 0) NOT VALID",
        "ALTER TABLE orders ALTER id TYPE numeric",
        "ALTER TABLE orders ALTER serial TYPE bigint",
        "ALTER TABLE orders ALTER referred TYPE bigint",
        "ALTER TABLE orders ALTER parent TYPE int",
        "ALTER TABLE unknown ALTER a TYPE int",
    ],
)  # fmt: skip
def test_there_is_no_recipe_that_would_lose_a_part(text):
    assert of(text) == ""


def test_a_new_columns_constraints_are_all_added():
    text = of(
        'ALTER TABLE orders ADD COLUMN a text COLLATE "C" DEFAULT random() UNIQUE '
        "CHECK (a > 'b') CHECK (a < 'z') REFERENCES parents (code) ON DELETE CASCADE"
    )
    assert 'ADD COLUMN a text COLLATE "C";' in text
    assert "CREATE UNIQUE INDEX CONCURRENTLY orders_a_key ON orders (a);" in text
    assert "ADD CONSTRAINT orders_a_check CHECK (a > 'b') NOT VALID;" in text
    assert "ADD CONSTRAINT orders_a_check1 CHECK (a < 'z') NOT VALID;" in text
    assert "FOREIGN KEY (a) REFERENCES parents (code) ON DELETE CASCADE NOT VALID;" in text


def test_checks_without_a_name_get_names_that_are_free():
    text = of("ALTER TABLE orders ADD CHECK (id > length(code)), ADD CHECK (id < length(code))")
    assert "ADD CONSTRAINT orders_check1 " in text
    assert "ADD CONSTRAINT orders_check2 " in text


def test_a_unique_constraint_keeps_all_it_says():
    text = of(
        "ALTER TABLE orders ADD UNIQUE NULLS NOT DISTINCT (code) INCLUDE (id) "
        "DEFERRABLE INITIALLY DEFERRED"
    )
    assert "ON orders (code) INCLUDE (id) NULLS NOT DISTINCT;" in text
    assert "UNIQUE USING INDEX orders_code_key DEFERRABLE INITIALLY DEFERRED;" in text


def test_what_stands_on_a_column_goes_with_its_new_type():
    definition = "CREATE INDEX i ON public.orders USING btree (id) WHERE (code <> 'code'::text)"
    index = Index("i", "public", "public.orders", "btree", ("id",), definition=definition)
    catalog = msgspec.structs.replace(CATALOG, indexes={"public.i": index})
    text = of('ALTER TABLE orders ALTER code TYPE varchar(9) COLLATE "C"', catalog)
    assert 'ADD COLUMN code_new varchar(9) COLLATE "C";' in text
    assert "ALTER COLUMN code_new SET DEFAULT 'new'::text;" in text
    assert "ALTER COLUMN code_new SET NOT NULL;" in text
    assert "CONCURRENTLY i_new ON public.orders USING btree (id) WHERE (code_new <> 'code'" in text
    assert "ADD CONSTRAINT orders_check_new CHECK ((id > length(code_new))) NOT VALID;" in text


def test_only_a_table_without_others_below_it_has_a_recipe():
    child = msgspec.structs.replace(ORDERS, name="child", parents=("public.orders",))
    tables = {**CATALOG.tables, "public.child": child}
    inherited = msgspec.structs.replace(CATALOG, tables=tables)
    text = "ALTER TABLE ONLY orders ADD UNIQUE (code)"
    assert of(text) != ""
    assert of(text, inherited) == ""


def test_a_percent_sign_is_doubled_where_django_would_take_it_for_a_parameter():
    key = msgspec.structs.replace(ID, base_type="int8")
    tables = {"public.orders": msgspec.structs.replace(ORDERS, columns=(key, CODE))}
    catalog = msgspec.structs.replace(CATALOG, tables=tables)
    found = recipe("UPDATE orders SET code = 'x' WHERE id % 7 = 0", catalog, 16)
    assert found is not None
    assert "id %% 7 = 0" in written(found, Tool.DJANGO)
    assert "id % 7 = 0" in written(found, Tool.SQL)
