"""What is read of blocks and functions before they run."""

from __future__ import annotations

import pytest

from pytest_planguard.sql.blocks import Function, Inner, Loop, inner_statements, may_write


def block(body: str, declared: str = "") -> str:
    return f"DO $$ DECLARE {declared} BEGIN {body} END $$"


def texts(text: str, *functions: Function) -> list[str]:
    return [one.sql for one in inner_statements(text, {one.name: one for one in functions})]


def test_variables_and_fields_of_records_are_parameters():
    found = texts(
        block(
            "UPDATE t SET a = n, n = 1 WHERE b = r.b AND c = kind;",
            "n int8; r record; kind text;",
        )
    )
    assert found == [
        "UPDATE t SET a = CAST($1 AS int8), n = 1 WHERE b = $2 AND c = CAST($3 AS text)"
    ]


def test_a_name_the_statement_uses_itself_is_no_variable():
    found = texts(block("DELETE FROM orders o WHERE o.id = 1;", "o record;"))
    assert found == ["DELETE FROM orders AS o WHERE o.id = 1"]


def test_a_loop_over_rows_is_known_by_its_query():
    (one,) = inner_statements(
        block("FOR r IN SELECT id FROM t LOOP DELETE FROM t WHERE id = r.id; END LOOP;",
              "r record;"), {},
    )  # fmt: skip
    assert one == Inner("DELETE FROM t WHERE id = $1", (Loop("SELECT id FROM t"),))


@pytest.mark.parametrize(
    ("loop", "known"),
    [
        ("FOR i IN 1..10 LOOP {} END LOOP;", Loop(rounds=10.0)),
        ("FOR i IN REVERSE 10..1 LOOP {} END LOOP;", Loop(rounds=10.0)),
        ("FOR i IN 1..10 BY 5 LOOP {} END LOOP;", Loop(rounds=2.0)),
        ("FOR i IN REVERSE 10..1 BY 4 LOOP {} END LOOP;", Loop(rounds=3.0)),
        ("FOR i IN 5..1 LOOP {} END LOOP;", Loop(rounds=0.0)),
        ("FOR i IN 1..10 BY n LOOP {} END LOOP;", Loop()),
        ("FOR i IN 1..n LOOP {} END LOOP;", Loop()),
        ("WHILE n < 9 LOOP {} END LOOP;", Loop()),
        ("LOOP {} EXIT WHEN NOT FOUND; IF n > 1 THEN COMMIT; END IF; END LOOP;",
         Loop(commits=True)),
    ],
)  # fmt: skip
def test_of_other_loops_the_rounds_are_known_where_they_are_written(loop, known):
    body = loop.format("DELETE FROM t WHERE id = 1;")
    assert inner_statements(block(body, "n int;"), {}) == (
        Inner("DELETE FROM t WHERE id = 1", (known,)),
    )


def test_of_what_is_executed_a_plain_string_is_read_and_the_rest_is_told():
    found = texts(block("EXECUTE 'DELETE FROM t'; EXECUTE format('DELETE FROM %I', n);", "n text;"))
    assert found == ["DELETE FROM t", ""]


def test_functions_are_read_through_each_other_and_once():
    outer = Function(
        "outer_one", "plpgsql",
        "CREATE FUNCTION outer_one() RETURNS void LANGUAGE plpgsql AS $$"
        " BEGIN PERFORM inner_one(id) FROM t; PERFORM outer_one(); END $$", "",
    )  # fmt: skip
    inner = Function("inner_one", "sql", "", "UPDATE t SET a = b WHERE id = $1", ("which", "b"))
    found = inner_statements("SELECT outer_one()", {one.name: one for one in (outer, inner)})
    assert found == (
        Inner("SELECT inner_one(id) FROM t"),
        Inner("UPDATE t SET a = $2 WHERE id = $1", (Loop("SELECT inner_one(id) FROM t"),)),
        Inner("SELECT outer_one()"),
    )


@pytest.mark.parametrize(
    "body",
    [
        "n := purge();",
        "n = purge();",
        "IF purge() > n THEN NULL; END IF;",
        "IF EXISTS (SELECT purge()) THEN NULL; END IF;",
        "RAISE NOTICE '% rows', purge();",
    ],
)
def test_functions_that_expressions_call_are_read_and_the_expressions_are_not(body):
    purge = Function("purge", "sql", "", "DELETE FROM t WHERE id < 9; SELECT 1")
    found = inner_statements(block(body, "n int;"), {"purge": purge})
    assert [one.sql for one in found] == ["DELETE FROM t WHERE id < 9", "SELECT 1"]
    assert may_write(block(body, "n int;"))


def test_what_a_variable_begins_with_is_read():
    purge = Function("purge", "sql", "", "DELETE FROM t")
    found = inner_statements(block("NULL;", "n int := purge();"), {"purge": purge})
    assert [one.sql for one in found] == ["DELETE FROM t"]


def test_a_procedure_is_read_and_one_of_another_language_is_told():
    body = "CREATE PROCEDURE p() LANGUAGE plpgsql AS $$ BEGIN DELETE FROM t; END $$"
    assert texts("CALL p()", Function("p", "plpgsql", body, "")) == ["DELETE FROM t"]
    assert texts("CALL p()", Function("p", "plpython3u", "", "plpy.execute(…)")) == [""]


def test_a_block_of_another_language_and_a_text_the_parser_rejects_are_no_crash():
    assert texts("DO LANGUAGE plperl $$ spi_exec_query('DELETE FROM t') $$") == [""]
    assert texts("DO $$ BEGIN") == []
    assert texts("SELECT 1 FROM t") == []


@pytest.mark.parametrize(
    ("body", "may"),
    [
        ("IF NOT EXISTS (SELECT FROM t) THEN ALTER TABLE t ADD a int; END IF;", False),
        ("CREATE TYPE kind AS ENUM ('a'); EXCEPTION WHEN duplicate_object THEN NULL;", False),
        ("IF NOT EXISTS (SELECT FROM t) THEN INSERT INTO t VALUES (1); END IF;", True),
        ("PERFORM backfill();", True),
        ("WITH gone AS (DELETE FROM t RETURNING 1) SELECT 1;", True),
        ("EXECUTE format('DELETE FROM %I', 't');", True),
        ("IF EXISTS (SELECT purge()) THEN NULL; END IF;", True),
    ],
)
def test_a_block_that_only_makes_schema_needs_no_plan(body, may):
    assert may_write(block(body)) is may
