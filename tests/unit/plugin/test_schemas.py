from __future__ import annotations

import gc
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from pathlib import Path

import pytest

from pytest_planguard.capture.connection import ConnectionParameters
from pytest_planguard.capture.files import Files
from pytest_planguard.capture.origin import OriginFinder
from pytest_planguard.capture.recorder import Recorder, SchemaState
from pytest_planguard.model.schema import Schema, SchemaObject
from pytest_planguard.plugin import readers
from pytest_planguard.plugin.readers import dbapi
from pytest_planguard.plugin.schemas import ATTEMPTS, SchemaKeeper


class Databases:
    """Databases that live in a dictionary: their tables by name."""

    def __init__(self) -> None:
        self.tables: dict[str, list[str]] = {}
        self.reads: list[str] = []
        self.asked: list[list[int]] = []

    def schema(self, parameters: ConnectionParameters) -> Schema:
        self.reads.append(parameters.database)
        names = self.tables[parameters.database]
        return Schema(objects=tuple(SchemaObject("table", name, name) for name in names))

    def types(self, parameters: ConnectionParameters, oids: Iterable[int]) -> dict[int, str]:
        self.asked.append(list(oids))
        return {oid: f"public.t{oid}" for oid in oids if oid < 20_000}


class Shop:
    """A recorder, a keeper and the databases they know."""

    def __init__(self, root: Path) -> None:
        self.world = Databases()
        self.recorder = Recorder(OriginFinder(Files(root)))
        self.keeper = SchemaKeeper(self.recorder, self.world.schema, self.world.types)
        self.recorder.before_drop = self.keeper.before_drop

    def send(self, text: str, database: str = "shop", oids: tuple[int, ...] = ()) -> None:
        session = self.recorder.session("psycopg", ConnectionParameters({"dbname": database}))
        self.recorder.record(text.encode(), oids, None, None, session)

    def names(self, database: str = "shop") -> list[str] | None:
        schema = self.keeper.databases()[database].schema
        return [item.name for item in schema.objects] if schema else None


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


def test_what_another_thread_changes_while_a_schema_is_read_is_read_next(shop: Shop) -> None:
    shop.world.tables["shop"] = ["a"]
    read = shop.world.schema

    def changed_meanwhile(parameters: ConnectionParameters) -> Schema:
        schema = read(parameters)
        with ThreadPoolExecutor(1) as thread:
            thread.submit(shop.send, "CREATE TABLE b ()").result()
        shop.world.tables["shop"] = ["a", "b"]
        return schema

    shop.keeper = SchemaKeeper(shop.recorder, changed_meanwhile, shop.world.types)
    shop.send("SELECT 1 FROM a")
    shop.keeper.look()
    assert shop.names() == ["a"]
    shop.keeper.look()
    assert shop.names() == ["a", "b"]


def test_a_schema_is_read_once_while_nothing_changes(shop: Shop) -> None:
    shop.world.tables["shop"] = ["a"]
    for _ in range(3):
        shop.send("SELECT 1")
        shop.keeper.look()
    assert shop.world.reads == ["shop"]
    assert shop.names() == ["a"]


def test_a_change_that_was_heard_makes_it_read_again(shop: Shop) -> None:
    shop.world.tables["shop"] = ["a"]
    shop.send("SELECT 1")
    shop.keeper.look()
    shop.send("CREATE TABLE b ()")
    shop.world.tables["shop"] = ["a", "b"]
    shop.keeper.look()
    assert shop.names() == ["a", "b"]


def test_the_last_schema_with_tables_is_kept(shop: Shop) -> None:
    shop.world.tables["shop"] = ["a"]
    shop.send("SELECT 1")
    shop.keeper.look()
    shop.send("DROP TABLE a")
    shop.world.tables["shop"] = []
    shop.keeper.look(last=True)
    assert shop.names() == ["a"]
    assert shop.keeper.databases()["shop"].why_no_schema == ""


def test_tables_are_read_before_they_are_dropped_and_only_once(shop: Shop) -> None:
    shop.world.tables["shop"] = ["a", "b"]
    shop.send("CREATE TABLE a ()")
    shop.send("SELECT 1")
    shop.send("DROP TABLE a")
    shop.send("DROP TABLE b")
    assert shop.world.reads == ["shop"]
    assert shop.names() == ["a", "b"]


