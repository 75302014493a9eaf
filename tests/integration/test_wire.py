import pytest

from pytest_planguard.errors import ServerError
from pytest_planguard.planner.wire import Prepare, Refused, Run, Wire


@pytest.fixture
def wire(server_url):
    with Wire(server_url) as wire:
        wire.execute("CREATE TEMPORARY TABLE t (a int)")
        yield wire
        wire.idle()


def landed(wire, *units):
    answers = wire.send(units).land()
    wire.idle()
    return answers


def test_answers_come_in_the_order_of_the_units(wire):
    answers = landed(wire, *[[Run(f"SELECT {n}"), Run("SELECT 'x'")] for n in range(50)])
    assert answers == [[[(str(n),)], [("x",)]] for n in range(50)]


def test_two_statements_in_one_text_are_refused_and_neither_runs(wire):
    ((answer,),) = landed(wire, [Run("EXPLAIN SELECT 1; INSERT INTO t VALUES (1)")])
    assert isinstance(answer, Refused)
    assert answer.message == "cannot insert multiple commands into a prepared statement"
    assert wire.execute("SELECT count(*) FROM t") == [("0",)]


def test_nothing_can_be_written(wire, server_url):
    with Wire(server_url) as other:
        other.execute("CREATE TABLE written (a int)")
    try:
        ((answer,),) = landed(wire, [Run("INSERT INTO written VALUES (1)")])
    finally:
        with Wire(server_url) as other:
            other.execute("DROP TABLE written")
    assert isinstance(answer, Refused)
    assert answer.message == "cannot execute INSERT in a read-only transaction"


def test_a_failing_step_ends_its_unit_and_leaves_the_others_alone(wire):
    answers = landed(
        wire,
        [Run("SELECT 1")],
        [Run("SELECT 1"), Run("SELECT nothing"), Run("SELECT 3")],
        [Run("SELECT 4")],
    )
    assert answers[0] == [[("1",)]]
    assert answers[1][0] == [("1",)]
    assert answers[1][1] == Refused('column "nothing" does not exist', "42703")
    assert answers[1][2] is None
    assert answers[2] == [[("4",)]]


def test_a_prepared_statement_outlives_its_unit_and_has_the_types_it_was_given(wire):
    landed(wire, [Prepare("p", "SELECT pg_typeof($1)::text", (1700,))])
    assert wire.execute("EXECUTE p(5)") == [("numeric",)]


def test_a_setting_made_in_a_unit_ends_with_it(wire):
    before = wire.execute("SHOW search_path")
    landed(wire, [Run("SELECT set_config('search_path', 'elsewhere', true)")])
    assert wire.execute("SHOW search_path") == before


def test_a_server_that_is_lost_says_so(server_url):
    with Wire(server_url) as wire, Wire(server_url) as other:
        ((pid,),) = wire.execute("SELECT pg_backend_pid()::text")
        other.execute(f"SELECT pg_terminate_backend({pid})")
        with pytest.raises(ServerError, match=r"the server was (lost|stopped)"):
            wire.send([[Run("SELECT 1")]]).land()


def test_a_server_that_cannot_be_reached_says_so():
    with pytest.raises(ServerError, match="the fixture database can't be reached"):
        Wire("host=/nowhere dbname=x")
