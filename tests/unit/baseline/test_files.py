from __future__ import annotations

import json

import msgspec
import pytest

import fix_folders
import fix_reports
from pytest_planguard.baseline.entries import entry_from, world_from
from pytest_planguard.baseline.files import read, remove, write_entries, write_world
from pytest_planguard.baseline.paths import entry_path
from pytest_planguard.errors import BaselineError
from pytest_planguard.model.baseline import SCHEMA_VERSION, Origin
from pytest_planguard.model.plan import Planned


def entry(**changed):
    query, finding = fix_reports.missing_index()
    plain = entry_from(query.query, query.outcome, [finding], "for the demo")
    return msgspec.structs.replace(plain, **changed)


def files(folder):
    return sorted(str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file())


def test_a_folder_without_entries_is_no_baseline(tmp_path):
    assert read(tmp_path) is None
    assert read(tmp_path / "nowhere") is None
    (tmp_path / "README.md").write_text("about baselines")
    assert read(tmp_path) is None


def test_what_is_written_is_read_again(tmp_path):
    one, world = entry(), world_from(fix_reports.database())
    world = msgspec.structs.replace(world, rows={"public.orders": 47_000_000})
    assert write_entries(tmp_path, [one]) == 1
    assert write_world(tmp_path, "default", world) == 3
    baseline = read(tmp_path)
    assert baseline.entries == {("default", one.key): one}
    assert baseline.worlds == {"default": world}


def test_files_stand_under_the_module_and_the_header_has_a_fact_a_line(tmp_path):
    lines = {
        "customer_id": "8 bytes; 6,000,000 distinct; correlation 0.12",
        "id": "8 bytes; unique; correlation 1",
    }
    world = msgspec.structs.replace(
        world_from(fix_reports.database()),
        statistics={"public.orders": lines},
        digests={"public.orders": "ab12"},
    )
    write_entries(tmp_path, [entry()])
    write_world(tmp_path, "default", world)
    assert files(tmp_path) == [
        "queries/app/feed/latest-feed00000001.json",
        "world/default/server.json",
        "world/default/settings.json",
        "world/default/tables/public.orders.json",
    ]
    assert (tmp_path / "world/default/tables/public.orders.json").read_text() == (
        '{\n  "digest": "ab12",\n'
        '  "facts": [\n    "column id bigint not null",\n    "column customer_id bigint"\n  ],\n'
        '  "indexes": {\n    "public.orders_customer_id_idx": "CREATE INDEX orders_customer_id_idx '
        'ON public.orders USING btree (customer_id)"\n  },\n'
        '  "rows": 47000000,\n  "schema": 3,\n  "statistics": {\n'
        '    "customer_id": "8 bytes; 6,000,000 distinct; correlation 0.12",\n'
        '    "id": "8 bytes; unique; correlation 1"\n  },\n  "table": "public.orders"\n}\n'
    )


