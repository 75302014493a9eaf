from __future__ import annotations

import pytest

from pytest_planguard.migrations.shown import shown, words_without_values

SECRET = "sk_live_t0psecret"

SENT = [
    f"UPDATE users SET api_key = '{SECRET}'",
    f"INSERT INTO users (api_key) VALUES ('a'), ('{SECRET}')",
    f"DELETE FROM users WHERE api_key = $${SECRET}$$",
    f"DELETE FROM users WHERE at < interval '1' day OR api_key = '{SECRET}'",
    f"WITH d AS (DELETE FROM users WHERE api_key = '{SECRET}') SELECT 1",
    f"MERGE INTO a USING b ON a.id = b.id WHEN MATCHED THEN UPDATE SET x = '{SECRET}'",
    f"UPDATE users SET nonsense nonsense = '{SECRET}'",
    f"UPDATE users SET a = b -- {SECRET}",
    f"SELECT dblink_connect('host=a password={SECRET}')",
    f"SELECT set_config('app.key', '{SECRET}', false)",
    f"CREATE TABLE keys AS SELECT '{SECRET}'",
    f"ALTER SYSTEM SET primary_conninfo = 'host=a password={SECRET}'",
    f"ALTER DATABASE shop SET app.key = '{SECRET}'",
    f"SET app.key = '{SECRET}'",
    f"CREATE USER MAPPING FOR me SERVER s OPTIONS (password '{SECRET}')",
    f"CREATE ROLE me PASSWORD '{SECRET}'",
    f"ALTER FOREIGN TABLE t OPTIONS (ADD password '{SECRET}')",
    f"COMMENT ON TABLE t IS $$password {SECRET}$$",
    f"COPY t FROM PROGRAM 'curl -u me:{SECRET}'",
    f"DO $$ BEGIN PERFORM dblink_connect('{SECRET}'); END $$",
    f"DO '{SECRET}'",
    f"CREATE FUNCTION f() RETURNS text LANGUAGE sql AS $a$ SELECT '{SECRET}' /* {SECRET} */ $a$",
    f"ALTER TABLE t ADD COLUMN a int -- {SECRET}",
    f"ALTER TABLE t ALTER a SET DEFAULT 'host=a password={SECRET}'",
]


@pytest.mark.parametrize("text", SENT)
def test_no_report_holds_what_a_migration_wrote_into_its_statements(text):
    assert SECRET not in shown(text)


@pytest.mark.parametrize(
    "text",
    [
        "ALTER TABLE orders ADD COLUMN state text NOT NULL DEFAULT 'open'",
        "ALTER TABLE orders ADD CHECK (total > 0 AND state IN ('open', 'done')) NOT VALID",
        "CREATE INDEX orders_open ON orders (id) WHERE state = 'open'",
        'ALTER TABLE "Orders" DROP COLUMN "its"',
    ],
)
def test_what_the_safe_way_to_the_same_schema_is_made_of_stays(text):
    assert shown(text) == text


def test_a_block_keeps_the_names_that_tell_which_statement_breaks_a_release():
    text = "DO $do$ BEGIN ALTER TABLE orders DROP COLUMN note; RAISE 'x'; END $do$"
    assert "ALTER TABLE orders DROP COLUMN note; RAISE ''" in shown(text)


@pytest.mark.parametrize(
    ("message", "text"),
    [
        (f'invalid input syntax: "{SECRET}"', f"UPDATE a SET b = '{SECRET}'"),
        (f'invalid input syntax: "{SECRET}"', f"UPDATE a SET b = E'{SECRET}'"),
        (f'invalid input syntax: "{SECRET}"', f"UPDATE a SET b = $x${SECRET}$x$"),
    ],
)
def test_the_servers_words_quote_no_value(message, text):
    assert words_without_values(message, text) == 'invalid input syntax: "…"'


def test_the_servers_words_keep_names():
    message = 'column "note" of relation "orders" does not exist'
    assert words_without_values(message, 'UPDATE orders SET "note" = 1') == message
