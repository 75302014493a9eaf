from __future__ import annotations

import pytest

from pytest_planguard.errors import SchemaError
from pytest_planguard.sql.script import StatementUse, split_script


def texts(script: str) -> list[tuple[int, str]]:
    return [(one.line, one.text) for one in split_script(script)]


def test_a_semicolon_within_quotes_comments_or_bodies_ends_nothing():
    script = (
        "SELECT 'a;b', E'\\';', \"c;d\"; /* ; /* ; */ ; */\n"
        "-- ;\n"
        "CREATE FUNCTION f() RETURNS int AS $é$ ; $$ ; $é$ LANGUAGE sql;\n"
        "CREATE FUNCTION g() RETURNS int BEGIN ATOMIC SELECT 1; SELECT 2; END;\n"
    )
    assert [line for line, _ in texts(script)] == [1, 3, 4]


def test_lines_are_right_after_letters_of_several_bytes():
    assert texts("SELECT 'ü€😀';\n-- é\n\nSELECT 2;\n") == [(1, "SELECT 'ü€😀'"), (4, "SELECT 2")]


def test_rows_of_copy_are_left_out_whatever_they_hold():
    script = "COPY t (a) FROM stdin;\n1;\tit's\n\\N\n\\.\n\nSELECT 2;"
    found = split_script(script)
    assert [(one.line, one.use) for one in found] == [
        (1, StatementUse.ROWS),
        (6, StatementUse.SCHEMA),
    ]


def test_what_pg_dump_writes_for_psql_is_passed_over():
    assert texts("\\restrict x'y\nSELECT 1;\n\\unrestrict x'y\n") == [(2, "SELECT 1")]


def test_a_command_of_psql_that_decides_what_follows_is_refused_at_its_line():
    with pytest.raises(SchemaError, match=r"^2: the psql command \\connect is not understood"):
        split_script("SELECT 1;\n\\connect other\n")


def test_a_backslash_within_a_string_is_no_command():
    assert texts("SELECT '\n\\connect other';") == [(1, "SELECT '\n\\connect other'")]


def test_a_quote_that_never_ends_is_left_to_the_server_to_complain_of():
    assert texts("SELECT 1;\n\nSELECT 'abc") == [(1, "SELECT 1"), (3, "SELECT 'abc")]


def test_a_bracket_that_never_closes_loses_no_statement():
    assert texts("SELECT 1;\nCREATE TABLE a (b int;\nSELECT 2;") == [
        (1, "SELECT 1"),
        (2, "CREATE TABLE a (b int;\nSELECT 2;"),
    ]


def test_bodies_stay_whole_where_the_parser_gives_up():
    body = "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; END"
    rule = "CREATE RULE r AS ON DELETE TO t DO (SELECT 1; SELECT 2)"
    assert texts(f"SELEC 1;\n{body};\n{rule};\nSELECT 2") == [
        (1, "SELEC 1"),
        (2, body),
        (3, rule),
        (4, "SELECT 2"),
    ]


def test_what_this_parser_does_not_know_is_left_to_the_server():
    assert texts("SELECT 1;\nNEW SYNTAX (a);\nSELECT 2") == [
        (1, "SELECT 1"),
        (2, "NEW SYNTAX (a)"),
        (3, "SELECT 2"),
    ]


@pytest.mark.parametrize(
    ("text", "use"),
    [
        ("WITH x AS (SELECT 1) INSERT INTO t SELECT * FROM x", StatementUse.ROWS),
        ("UPDATE t SET a = 1", StatementUse.ROWS),
        ("ALTER TABLE t OWNER TO app", StatementUse.RIGHTS),
        ("GRANT SELECT ON t TO app", StatementUse.RIGHTS),
        ("COMMENT ON TABLE t IS 'x'", StatementUse.RIGHTS),
        ("SET ROLE app", StatementUse.RIGHTS),
        ("CREATE ROLE app", StatementUse.SERVER),
        ("ALTER DATABASE shop SET work_mem = 1", StatementUse.SERVER),
        ("ALTER TABLE t ADD COLUMN a int", StatementUse.SCHEMA),
        ("CREATE TABLE t AS SELECT 1", StatementUse.SCHEMA),
        ("SELECT set_config('search_path', '', false)", StatementUse.SCHEMA),
    ],
)
def test_what_a_statement_is_for(text: str, use: StatementUse):
    assert split_script(text)[0].use == use


def test_extensions_and_icu_collations_are_found():
    first, second, third = split_script(
        'CREATE EXTENSION IF NOT EXISTS "uuid-ossp" WITH SCHEMA x;'
        "CREATE COLLATION de (provider = icu, locale = 'de');"
        'CREATE TABLE t (a text COLLATE "de-x-icu")'
    )
    assert (first.use, first.extension, first.extension_schema) == (
        StatementUse.EXTENSION,
        "uuid-ossp",
        "x",
    )
    assert second.icu
    assert third.icu
