"""Misspelt tables are told as soon as a schema is known, and nothing else is."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_planguard.config import load
from pytest_planguard.config.values import Config
from pytest_planguard.model.capture import Database
from pytest_planguard.model.schema import Schema, SchemaObject
from pytest_planguard.plugin.declared import Declared

LOANS = 'CREATE TABLE public.loans (id bigint, "due date" date); CREATE TABLE books (isbn text);'
SO_FAR = "the tests' database, so far, has no such"


def configured(root: Path, tables: str, schema: str = "schema.sql") -> Config:
    database = f'[tool.pytest-planguard.database]\nschema = "{schema}"\n'
    (root / "pyproject.toml").write_text(f"{database}{tables}", encoding="utf-8")
    return load(root, {}, {})


def rows_of(table: str) -> str:
    return f"[tool.pytest-planguard.tables.{table}]\nrows = 9\n"


@pytest.mark.parametrize(
    ("table", "sentences"),
    [
        ("loans", []),
        ('"public.loans"', []),
        ("LOANS", []),
        ("loan", ['tables.loan: schema.sql has no such table (did you mean "loans"?)']),
        ("visits", ["tables.visits: schema.sql has no such table"]),
        ('loans.columns."due date"', []),
        (
            "books.columns.isbm",
            ['tables.books.columns.isbm: schema.sql has no such column (did you mean "isbn"?)'],
        ),
    ],
)
def test_a_name_that_the_schema_file_never_mentions_is_told_before_the_tests(
    tmp_path: Path, table: str, sentences: list[str]
) -> None:
    (tmp_path / "schema.sql").write_text(LOANS, encoding="utf-8")
    text = rows_of(table) if "columns" not in table else f"[tool.pytest-planguard.tables.{table}]\n"
    declared = Declared(configured(tmp_path, text))
    assert declared.in_files() == sentences
    assert declared.is_done


@pytest.mark.parametrize("schema", ["command: ./make-schema", "includes.sql"])
def test_nothing_is_told_of_a_schema_that_cannot_be_seen(tmp_path: Path, schema: str) -> None:
    (tmp_path / "includes.sql").write_text("CREATE TABLE a ();\n\\ir more.sql\n", encoding="utf-8")
    assert Declared(configured(tmp_path, rows_of("loan"), schema)).in_files() == []


def test_a_clone_is_looked_at_once_when_it_was_read(tmp_path: Path) -> None:
    declared = Declared(configured(tmp_path, rows_of("loan"), "clone"))
    assert declared.in_files() == []
    assert declared.in_clones({"app": Database("app")}) == []
    assert not declared.is_done
    read = Database("app", schema=Schema((SchemaObject("table", "public.loans", LOANS),)))
    (told,) = declared.in_clones({"app": read})
    assert told == f'tables.loan: {SO_FAR} table (did you mean "loans"?)'
    assert declared.is_done
    assert declared.in_clones({"app": read}) == []


def test_nothing_is_looked_for_where_nothing_is_declared(tmp_path: Path) -> None:
    assert Declared(configured(tmp_path, "", "clone")).is_done
