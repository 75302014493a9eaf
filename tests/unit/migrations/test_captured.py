"""Where what is new begins and ends among the statements a suite sends."""

from __future__ import annotations

import psycopg
import pytest

from pytest_planguard.migrations.recorded import Sent
from pytest_planguard.migrations.sources import captured
from pytest_planguard.migrations.sources.captured import NOT_MET, NOT_REACHED, ddl_of, split, ways
from pytest_planguard.model.capture import Ddl
from pytest_planguard.model.statement import Layer, Origin, Phase, Place

PLACE = Origin("db/migrate.py", 3, "upgrade", Layer.MIGRATION)


class Database:
    """Tables and indexes by name, made and dropped by the only four statements it knows."""

    closed = False

    def __init__(self) -> None:
        self.now: dict[str, set[str]] = {"table": set(), "index": set()}
        self.bounds: list[str] = []

    def execute(self, query: bytes) -> Database:
        verb, what, *rest = query.decode().split()
        if verb == "SET":
            self.bounds.append(what)
        elif verb == "CREATE":
            if rest[1:] and rest[2] not in self.now["table"]:
                raise psycopg.errors.UndefinedTable(rest[2])
            self.now[what.lower()].add(rest[0])
        elif verb == "DROP" and rest[0] in self.now[what.lower()]:
            self.now[what.lower()].remove(rest[0])
        elif verb == "DROP":
            raise psycopg.errors.UndefinedObject(rest[0])
        return self

    def fetchone(self) -> tuple[int, int]:
        return len(self.now["table"]), len(self.now["index"])


def at(tables: str, indexes: str = "") -> captured.Facts:
    return dict.fromkeys(tables.split(), ()), dict.fromkeys(indexes.split(), "")


def facts(database: Database) -> captured.Facts:
    return at(" ".join(database.now["table"]), " ".join(database.now["index"]))


def parted(*texts: str, wanted: captured.Facts, today: captured.Facts, **more) -> captured.Split:
    return split([Sent(text, PLACE) for text in texts], Database(), wanted, today, facts, **more)


UP = ("CREATE TABLE a", "CREATE INDEX a_i ON a")
NEW = ("CREATE TABLE b", "CREATE INDEX b_i ON b")
BASELINE = at("a", "a_i")
TODAY = at("a b", "a_i b_i")


def test_what_takes_the_schema_down_again_is_no_migration():
    down = ("DROP INDEX b_i", "DROP TABLE b", "DROP INDEX a_i", "DROP TABLE a")
    found = parted(*UP, *NEW, *down, wanted=BASELINE, today=TODAY)
    assert found.before == UP
    assert tuple(one.text for one in found.after) == NEW
    assert found.after[0].place == PLACE


def test_the_last_time_the_baseline_is_met_before_today_counts():
    trial = ("CREATE TABLE c", "DROP TABLE c")
    found = parted(*UP, *trial, *NEW, "DROP TABLE b", wanted=BASELINE, today=TODAY)
    assert found.before == (*UP, *trial)
    assert tuple(one.text for one in found.after) == NEW


def test_a_migration_back_to_what_was_there_once_is_found():
    found = parted(*UP, "DROP INDEX a_i", wanted=BASELINE, today=at("a"))
    assert [one.text for one in found.after] == ["DROP INDEX a_i"]


def test_statements_the_server_refuses_are_on_neither_side():
    found = parted(
        "DROP TABLE z", *UP, "DROP INDEX z_i", *NEW, wanted=BASELINE, today=TODAY
    )  # fmt: skip
    assert (found.before, len(found.after)) == (UP, 2)


def test_a_suite_that_goes_up_and_down_by_each_migration_is_followed_without_the_downs():
    there_and_back = (UP[0], "DROP TABLE a", UP[1], "DROP INDEX a_i", *NEW, "DROP INDEX b_i")
    as_sent, without = ways([Sent(text) for text in there_and_back])
    assert split(as_sent, Database(), BASELINE, TODAY, facts).why_not == NOT_MET
    found = split(without, Database(), BASELINE, TODAY, facts)
    assert (found.before, tuple(one.text for one in found.after)) == (UP, NEW)
    assert len(list(ways([Sent(text) for text in (*UP, *NEW)]))) == 1


@pytest.mark.parametrize(
    ("texts", "why"), [(NEW, NOT_MET), ((*UP, NEW[0]), NOT_REACHED), ((), NOT_MET)]
)
def test_where_an_end_is_not_met_nothing_is_said_to_be_new(texts, why):
    found = parted(*texts, wanted=BASELINE, today=TODAY)
    assert (found.after, found.why_not) == ((), why)


def test_statements_that_go_on_for_too_long_are_given_up():
    found = parted(*UP, *NEW, wanted=BASELINE, today=TODAY, time_limit=0)
    assert found.after == ()
    assert "within 0 seconds" in found.why_not


def test_each_statement_is_bounded_by_the_time_that_is_left():
    database = Database()
    sent = [Sent(text) for text in (*UP, *NEW)]
    split(sent, database, BASELINE, TODAY, facts)
    assert database.bounds == ["statement_timeout"] * 4


def test_what_no_migration_sends_never_reaches_the_judging_server():
    texts = (
        "DROP DATABASE IF EXISTS shop; CREATE DATABASE shop",
        "ALTER SYSTEM SET fsync = off",
        "/* all */ DROP ROLE app",
        "CREATE TABLE a (id int); DROP ROLE app; BEGIN; CREATE INDEX i ON a (id) -- i\n;COMMIT",
        "GRANT SELECT ON a TO app",
        "COMMENT ON TABLE a IS 'all'",
        "TRUNCATE a RESTART IDENTITY CASCADE",
        "CREATE TEMP TABLE seen (id int)",
        "CREATE TABLE pg_temp.seen (id int)",
        "CREATE TEMPORARY VIEW v AS SELECT 1",
        "CREATE TEMP SEQUENCE s",
        "CREATE TEMP TABLE seen AS SELECT 1",
        "SELECT 1 INTO TEMP seen",
        "CREATE VIEW w AS SELECT 1",
    )
    place = Place(PLACE, "t.py::test_a", Phase.SETUP)
    ddl = [Ddl(text, "shop", place) for text in texts]
    ddl += [Ddl(f"DROP DATABASE worker_{n}", "postgres", place) for n in range(50)]
    assert [(one.text, one.place) for one in ddl_of(ddl, lambda _: True)] == [
        ("CREATE TABLE a (id int)", PLACE),
        ("CREATE INDEX i ON a (id) -- i", PLACE),
        ("CREATE VIEW w AS SELECT 1", PLACE),
    ]