def test_a_file_reads_well_in_a_diff(tmp_path):
    write_entries(tmp_path, [entry()])
    text = (tmp_path / "queries/app/feed/latest-feed00000001.json").read_text()
    assert text == json.dumps(json.loads(text), indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    assert '"cost": 150000,' in text
    assert '        "Limit",\n        "  Sort [Sort Key: created_at DESC]",\n' in text
    for never in ("88", "line", "2026", "152345"):
        assert never not in text


def test_a_file_that_already_reads_so_is_left_alone(tmp_path):
    write_entries(tmp_path, [entry()])
    file = next(tmp_path.rglob("*.json"))
    before = file.stat().st_mtime_ns, file.stat().st_ino
    assert write_entries(tmp_path, [entry()]) == 0
    assert (file.stat().st_mtime_ns, file.stat().st_ino) == before


def test_fields_of_a_later_version_survive(tmp_path):
    write_entries(tmp_path, [entry()])
    write_world(tmp_path, "default", world_from(fix_reports.database()))
    known = [
        next(tmp_path.rglob("latest-*.json")),
        tmp_path / "world/default/server.json",
        tmp_path / "world/default/tables/public.orders.json",
    ]
    for file in known:
        file.write_text(json.dumps(json.loads(file.read_text()) | {"growth": {"x": 1}}))
    value = json.loads(known[0].read_text())
    value["findings"][0]["ticket"] = "SHOP-17"
    value["plans"][0]["blocks"] = 7
    known[0].write_text(json.dumps(value))
    write_entries(tmp_path, [entry(sql="SELECT 1")])
    write_world(tmp_path, "default", world_from(fix_reports.database()))
    assert all(json.loads(file.read_text())["growth"] == {"x": 1} for file in known)
    value = json.loads(known[0].read_text())
    assert value["sql"] == "SELECT 1"
    assert (value["findings"][0]["ticket"], value["plans"][0]["blocks"]) == ("SHOP-17", 7)


def test_an_entry_whose_module_changed_moves_and_leaves_no_folder_behind(tmp_path):
    write_entries(tmp_path, [entry()])
    write_entries(tmp_path, [entry(origins=(Origin("web/feed.py", "newest"),))])
    assert files(tmp_path) == ["queries/web/feed/newest-feed00000001.json"]
    assert not (tmp_path / "queries/app").exists()


def test_a_query_that_was_edited_keeps_its_file_and_another_with_its_old_key_gets_one(tmp_path):
    write_entries(tmp_path, [entry()])
    edited = entry(key="0ed17ed00000", sql="SELECT 1")
    write_entries(tmp_path, [edited], {("default", edited.key): entry().key})
    assert files(tmp_path) == ["queries/app/feed/latest-feed00000001.json"]
    write_entries(tmp_path, [entry()])
    assert files(tmp_path) == [
        "queries/app/feed/latest-feed00000001.json",
        "queries/app/feed/latest-feed00000001_2.json",
    ]
    again = [entry(), edited, entry(origins=(Origin("web/Feed.py", "latest"),))]
    write_entries(tmp_path, again[:2])
    assert len(files(tmp_path)) == 2
    write_entries(tmp_path, again[2:])
    write_entries(tmp_path, [msgspec.structs.replace(edited, origins=again[2].origins)])
    assert files(tmp_path) == [
        "queries/web/Feed/latest-feed00000001.json",
        "queries/web/Feed/latest-feed00000001_2.json",
    ]
    assert set(read(tmp_path).entries) == {("default", entry().key), ("default", edited.key)}


def test_removing_counts_what_was_there(tmp_path):
    write_entries(tmp_path, [entry(), entry(key="feed00000002")])
    assert remove(tmp_path, [("default", "feed00000001"), ("default", "unknown")]) == 1
    assert list(read(tmp_path).entries) == [("default", "feed00000002")]


BROKEN = {
    "no JSON": ('{"key": ', "is no JSON"),
    "conflict": ("<<<<<<< HEAD\n{}\n=======\n{}\n>>>>>>> x\n", "merge-conflict markers (line 1)"),
    "list": ("[]", "holds a JSON list"),
    "other fields": ('{"schema": 1}', "does not fit"),
    "newer": (json.dumps({"schema": SCHEMA_VERSION + 1}), f"has schema {SCHEMA_VERSION + 1}"),
    "odd version": ('{"schema": "x"}', "has schema 'x'"),
    "not text": ("\udcff", "cannot be read"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_file_is_named_and_never_overwritten(tmp_path, kind):
    text, sentence = BROKEN[kind]
    write_entries(tmp_path, [entry()])
    file = next(tmp_path.rglob("*.json"))
    data = text.encode("utf-8", "surrogateescape")
    file.write_bytes(data)
    for action in (
        lambda: read(tmp_path),
        lambda: write_entries(tmp_path, [entry(), entry(key="feed00000002")]),
        lambda: remove(tmp_path, [("default", "feed00000001")]),
    ):
        with pytest.raises(BaselineError) as caught:
            action()
        assert sentence in caught.value.message
        assert str(file) in caught.value.message
        assert caught.value.hint
    assert file.read_bytes() == data
    assert len(files(tmp_path)) == 1


def test_a_broken_header_is_named_too(tmp_path):
    write_world(tmp_path, "default", world_from(fix_reports.database()))
    (tmp_path / "world/default/settings.json").write_text("{")
    with pytest.raises(BaselineError, match=r"settings\.json is no JSON"):
        read(tmp_path)


def test_two_entries_with_one_key_are_an_error(tmp_path):
    write_entries(tmp_path, [entry()])
    file = next(tmp_path.rglob("*.json"))
    (tmp_path / "queries/copy.json").write_bytes(file.read_bytes())
    with pytest.raises(BaselineError, match="both hold query feed00000001"):
        read(tmp_path)


def test_a_read_only_folder_is_one_clear_error():
    with fix_folders.closed() as folder, pytest.raises(BaselineError, match="cannot be written"):
        write_entries(folder, [entry()])


@pytest.mark.parametrize(
    ("file", "function", "path"),
    [
        ("app/a.py", "f", "queries/app/a/f-k.json"),
        ("lib:celery", "send", "queries/lib_celery/send-k.json"),
        ("app/a.py", "<lambda>", "queries/app/a/_lambda_-k.json"),
        ("app/__init__.py", "Class.method", "queries/app/__init__/Class.method-k.json"),
        ("../up/a.py", "f", "queries/_/up/a/f-k.json"),
        ("/etc/a.py", "f", "queries/etc/a/f-k.json"),
        ("C:\\x\\aux.py", "f", "queries/C_/x/_aux/f-k.json"),
        ("größe/a.py", "f", "queries/gr_e/a/f-k.json"),
    ],
)
def test_paths_are_ones_every_file_system_takes(file, function, path):
    assert str(entry_path(entry(key="k", origins=(Origin(file, function),)))) == path


def test_no_part_of_a_path_reaches_a_hundred_characters():
    one = entry(database="b" * 300, origins=(Origin("a" * 300 + "/m.py", "f" * 300),))
    path = entry_path(one)
    assert max(map(len, path.parts)) < 100
    other = entry(database="b" * 300, origins=(Origin("a" * 299 + "c/m.py", "f" * 300),))
    assert entry_path(other) != path


def test_two_databases_may_have_the_same_query(tmp_path):
    write_entries(tmp_path, [entry(), entry(database="stats")])
    assert len(read(tmp_path).entries) == 2


def test_hostile_sql_survives(tmp_path):
    query, _ = fix_reports.missing_index(text=fix_reports.HOSTILE)
    write_entries(tmp_path, [entry_from(query.query, Planned((fix_reports.plan(),)))])
    assert next(iter(read(tmp_path).entries.values())).sql == fix_reports.HOSTILE
