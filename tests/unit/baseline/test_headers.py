from __future__ import annotations

import json

import msgspec
import pytest

import fix_reports
from pytest_planguard.baseline.entries import entry_from, world_from
from pytest_planguard.baseline.files import read, write_entries, write_world
from pytest_planguard.baseline.paths import table_path
from pytest_planguard.baseline.versions import STEPS, upgraded
from pytest_planguard.errors import BaselineError
from pytest_planguard.model.baseline import SCHEMA_VERSION
from pytest_planguard.model.plan import Planned
from pytest_planguard.pipeline.worlds import comparable

DIGESTS = {"public.orders": "ab12"}
WORLD = msgspec.structs.replace(
    world_from(fix_reports.database()), digests=DIGESTS, rows={"public.orders": 47_000_000.0}
)
ENTRY = entry_from(fix_reports.query(), Planned((fix_reports.plan(),)))


def baseline(folder, world=WORLD):
    write_entries(folder, [ENTRY])
    write_world(folder, "default", world)
    return folder / "world/default"


def of_first_version(folder):
    """As the first version wrote it."""
    write_entries(folder, [ENTRY])
    file = next((folder / "queries").rglob("*.json"))
    file.write_text(json.dumps(json.loads(file.read_text()) | {"schema": 1}))
    header = folder / "world/default"
    header.mkdir(parents=True)
    server = {
        "collation": WORLD.collation,
        "database": "default",
        "scale_source": WORLD.scale_source,
        "schema": 1,
        "server_major": WORLD.server_major,
        "statistics_digest": "of all",
    }
    parts = {
        "server": server,
        "tables": {name: list(facts) for name, facts in WORLD.tables.items()},
        "indexes": WORLD.indexes,
        "settings": WORLD.settings,
        "rows": WORLD.rows,
    }
    for name, value in parts.items():
        (header / f"{name}.json").write_text(json.dumps(value))
    return header


def test_a_header_of_the_first_version_is_read_and_an_update_writes_the_new_one(tmp_path):
    header = of_first_version(tmp_path)
    known = read(tmp_path)
    unknown = msgspec.structs.replace(WORLD, digests={})
    assert known.worlds == {"default": unknown}
    assert known.entries[("default", ENTRY.key)] == ENTRY
    write_world(tmp_path, "default", WORLD)
    assert sorted(file.name for file in header.rglob("*.json")) == [
        "public.orders.json", "server.json", "settings.json",
    ]  # fmt: skip
    assert read(tmp_path).worlds == {"default": WORLD}


LINES = {"public.orders": {"id": "8 bytes; unique", "status": "4 bytes; 5 distinct"}}


def of_second_version(folder):
    """As the second version wrote it: a digest stood for all of a table's statistics."""
    header = baseline(folder)
    for file in folder.rglob("*.json"):
        value = json.loads(file.read_text())
        if "table" in value:
            value["statistics"] = value.pop("digest")
        if value:
            file.write_text(json.dumps(value | {"schema": 2}))
    return header


def test_a_header_of_the_second_version_is_read_and_an_update_writes_the_new_one(tmp_path):
    header = of_second_version(tmp_path)
    known = read(tmp_path)
    assert known.worlds == {"default": WORLD}
    assert known.entries == {("default", ENTRY.key): ENTRY}
    now = msgspec.structs.replace(WORLD, statistics=LINES)
    write_world(tmp_path, "default", now)
    assert read(tmp_path).worlds == {"default": now}
    value = json.loads((header / "tables/public.orders.json").read_text())
    assert (value["schema"], value["digest"]) == (SCHEMA_VERSION, "ab12")
    assert value["statistics"] == LINES["public.orders"]


def test_statistics_that_are_known_no_more_are_not_kept(tmp_path):
    baseline(tmp_path, msgspec.structs.replace(WORLD, statistics=LINES))
    write_world(tmp_path, "default", WORLD)
    assert read(tmp_path).worlds == {"default": WORLD}


def test_a_part_of_the_suite_leaves_tables_of_the_second_version_alone(tmp_path):
    header = of_second_version(tmp_path)
    (file,) = (header / "tables").iterdir()
    before = file.read_text()
    write_world(tmp_path, "default", read(tmp_path).worlds["default"])
    assert '"schema": 2' in before
    assert file.read_text() == before
    assert read(tmp_path).worlds == {"default": WORLD}


def test_an_update_leaves_entries_of_the_second_version_alone(tmp_path):
    of_second_version(tmp_path)
    (file,) = (tmp_path / "queries").rglob("*.json")
    before = file.read_text()
    assert '"schema": 2' in before
    assert read(tmp_path).entries["default", ENTRY.key] == ENTRY
    write_entries(tmp_path, [msgspec.structs.replace(ENTRY, key="feed00000002")])
    assert file.read_text() == before


