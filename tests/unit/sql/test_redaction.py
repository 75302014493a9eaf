"""Which values of a statement go, and that the others stay."""

from __future__ import annotations

import pytest

from pytest_planguard.model.redaction import Redaction
from pytest_planguard.sql.redaction import LONGEST_READ, redacted

EMAIL = Redaction(("users.email",))


def written(text: str, *columns: str, values: tuple[str, ...] = ()) -> str:
    redaction = Redaction(columns or EMAIL.columns, values)
    found = redacted(text, redaction, redaction.expressions())
    assert found is not None
    return found.text


def parameters(text: str, *columns: str) -> set[int]:
    found = redacted(text, Redaction(columns or EMAIL.columns))
    assert found is not None
    return set(found.parameters)


HIDDEN = {
    "compared": "SELECT * FROM users WHERE email = $1",
    "compared from the right": "SELECT * FROM users u WHERE $1 = u.email",
    "with its schema": "SELECT * FROM public.users WHERE users.email = $1",
    "quoted": 'SELECT * FROM "users" WHERE "users"."email" = $1',
    "in another case": "SELECT * FROM Users WHERE EMAIL = $1",
    "in a list": "SELECT * FROM users WHERE email IN ('x', $1)",
    "in an array": "SELECT * FROM users WHERE email = ANY($1)",
    "in a range": "SELECT * FROM users WHERE email BETWEEN $1 AND 'x'",
    "in a row": "SELECT * FROM users WHERE (email, name) = ($1, 'x')",
    "through functions": "SELECT * FROM users WHERE lower(email) = lower(trim($1))",
    "beside it": "SELECT * FROM users WHERE coalesce(email, $1) = 'x'",
    "joined to it": "SELECT email || $1 FROM users",
    "as a password is": "SELECT email = crypt($1, email) FROM users",
    "in a join's condition": "SELECT 1 FROM a JOIN users u ON u.id = a.id AND u.email = $1",
    "in one with another table": "SELECT 1 FROM users, orders WHERE email = $1",
    "below a sub-select": "SELECT 1 FROM a WHERE id IN (SELECT id FROM users WHERE email = $1)",
    "out of a sub-select": "SELECT 1 FROM users WHERE email = (SELECT $1::text)",
    "through a derived table": "SELECT 1 FROM (SELECT email AS e FROM users) u WHERE u.e = $1",
    "through a star": "SELECT 1 FROM (SELECT * FROM users) u WHERE u.email = $1",
    "through a CTE": "WITH u AS (SELECT id, email FROM users) SELECT 1 FROM u WHERE email = $1",
    "under a CTE's name": "WITH u(i, e) AS (SELECT id, email FROM users) "
    "SELECT 1 FROM u WHERE e = $1",
    "through derived tables in each other": "SELECT 1 FROM (SELECT * FROM "
    "(SELECT email AS e FROM users) x) u WHERE u.e = $1",
    "in HAVING": "SELECT 1 FROM users GROUP BY email HAVING max(email) > $1",
    "in CASE": "SELECT CASE WHEN email = $1 THEN 'x' END FROM users",
    "inserted": "INSERT INTO users (email) VALUES ($1)",
    "inserted with others": "INSERT INTO users (email, name) VALUES ($1, 'x'), ('y', 'z')",
    "inserted without names": "INSERT INTO users VALUES ($1, 'x')",
    "inserted by a query": "INSERT INTO users (email) SELECT $1",
    "inserted by a query's star": "INSERT INTO users (email) SELECT * FROM unnest($1::text[])",
    "inserted from rows": "INSERT INTO users (email) SELECT v.e FROM (VALUES ($1)) v(e)",
    "on conflict": "INSERT INTO users (name) VALUES ('x') "
    "ON CONFLICT (id) DO UPDATE SET email = $1",
    "updated": "UPDATE users SET email = $1 WHERE id = 5",
    "updated with others": "UPDATE users SET (name, email) = ('x', $1)",
    "updated from rows": "UPDATE users SET email = d.e FROM (VALUES ('x', $1)) d(i, e) "
    "WHERE users.name = d.i",
    "joined by its name": "SELECT 1 FROM users JOIN (VALUES ($1)) v(email) USING (email)",
    "joined naturally": "SELECT 1 FROM users NATURAL JOIN (VALUES ($1)) v(email)",
    "merged": "MERGE INTO users u USING a ON u.id = a.id WHEN MATCHED THEN UPDATE SET email = $1",
    "merged in": "MERGE INTO users u USING a ON u.id = a.id "
    "WHEN NOT MATCHED THEN INSERT (id, email) VALUES (1, $1)",
    "merged from rows": "MERGE INTO users u USING (VALUES ($1)) v(e) ON u.email = v.e "
    "WHEN MATCHED THEN DELETE",
    "deleted": "DELETE FROM users WHERE email = $1 RETURNING id",
    "returned": "UPDATE users SET id = 1 RETURNING email = $1",
    "copied out": "COPY (SELECT * FROM users WHERE email = $1) TO STDOUT",
    "in a cursor": "DECLARE c CURSOR FOR SELECT * FROM users WHERE email = $1",
    "prepared": "PREPARE p AS SELECT * FROM users WHERE email = $1",
    "somewhere, by name": "EXECUTE p($1)",
    "twice": "SELECT $1 FROM users WHERE id::text = $1 OR email = $1",
    "under UNION": "SELECT 1 FROM a UNION SELECT 1 FROM users WHERE email = $1",
}


