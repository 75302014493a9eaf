from __future__ import annotations

from itertools import permutations

import msgspec
import pytest

from pytest_planguard.capture.merge import Merger, merge
from pytest_planguard.errors import CaptureError
from pytest_planguard.model.capture import Capture, Database, Suppression
from pytest_planguard.model.connections import Held, Hold, Maker, Opened, Pool
from pytest_planguard.model.schema import Schema, SchemaObject
from pytest_planguard.model.statement import Origin, Phase, Place, Sample, Session, Statement
from pytest_planguard.sql.normalise import queries

SCHEMA = Schema(objects=(SchemaObject("table", "public.a", "CREATE TABLE public.a ()"),))


def statement(text: str = "SELECT $1", test: str = "t::a", value: str = "1") -> Statement:
    place = Place(Origin("app.py", 1, "find"), test, Phase.CALL, executions=2)
    session = Session(database="shop", driver="psycopg")
    return Statement(text, (23,), session, (Sample((value,)),), (place,))


def capture(*statements: Statement, **facts: object) -> Capture:
    return msgspec.structs.replace(Capture(statements=statements), **facts)


def test_executions_of_one_place_add_up_and_samples_join() -> None:
    merged = merge([capture(statement(value="1")), capture(statement(value="2"))])
    (found,) = merged.statements
    assert found.executions == 4
    assert {sample.values for sample in found.samples} == {("1",), ("2",)}


def test_the_order_of_captures_does_not_matter() -> None:
    parts = [
        capture(statement(value=str(n)), statement("SELECT 2", test=str(n)), finished=(str(n),))
        for n in range(3)
    ]
    results = {msgspec.json.encode(merge(order), order="sorted") for order in permutations(parts)}
    assert len(results) == 1


def test_different_commits_are_refused_by_name() -> None:
    with pytest.raises(CaptureError, match="aaa and bbb"):
        merge([capture(commit="bbb"), capture(commit="aaa")])


def test_different_projects_are_refused_by_name() -> None:
    with pytest.raises(CaptureError, match="different projects cannot be merged: billing and shop"):
        merge([capture(project="shop"), capture(), capture(project="billing")])


def test_the_folder_in_the_repository_is_that_of_the_shards_that_know_it() -> None:
    shards = [capture(folder="services/shop"), capture()]
    assert {merge(order).folder for order in permutations(shards)} == {"services/shop"}


def made(phase: Phase, executions: int, text: str = "SELECT 1", database: str = "shop") -> Capture:
    """What a process sent to make a fixture."""
    place = Place(Origin("app.py", 1, "make"), "", phase, executions)
    return capture(Statement(text, (), Session(database, "psycopg"), (), (place,)))


@pytest.mark.parametrize("phase", [Phase.OUTSIDE, Phase.SHARED])
def test_what_every_process_sends_for_itself_counts_as_in_one(phase: Phase) -> None:
    merger = Merger()
    for worker, sent in (("gw0", 1), ("gw1", 1), ("gw0", 2), ("gw1", 1)):
        text = f"SELECT {worker[2]}{sent}"  # values in the text differ, and so do databases
        merger.add(made(phase, sent, text, f"shop_{worker}"), worker)
    (query,) = queries(merger.result())
    assert query.executions == 3


def test_shards_each_make_their_fixtures_and_their_workers_too() -> None:
    shards = []
    for shard in ("a", "b"):
        merger = Merger()
        for worker in ("gw0", "gw1"):
            merger.add(made(Phase.SHARED, 2), worker)
        merger.add(capture(collected=("a", "b"), finished=(shard,)), "gw0")
        shards.append(merger.result())
    for order in (shards, shards[::-1]):
        (query,) = queries(merge(order))
        assert query.executions == 2


def test_what_tests_send_is_added_up_over_processes() -> None:
    (query,) = queries(merge([capture(statement()), capture(statement())]))
    assert query.executions == 4


def test_an_unknown_commit_joins_a_known_one() -> None:
    assert merge([capture(), capture(commit="aaa")]).commit == "aaa"


def test_shards_that_cover_all_collected_tests_are_complete() -> None:
    shards = [capture(collected=("a", "b"), finished=(done,), partial=True) for done in ("a", "b")]
    assert merge(shards).complete
    assert not merge(shards[:1]).complete


def test_shards_by_path_leave_unknown_tests_out() -> None:
    shards = [capture(collected=(name,), finished=(name,), partial=True) for name in ("a", "b")]
    assert not merge(shards).complete


def test_a_partial_run_beside_a_whole_one_is_complete() -> None:
    whole = capture(collected=("a", "b"), finished=("a", "b"))
    part = capture(collected=("a",), finished=("a",), partial=True)
    assert merge([part, whole]).complete


def test_an_interruption_stays() -> None:
    assert merge([capture(interrupted="stopped"), capture()]).interrupted == "stopped"


def test_the_schema_with_tables_is_kept() -> None:
    full = capture(databases={"shop": Database("shop", schema=SCHEMA, types={1: "a"})})
    empty = capture(databases={"shop": Database("shop", why_no_schema="gone", types={2: "b"})})
    for order in ([full, empty], [empty, full]):
        database = merge(order).databases["shop"]
        assert database.schema == SCHEMA
        assert database.types == {1: "a", 2: "b"}
        assert database.why_no_schema == ""


def test_what_tests_say_is_said_once() -> None:
    same = Suppression("t::a", ("PLN001",), "small")
    assert merge([capture(suppressions=(same,))] * 2).suppressions == (same,)


def test_the_earliest_start_is_the_runs() -> None:
    parts = [capture(captured_at=at) for at in ("2026-01-02", "", "2026-01-01")]
    assert merge(parts).captured_at == "2026-01-01"


def test_facts_of_connections_are_the_same_in_every_order() -> None:
    line = Origin("app/db.py", 9, "make")
    pool = Pool(line, "shop", Maker.SQLALCHEMY, "QueuePool", 10, "pool_size=5, max_overflow=5")
    held = [Held(Hold.CONNECTION, line, "shop", Maker.SQLALCHEMY, f"t::{n}") for n in "ab"]
    nested = [msgspec.structs.replace(one, hold=Hold.NESTED, first=line) for one in held]
    parts = [
        capture(pools=(pool,), opened=(Opened(line, "shop", Maker.SQLALCHEMY, ("a", "b")),)),
        capture(pools=(pool,), opened=(Opened(line, "shop", Maker.SQLALCHEMY, ("b", "c")),)),
        capture(held=(held[0], nested[1])),
        capture(held=(held[1], held[0], nested[1])),
    ]
    results = {msgspec.json.encode(merge(order), order="sorted") for order in permutations(parts)}
    assert len(results) == 1
    merged = merge(parts)
    assert merged.pools == (pool,)
    assert merged.opened == (Opened(line, "shop", Maker.SQLALCHEMY, ("a", "b", "c")),)
    assert merged.held == (*held, nested[1])


def test_what_one_capture_alone_has_is_not_taken_apart() -> None:
    found = capture(statement())
    assert merge([found, capture(statement("SELECT 2"))]).statements[0] is found.statements[0]