def test_whoever_counts_objects_does_not_see_that_a_schema_was_read(shop: Shop) -> None:
    """As in a task, whose context begins as a copy of the loop's."""
    shop.world.tables["shop"] = []

    def work() -> int:
        shop.keeper.before_drop("shop")
        gc.collect()
        return len(gc.get_objects())

    def rounds() -> list[int]:
        gc.collect()
        before = len(gc.get_objects())
        shop.world.tables["shop"] = [f"t{number}" for number in range(50)]
        return [work() - before, work() - before]

    shop.send("SELECT $1", oids=(16_500,))
    shop.recorder.schemas["shop"] = SchemaState()
    work()
    loops = copy_context()
    loops.run(ContextVar[str]("the loop's").set, "set")
    assert loops.copy().run(rounds) == [0, 0]
    assert shop.world.reads == ["shop", "shop"]
    assert len(shop.names() or ()) == 50


def test_a_dropped_database_nobody_asked_is_not_read(shop: Shop) -> None:
    shop.send("DROP DATABASE elsewhere", database="postgres")
    assert shop.world.reads == []
    assert shop.keeper.databases() == {}


def test_databases_made_by_the_same_statements_are_read_once(shop: Shop) -> None:
    for name in ("test_1", "test_2", "test_3"):
        shop.world.tables[name] = ["a"]
        shop.send("CREATE TABLE a ()", name)
        shop.send("SELECT 1", name)
        shop.keeper.look()
    assert shop.world.reads == ["test_1"]
    assert shop.names("test_3") == ["a"]


def test_a_database_without_tables_is_given_up_and_explained(shop: Shop) -> None:
    shop.world.tables["shop"] = []
    shop.send("SELECT 1")
    for _ in range(ATTEMPTS + 3):
        shop.keeper.look()
    assert len(shop.world.reads) == ATTEMPTS
    assert "had no tables" in shop.keeper.databases()["shop"].why_no_schema


def test_databases_of_one_name_on_two_servers_are_two(shop: Shop) -> None:
    """Each has a schema, and types whose numbers mean something else on the other one."""
    names = []
    for port in ("5433", "5434"):
        parameters = ConnectionParameters({"dbname": "shop", "host": "127.0.0.1", "port": port})
        names.append(parameters.database)
        shop.world.tables[parameters.database] = [port]
        session = shop.recorder.session("psycopg", parameters)
        shop.recorder.record(b"SELECT $1", (16_500,), None, None, session)
        shop.keeper.look()
    assert names == ["shop@localhost:5433", "shop@localhost:5434"]
    assert [shop.names(name) for name in names] == [["5433"], ["5434"]]
    shop.recorder.record(b"DROP DATABASE shop", (), None, None, session)
    assert shop.world.reads == names


def test_a_database_that_is_gone_says_so(shop: Shop) -> None:
    shop.send("SELECT 1")
    shop.keeper.look()
    database = shop.keeper.databases()["shop"]
    assert database.schema is None
    assert "shop could not be read" in database.why_no_schema


def test_types_are_asked_once_and_unknown_ones_again_at_the_end(shop: Shop) -> None:
    shop.world.tables["shop"] = ["a"]
    shop.send("SELECT $1, $2", oids=(16_500, 20_500))
    shop.keeper.look()
    shop.keeper.look()
    shop.keeper.look(last=True)
    assert shop.world.asked == [[16_500, 20_500], [20_500]]
    assert shop.keeper.databases()["shop"].types == {16_500: "public.t16500"}


def test_news_are_told_once(shop: Shop) -> None:
    shop.world.tables["shop"] = ["a"]
    shop.send("SELECT 1")
    shop.keeper.look()
    assert list(shop.keeper.news()) == ["shop"]
    assert shop.keeper.news() == {}
    shop.send("CREATE TABLE b ()")
    shop.world.tables["shop"] = ["a", "b"]
    shop.keeper.look()
    assert list(shop.keeper.news()) == ["shop"]


def test_a_database_that_cannot_be_read_is_left_alone_after_some_attempts(shop: Shop) -> None:
    shop.send("SELECT 1")
    for number in range(3 * ATTEMPTS):
        shop.send(f"CREATE TABLE t{number} ()")  # news each time, and no such database
        shop.keeper.look()
    assert len(shop.world.reads) == ATTEMPTS
    assert shop.names() is None


def test_what_is_read_leaves_no_settings_to_the_next_user_of_a_pooled_session(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sent: list[str] = []

    @contextmanager
    def opened(_: ConnectionParameters) -> Iterator[Callable[[str], list[object]]]:
        def run(text: str) -> list[object]:
            sent.append(text)
            return []

        yield run

    monkeypatch.setattr(dbapi, "opened", opened)
    with readers.reading(ConnectionParameters({"dbname": "shop"}, driver="pg8000")) as run:
        run("SELECT 1")
    assert sent == ["BEGIN READ ONLY", readers.LIMITS, "SELECT 1", "ROLLBACK"]