@pytest.mark.parametrize("how", HIDDEN)
def test_a_value_that_meets_the_column_is_hidden(how: str) -> None:
    assert 1 in parameters(HIDDEN[how])
    assert "'secret'" not in written(HIDDEN[how].replace("$1", "'secret'"))


KEPT = {
    "another column": "SELECT * FROM users WHERE name = $1",
    "another condition": "SELECT * FROM users WHERE email = 'x' AND name = $1",
    "one of several": "SELECT * FROM users WHERE email = 'x' OR NOT (id > 5 AND name = $1)",
    "another table's": "SELECT * FROM users u JOIN orders o USING (id) WHERE o.email = $1",
    "another schema's": "SELECT * FROM orders WHERE email = $1",
    "the limit": "SELECT * FROM users WHERE email = 'x' LIMIT $1 OFFSET $1",
    "what is selected beside it": "SELECT email, $1 FROM users",
    "what is inserted beside it": "INSERT INTO users (email, name) VALUES ('x', $1)",
    "what is updated beside it": "UPDATE users SET email = 'x', name = $1",
    "where it is updated": "UPDATE users SET email = 'x' WHERE id = $1",
    "a CTE of its own": "WITH o AS (SELECT id FROM orders WHERE total > $1) "
    "SELECT 1 FROM users JOIN o ON o.id = users.id WHERE users.email = 'x'",
    "a sub-select's own condition": "SELECT 1 FROM users WHERE email = "
    "(SELECT name FROM orders WHERE id = $1)",
    "a unit": "SELECT date_trunc($1, email::timestamp) FROM users",
    "a search's language": "SELECT 1 FROM users WHERE to_tsvector($1, email) @@ 'x'",
    "a document's key": "SELECT * FROM users WHERE email ->> $1 = 'x'",
    "what is taken of it": "SELECT * FROM users WHERE substr(email, $1, 3) = 'x'",
    "a type's length": "SELECT email::varchar(20) FROM users WHERE name = $1",
    "another column through a star": "SELECT 1 FROM (SELECT * FROM users) u WHERE u.name = $1",
    "NULL": "SELECT * FROM users WHERE email IS NULL AND name = $1",
}


@pytest.mark.parametrize("what", KEPT)
def test_a_value_that_does_not_meet_the_column_stays(what: str) -> None:
    assert parameters(KEPT[what]) == set()
    literal = KEPT[what].replace("$1", "4711")
    assert literal.count("4711") == written(literal).count("4711")


def test_a_text_without_redacted_columns_is_the_same() -> None:
    text = "SELECT  'ä', 1.5 -- é\nFROM orders WHERE a = E'\\'' AND b = $1"
    assert written(text) == text


@pytest.mark.parametrize(
    ("column", "text"),
    [
        ("*.token", "SELECT * FROM find(token => $1)"),
        ("*.token", "SELECT $1 AS token"),
        ("*.token", "SELECT * FROM (VALUES ($1)) AS v(token)"),
        ("users.*", "SELECT * FROM users WHERE name = $1"),
        ("audit.users.email", "SELECT * FROM users WHERE email = $1"),
        ("app.user", "SELECT set_config('app.user', $1, true)"),
        ("*", "SELECT f($1)"),
        ("*", "CALL p($1)"),
        ("*", "SELECT 1 WHERE $1"),
    ],
)
def test_columns_are_named_by_patterns(column: str, text: str) -> None:
    assert parameters(text, column) == {1}
    assert parameters(text, "other.thing") == set()


def test_a_setting_that_is_set_is_a_column() -> None:
    text = "BEGIN; SET LOCAL app.user_id = 'secret'; SET work_mem = '4MB'; SELECT 'x'"
    assert written(text, "app.user_id") == text.replace("secret", "redacted")