def test_entries_of_both_versions_stand_side_by_side(tmp_path):
    of_first_version(tmp_path)
    other = msgspec.structs.replace(ENTRY, key="feed00000002")
    write_entries(tmp_path, [other])
    schemas = {
        json.loads(file.read_text())["schema"] for file in (tmp_path / "queries").rglob("*.json")
    }
    assert schemas == {1, SCHEMA_VERSION}
    assert {key for _, key in read(tmp_path).entries} == {ENTRY.key, other.key}


def test_there_is_a_step_from_every_older_version():
    assert sorted(STEPS) == list(range(1, SCHEMA_VERSION))


def test_a_document_goes_through_every_step_up_to_this_version():
    steps = {
        1: lambda value: {"cost": value["price"], "x": value["x"]},
        2: lambda value: {"costs": [value["cost"]], "x": value["x"]},
    }
    old = {"schema": 1, "price": 7, "x": 1}
    assert upgraded(old, steps, 3) == {"schema": 3, "costs": [7], "x": 1}
    assert old == {"schema": 1, "price": 7, "x": 1}
    assert upgraded({"schema": 2, "cost": 7, "x": 1}, steps, 3)["costs"] == [7]
    assert upgraded({"x": 1}, steps, 3) == {"x": 1}


@pytest.mark.parametrize(
    ("version", "gone"),
    [(2, "server.json"), (2, "settings.json"), (1, "indexes.json"), (1, "tables.json"),
     (1, "rows.json")],
)  # fmt: skip
def test_a_header_that_is_not_whole_is_not_used_and_names_what_it_lacks(tmp_path, version, gone):
    header = baseline(tmp_path) if version == 2 else of_first_version(tmp_path)
    (header / gone).unlink()
    known = read(tmp_path)
    assert known.worlds == {}
    assert known.damaged == {"default": f"world/default lacks {gone}"}
    _, (note,) = comparable(known, "default", WORLD)
    assert f"world/default lacks {gone}; restore it from git, or write it anew" in note


def test_a_header_that_is_missing_altogether_is_said_to_be(tmp_path):
    write_entries(tmp_path, [ENTRY])
    _, (note,) = comparable(read(tmp_path), "default", WORLD)
    assert "there is none for database default" in note


def test_a_table_whose_file_is_gone_makes_the_header_unusable(tmp_path):
    header = baseline(tmp_path)
    (header / "tables/public.orders.json").unlink()
    found, (note,) = comparable(read(tmp_path), "default", WORLD)
    assert found.worlds == {}
    assert "it lacks public.orders, which its entries read" in note


def test_a_table_nothing_reads_may_come_and_go(tmp_path):
    baseline(tmp_path)
    now = msgspec.structs.replace(WORLD, tables=WORLD.tables | {"public.new": ("column id int",)})
    assert comparable(read(tmp_path), "default", now)[1] == ()


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"server_major": 16}, "made on PostgreSQL 16, this is 18: ways of reading, joins and"),
        ({"collation": "de_DE.utf8"}, "under the collation de_DE.utf8, this is C.UTF-8"),
        ({"scale_source": "assumed"}, "with assumed sizes, this run has production's statistics"),
        ({"scale_source": "of a later kind"}, "made with of a later kind, this run has"),
        ({"digests": {"public.orders": "other"}}, ""),
    ],
)
def test_what_of_another_world_can_be_compared_is_said_in_words(tmp_path, changed, said):
    baseline(tmp_path, msgspec.structs.replace(WORLD, **changed))
    found, notes = comparable(read(tmp_path), "default", WORLD)
    assert found.worlds
    assert len(notes) == bool(said)
    assert all(said in note for note in notes)


def test_a_table_that_was_dropped_leaves_no_file(tmp_path):
    header = baseline(tmp_path)
    other = msgspec.structs.replace(WORLD, tables={"public.x": ("column id int",)}, indexes={})
    write_world(tmp_path, "default", other)
    assert [file.name for file in (header / "tables").iterdir()] == ["public.x.json"]


def test_an_index_whose_table_its_definition_does_not_name_plainly_is_kept(tmp_path):
    odd = {'public."My idx"': 'CREATE INDEX "My idx" ON public."My Orders" USING btree (id)'}
    world = msgspec.structs.replace(WORLD, indexes=WORLD.indexes | odd)
    header = baseline(tmp_path, world)
    assert read(tmp_path).worlds["default"].indexes == world.indexes
    write_world(tmp_path, "default", WORLD)
    assert not (header / "other_indexes.json").exists()


def test_names_that_differ_in_case_or_odd_characters_only_have_files_of_their_own():
    names = ["public.orders", "public.Orders", "public.o/rders", "public.o rders", "p" * 300]
    paths = [str(table_path(name)).lower() for name in names]
    assert len(set(paths)) == len(names)
    assert max(len(path.rpartition("/")[2]) for path in paths) < 100


def test_a_header_of_a_newer_version_says_what_to_do(tmp_path):
    header = baseline(tmp_path)
    file = header / "tables/public.orders.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"schema": SCHEMA_VERSION + 1}))
    with pytest.raises(BaselineError, match=r"public\.orders\.json has schema") as caught:
        read(tmp_path)
    assert caught.value.hint == "upgrade pytest-planguard to the version that wrote it"
