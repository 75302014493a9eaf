"""What reports say of a program that migrates."""

from __future__ import annotations

import pytest

from pytest_planguard.migrations.sources.program import program_of
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