def test_everything_leaves_limits_and_the_statement_itself() -> None:
    text = "SELECT a, 'x' FROM t WHERE b = 5 AND c LIKE '%y' AND NOT d = false LIMIT 20 -- z"
    assert written(text, "*") == (
        "SELECT a, 'redacted' FROM t WHERE b = 30012 AND c LIKE '%x' AND NOT d = true LIMIT 20 /**/"
    )
    text = (
        "SELECT date_trunc('day', now()), a AT TIME ZONE 'UTC', b ->> 'c' FROM f(5) "
        "WHERE to_tsvector('english', d) @@ e GROUP BY 1, 2 ORDER BY 1 DESC"
    )
    assert written(text, "*") == text.replace("5", "30011")


def test_the_index_a_conflict_is_about_is_still_named() -> None:
    text = (
        "INSERT INTO users (email) VALUES ('open') "
        "ON CONFLICT (email) WHERE state = 'open' DO UPDATE SET email = 'open'"
    )
    for column in ("*", "users.*"):
        assert written(text, column) == (
            "INSERT INTO users (email) VALUES ('redacted') "
            "ON CONFLICT (email) WHERE state = 'open' DO UPDATE SET email = 'redacted'"
        )


def test_comments_that_speak_to_planguard_stay() -> None:
    text = "SELECT 1 /* planguard: ignore[PLN001] small */"
    assert written(text, "*").endswith("/* planguard: ignore[PLN001] small */")


@pytest.mark.parametrize(
    "literal",
    ["'secret'", "E'sec\\'ret'", "$$secret$$", "$a$secret$a$", "U&'secret'", "B'101'", "-4711",
     "4711", "47.11", "true", "'2026-01-02'::date", "date '2026-01-02'", "('secret')"],
)  # fmt: skip
def test_every_kind_of_literal_is_hidden_and_the_text_still_parses(literal: str) -> None:
    text = f"SELECT * FROM users WHERE name = 'ä' AND email = {literal} AND id > 3"
    found = written(text)
    assert not any(part in found for part in ("secret", "ret'", "4711", "47.11", "101", "2026"))
    assert found.startswith("SELECT * FROM users WHERE name = 'ä' AND email = ")
    assert found.endswith(" AND id > 3")
    assert written(found) == found or "B'0'" in found


def test_a_hidden_string_is_hidden_wherever_it_stands_again() -> None:
    text = "SELECT * FROM users WHERE email = 'ada@x.org' OR backup = 'ada@x.org' OR name = 'ada'"
    assert written(text) == (
        "SELECT * FROM users WHERE email = 'redacted' OR backup = 'redacted' OR name = 'ada'"
    )


def test_different_values_stay_different_and_equal_ones_equal() -> None:
    text = "SELECT 1 FROM users WHERE email IN ('a', 'b', 'a')"
    assert written(text).endswith("('redacted', 'redacted-2', 'redacted')")


def test_a_pattern_keeps_its_wildcards() -> None:
    found = redacted("SELECT 1 FROM users WHERE email LIKE $1 OR email = $2", EMAIL)
    assert found is not None
    assert (set(found.patterns), set(found.parameters)) == ({1}, {1, 2})
    assert written("SELECT 1 FROM users WHERE email ILIKE 'a_b%'").endswith("'x_x%'")


def test_values_are_found_by_expressions_wherever_they_stand() -> None:
    text = "SELECT f('4111 1111'), 5 /* by ada@x.org */ WHERE a = 'ada@x.org'"
    assert written(text, "no.thing", values=(r"\S+@\S+", r"\d{4} \d{4}")) == (
        "SELECT f('redacted'), 5 /* by redacted */ WHERE a = 'redacted-2'"
    )


def test_every_statement_of_a_text_is_read() -> None:
    text = "UPDATE a SET b = 1; UPDATE users SET email = 'ä@x.org'; SELECT 'ö'"
    assert written(text) == "UPDATE a SET b = 1; UPDATE users SET email = 'redacted'; SELECT 'ö'"


def test_a_blocks_text_is_hidden_since_nobody_reads_it() -> None:
    assert written("DO $$BEGIN PERFORM 'secret'; END$$") == "DO 'redacted'"


def test_tables_that_are_made_of_each_other_are_followed_once() -> None:
    names = [f"t{number}" for number in range(30)]
    made = ", ".join(f"{one} AS (SELECT a, b FROM {', '.join(names)})" for one in names)
    text = f"WITH RECURSIVE {made} SELECT a FROM {', '.join(names)}, users WHERE b = $1"
    assert parameters(text) == set()


@pytest.mark.parametrize(
    "text",
    ["SELEC 'x'", "SELECT 'x", "SELECT 'x'\0 'y'", "SELECT '" + "x" * LONGEST_READ + "'",
     "SELECT " + "(" * 20_000 + "1" + ")" * 20_000],
    ids=["no SQL", "no end", "NUL", "too long", "too deep"],
)  # fmt: skip
def test_what_cannot_be_read_says_so(text: str) -> None:
    assert redacted(text, EMAIL) is None
