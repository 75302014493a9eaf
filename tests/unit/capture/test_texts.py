from __future__ import annotations

import pytest

from pytest_planguard.capture.texts import (
    Kind,
    changes_schema,
    dropped_database,
    drops_objects,
    is_stream,
    kind_of,
)


@pytest.mark.parametrize(
    "text",
    [
        "SELECT 1",
        "  (select 1) union select 2",
        "-- who asks\n/* and why */ WITH a AS (SELECT 1) SELECT * FROM a",
        "insert into t values ('create table x; drop table y')",
        "DECLARE c CURSOR FOR SELECT 1",
        "BEGIN; SELECT 1",
        "PREPARE p AS SELECT 1",
        "DO $$ BEGIN END $$",
    ],
)
def test_a_query_is_kept(text: str) -> None:
    assert kind_of(text.encode()) is Kind.QUERY


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-- nothing",
        "begin",
        "COMMIT;",
        "PREPARE TRANSACTION 'a'",
        "ROLLBACK TO SAVEPOINT a",
        "set search_path = a",
        "SHOW all",
        "DISCARD ALL",
        "LISTEN a",
        "DEALLOCATE p",
        "FETCH FORWARD 100 FROM c",
        "close c",
        "EXPLAIN SELECT 1",
    ],
)
def test_what_cannot_be_planned_is_no_query(text: str) -> None:
    assert kind_of(text.encode()) is Kind.CONTROL


@pytest.mark.parametrize(
    "text", ["CREATE TABLE t ()", "alter table t add a int", "SET x = 1; CREATE TABLE t ()"]
)
def test_a_schema_change_is_apart(text: str) -> None:
    assert kind_of(text.encode()) is Kind.DDL
    assert changes_schema(text.encode(), Kind.DDL)


@pytest.mark.parametrize(
    "text",
    [
        "CREATE TEMP TABLE t ()",
        "create local temporary table t ()",
        "TRUNCATE t",
        "GRANT SELECT ON t TO a",
        "CREATE DATABASE d",
    ],
)
def test_ddl_without_effect_on_plans_makes_no_schema_dirty(text: str) -> None:
    assert kind_of(text.encode()) is Kind.DDL
    assert not changes_schema(text.encode(), Kind.DDL)


def test_words_inside_of_values_make_no_schema_dirty() -> None:
    assert not changes_schema(b"INSERT INTO t VALUES ('create table')", Kind.QUERY)
    assert not changes_schema(b"INSERT INTO t VALUES ('Hello; we create things')", Kind.QUERY)
    assert not changes_schema(b"SELECT 1; SELECT 2 -- and create nothing", Kind.QUERY)
    assert changes_schema(b"INSERT INTO t VALUES ('a'); CREATE INDEX ON t (a)", Kind.QUERY)
    assert changes_schema(b"SELECT 1; DO $$ BEGIN CREATE TABLE t (); END $$", Kind.QUERY)
    assert kind_of(b"SET a.b = 'x; create y'") is Kind.CONTROL
    assert kind_of(b"SET a.b = 'x'; CREATE TABLE y ()") is Kind.DDL
    assert changes_schema(b"DO $$ BEGIN CREATE TABLE t (); END $$", Kind.QUERY)


def test_dropping_is_seen_before_it_happens() -> None:
    assert drops_objects(b"/* x */ DROP TABLE IF EXISTS a")
    assert not drops_objects(b"ALTER TABLE a DROP COLUMN b")
    assert dropped_database(b'drop database "a""b" with (force)') == 'a"b'
    assert dropped_database(b"DROP DATABASE Test_Shop;") == "test_shop"
    assert dropped_database(b"DROP TABLE a") is None


def test_cursors_and_copies_are_streams() -> None:
    assert is_stream(b"copy t to stdout")
    assert is_stream(b"DECLARE c CURSOR FOR SELECT 1")
    assert not is_stream(b"SELECT 1")
