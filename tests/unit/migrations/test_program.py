"""What reports say of a program that migrates."""

from __future__ import annotations

import pytest

from pytest_planguard.migrations.sources.program import is_the_drivers, program_of
from pytest_planguard.migrations.sources.waits import sentence


@pytest.mark.parametrize(
    ("command", "name"),
    [
        ("flyway migrate", "flyway migrate"),
        ("PGPASSWORD=hunter2 npm run db:migrate", "npm run …"),
        ("goose postgres 'user=a password=hunter2' up", "goose postgres …"),
        ("./migrate --password hunter2", "./migrate …"),
        ("tool postgres://a:hunter2@host/db", "tool …"),
    ],
)
def test_a_program_is_named_without_its_arguments(command, name):
    assert program_of(command) == name


def test_a_wait_is_told_without_the_values_of_its_statements():
    said = sentence(
        "ALTER ROLE app PASSWORD 'hunter2'", "UPDATE users SET email = 'ada@example.org'"
    )
    assert "hunter2" not in said
    assert "ada@" not in said
    assert said.startswith("ALTER ROLE app PASSWORD ? waits for a lock")


@pytest.mark.parametrize(
    ("text", "drivers"),
    [
        ("WITH t AS (SELECT oid FROM pg_catalog.pg_type) SELECT * FROM t", True),
        ("SELECT set_config('jit', 'off', false)", True),
        ("SELECT set_config('lock_timeout', '2s', false)", False),
        ("WITH t AS (DELETE FROM u USING pg_catalog.pg_class RETURNING 1) TABLE t", False),
        ("UPDATE t SET a = 1", False),
    ],
)  # fmt: skip
def test_what_a_driver_asks_by_itself_is_no_migration(text, drivers):
    assert is_the_drivers(text) is drivers
