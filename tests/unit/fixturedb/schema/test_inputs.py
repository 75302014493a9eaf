from __future__ import annotations

from pathlib import Path

import pytest

from pytest_planguard.errors import SchemaError
from pytest_planguard.fixturedb.schema import inputs, needs_of, schema_inputs
from pytest_planguard.model.ports import Needs
from pytest_planguard.model.schema import Schema, SchemaObject
from pytest_planguard.model.spec import DatabaseSpec


def spec(schema: str, root: Path) -> DatabaseSpec:
    return DatabaseSpec(schema=schema, root=root)


def test_a_changed_schema_file_changes_the_inputs(tmp_path: Path):
    (tmp_path / "schema.sql").write_text("CREATE TABLE a ();")
    before = schema_inputs(spec("schema.sql", tmp_path), None)
    (tmp_path / "schema.sql").write_text("CREATE TABLE b ();")
    assert schema_inputs(spec("schema.sql", tmp_path), None) != before


@pytest.mark.parametrize("schema", ["metadata: app:Base", "command: alembic upgrade head"])
def test_a_changed_module_anywhere_changes_the_inputs(schema: str, tmp_path: Path):
    folder = tmp_path / "deep" / "app"
    folder.mkdir(parents=True)
    (folder / "models.py").write_text("one")
    before = schema_inputs(spec(schema, tmp_path), None)
    (folder / "models.py").write_text("two")
    assert schema_inputs(spec(schema, tmp_path), None) != before


@pytest.mark.parametrize("folder", ["tests", ".hidden", "site-packages", "env"])
def test_files_that_make_no_schema_do_not_count(folder: str, tmp_path: Path):
    (tmp_path / folder).mkdir()
    (tmp_path / "env").mkdir(exist_ok=True)
    (tmp_path / "env" / "pyvenv.cfg").touch()
    before = schema_inputs(spec("command: x", tmp_path), None)
    (tmp_path / folder / "more.py").write_text("x")
    assert schema_inputs(spec("command: x", tmp_path), None) == before


def test_a_changed_sql_file_counts_for_commands_only(tmp_path: Path):
    before = {
        text: schema_inputs(spec(text, tmp_path), None) for text in ("command: x", "metadata: a:b")
    }
    (tmp_path / "0001.sql").write_text("x")
    after = {text: schema_inputs(spec(text, tmp_path), None) for text in before}
    assert before["command: x"] != after["command: x"]
    assert before["metadata: a:b"] == after["metadata: a:b"]


def test_beyond_the_limit_size_and_time_still_tell_a_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(inputs, "LIMIT", 0)
    (tmp_path / "a.py").write_text("one")
    before = inputs.of_folder("x", tmp_path, (".py",))
    (tmp_path / "a.py").write_text("three")
    assert inputs.of_folder("x", tmp_path, (".py",)) != before


def test_a_missing_file_is_named_with_the_nearest_there_is(tmp_path: Path):
    (tmp_path / "schema.sql").touch()
    with pytest.raises(SchemaError, match=r'schem\.sql .* \(did you mean "schema\.sql"\?\)'):
        schema_inputs(spec("schem.sql", tmp_path), None)


def test_a_file_that_is_not_utf8_is_named(tmp_path: Path):
    (tmp_path / "schema.sql").write_bytes(b"-- \xe9\n")
    with pytest.raises(SchemaError, match=r"schema\.sql is not UTF-8"):
        schema_inputs(spec("schema.sql", tmp_path), None)


def test_nothing_cloned_is_an_error_that_says_what_to_configure():
    with pytest.raises(SchemaError) as caught:
        schema_inputs(DatabaseSpec(schema="clone"), None)
    assert "schema.sql" in caught.value.hint


def test_a_clones_needs_are_its_extensions_and_collations():
    schema = Schema(
        (
            SchemaObject("extension", '"uuid-ossp"', 'CREATE EXTENSION "uuid-ossp"'),
            SchemaObject("table", "t", 'CREATE TABLE t (a text COLLATE pg_catalog."de-x-icu")'),
        )
    )
    assert needs_of(DatabaseSpec(schema="clone"), schema) == Needs(frozenset({"uuid-ossp"}), True)


def test_a_files_needs_are_its_extensions_and_collations(tmp_path: Path):
    (tmp_path / "schema.sql").write_text("CREATE EXTENSION citext; SELECT 1;")
    assert needs_of(spec("schema.sql", tmp_path), None) == Needs(frozenset({"citext"}))
