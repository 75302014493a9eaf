from __future__ import annotations

import pytest

from pytest_planguard.capture.state import Follower, State, interned

NOTHING = interned(None, None, None, ())


def after(*said: str, opened: State = NOTHING, params: list[bytes] | None = None) -> State:
    follower = Follower(opened)
    for text in said:
        follower.follow(text.encode(), params)
    return follower.state


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("SET search_path TO tenant_a, public", "tenant_a, public"),
        ("/* x */ set session search_path = 'Tenant A'", '"Tenant A"'),
        ("SELECT set_config('search_path', 'tenant_a', false)", "tenant_a"),
        ("SELECT pg_catalog.set_config('search_path', '', false)", ""),
        ("SET search_path TO DEFAULT", "opened"),
        ("RESET search_path", "opened"),
        ("DISCARD ALL", "opened"),
        ("SET TIME ZONE 'UTC'", "opened"),
        ("SELECT 'SET search_path TO x'", "opened"),
    ],
)
def test_a_search_path_is_heard(text: str, path: str) -> None:
    assert after(text, opened=interned("opened", None, None, ())).path == path


def test_who_a_session_acts_as_is_heard() -> None:
    assert after("SET ROLE tenant").role == "tenant"
    assert after("SET LOCAL ROLE tenant").role is None
    assert after("SET SESSION AUTHORIZATION 'bob'").role == "bob"
    assert after("SET ROLE tenant", "RESET ROLE").role is None
    assert after("SET ROLE tenant", "SET ROLE NONE").role is None
    assert after("SET ROLE tenant", "RESET SESSION AUTHORIZATION").role is None


def test_planner_and_custom_settings_are_heard_and_others_left_aside() -> None:
    state = after(
        "SET work_mem = '64MB'", "SET enable_seqscan TO off", "SET app.tenant_id = 7",
        "SET statement_timeout = 5", "SET TimeZone = 'UTC'",
    )  # fmt: skip
    assert dict(state.settings) == {
        "work_mem": "64MB",
        "enable_seqscan": "off",
        "app.tenant_id": "7",
    }


def test_values_of_set_config_may_be_parameters() -> None:
    text = "SELECT set_config('app.tenant_id', $1, $2)"
    assert dict(after(text, params=[b"42", b"f"]).settings) == {"app.tenant_id": "42"}
    assert after(text, params=[b"42", b"t"]).settings == ()
    inside = after("BEGIN", "SELECT set_config($1::text, $2, true)", params=[b"app.x", b"y"])
    assert dict(inside.settings) == {"app.x": "y"}


def test_what_is_local_ends_with_the_transaction() -> None:
    said = ("BEGIN", "SET work_mem = '8MB'", "SET LOCAL work_mem = '64MB'")
    assert dict(after(*said).settings) == {"work_mem": "64MB"}
    assert dict(after(*said, "COMMIT").settings) == {"work_mem": "8MB"}
    assert after(*said, "ROLLBACK").settings == ()
    assert after("SET LOCAL work_mem = '1GB'").settings == ()


def test_a_savepoint_restores_what_was_set_after_it() -> None:
    said = ("BEGIN", "SET LOCAL a.b = 1", 'SAVEPOINT "s"', "SET a.b = 2", 'SAVEPOINT "t"',
            "SET a.b = 3")  # fmt: skip
    assert dict(after(*said).settings) == {"a.b": "3"}
    assert dict(after(*said, 'ROLLBACK TO SAVEPOINT "t"').settings) == {"a.b": "2"}
    assert dict(after(*said, 'ROLLBACK TO SAVEPOINT "s"').settings) == {"a.b": "1"}
    assert dict(after(*said, 'RELEASE SAVEPOINT "s"', "COMMIT").settings) == {"a.b": "3"}
    assert dict(after(*said, 'ROLLBACK TO "s"', 'RELEASE "s"', "COMMIT").settings) == {}


def test_a_text_of_several_statements_is_heard_as_a_whole() -> None:
    state = after("BEGIN; SET LOCAL search_path TO tenant_a; SET ROLE bob;")
    assert (state.path, state.role) == ("tenant_a", "bob")


def test_isolation_is_the_transactions_or_the_sessions() -> None:
    assert after("BEGIN ISOLATION LEVEL SERIALIZABLE").isolation == "serializable"
    assert after("BEGIN ISOLATION LEVEL SERIALIZABLE", "COMMIT").isolation is None
    assert after("BEGIN", "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ").isolation == (
        "repeatable read"
    )
    assert after("START TRANSACTION ISOLATION LEVEL READ COMMITTED").isolation is None
    for text in (
        "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL SERIALIZABLE",
        "SET default_transaction_isolation = 'serializable'",
    ):
        assert after(text, "BEGIN", "COMMIT").isolation == "serializable"


def test_the_commit_of_a_failed_transaction_undoes_it() -> None:
    status = [2]
    follower = Follower(NOTHING, lambda: status[0])
    follower.follow(b"SET work_mem = '1GB'")
    status[0] = 3
    assert follower.follow(b"COMMIT").settings == ()


def test_a_driver_that_begins_by_itself_says_whether_a_transaction_is_open() -> None:
    follower = Follower(NOTHING, lambda: 2)
    assert follower.follow(b"SET LOCAL work_mem = '1GB'").settings == (("work_mem", "1GB"),)
    follower.end(undo=False)
    assert follower.state is NOTHING


def test_equal_states_are_one_object() -> None:
    follower = Follower(NOTHING)
    one = follower.follow(b"SET work_mem = '1GB'")
    follower.follow(b"RESET work_mem")
    assert follower.follow(b"SET work_mem TO '1GB'") is one


def test_a_value_ends_where_its_statement_ends() -> None:
    said = "BEGIN", "SET LOCAL app.tenant = 'acme'; SELECT 1"
    assert dict(after(*said).settings) == {"app.tenant": "acme"}
    assert after("SET search_path TO 'tenant_a'; SELECT 1").path == "tenant_a"
    assert dict(after("SET app.tenant = 'a;b'; SELECT 1").settings) == {"app.tenant": "a;b"}
    assert dict(after("SET app.tenant = $$a;'b$$; SELECT 1").settings) != {}


def test_comments_are_no_part_of_a_value() -> None:
    assert after("SET search_path TO tenant_a /* traceparent='00-1;2' */").path == "tenant_a"
    assert after("SET /* a */ search_path TO tenant_a, public -- b").path == "tenant_a, public"


def test_settings_behind_the_first_statement_are_heard_whatever_stands_in_quotes() -> None:
    state = after("BEGIN; SET LOCAL app.tenant = 'acme'; SELECT ';'")
    assert dict(state.settings) == {"app.tenant": "acme"}
    assert after("SELECT 1; SET search_path TO tenant_a").path == "tenant_a"
    config = "BEGIN; SELECT set_config('app.tenant', 'acme', true)"
    assert dict(after(config).settings) == {"app.tenant": "acme"}


def test_a_long_text_that_begins_with_a_setting_is_split_too() -> None:
    assert after("SET search_path TO tenant_a; SELECT '" + "x" * 5_000 + "'").path == "tenant_a"
