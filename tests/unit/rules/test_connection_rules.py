"""What is said of connections: sums, lines and words; the examples say when."""

from __future__ import annotations

from pytest_planguard.model.connections import (
    UNBOUNDED,
    Deployment,
    Held,
    Hold,
    Maker,
    Opened,
    Per,
    Pool,
    Pooler,
)
from pytest_planguard.model.judgement import ConnectionsContext
from pytest_planguard.model.statement import Origin
from pytest_planguard.rules import (
    connection_budget,
    connection_not_returned,
    left_in_transaction,
    nested_checkout,
    no_timeouts,
    unbounded_pool,
)

DB = Origin("app/db.py", 9, "make_engine")
JOBS = Origin("app/jobs.py", 4, "make_pool")


def pool(
    origin: Origin = DB, most: int = 15, *, per: Per = Per.PROCESS, kind: str = "QueuePool"
) -> Pool:
    return Pool(origin, "default", Maker.SQLALCHEMY, kind, most, f"most={most}", per)


def budget(*pools: Pool, **deployment: object):
    given = {"instances": 6, "workers": 4, "max_connections": 200, **deployment}
    context = ConnectionsContext(pools=pools, deployment=Deployment(**given))
    return list(connection_budget.check_connections(context))


def test_the_sum_is_written_out_with_the_line_of_each_pool():
    (found,) = budget(pool(), pool(JOBS, 5))
    assert found.message == (
        "6 instances × 4 workers × (15 of app/db.py:9 (most=15) + 5 of app/jobs.py:4 (most=5)) "
        "= 480; max_connections are 200, 3 of them reserved: 197"
    )
    assert found.remedy.startswith("8 connections a process would fit")
    assert found.evidence["connections"] == 480
    assert found.origins == (DB, JOBS)


def test_a_sum_that_just_fits_is_silent_and_one_more_is_not():
    assert budget(pool(most=8), reserved=8) == []  # 192 of 192
    assert len(budget(pool(most=8), reserved=9)) == 1


def test_a_pool_made_by_the_same_line_again_counts_once_at_its_largest():
    assert budget(pool(most=2), pool(most=8), pool(most=5)) == []


def test_pools_of_threads_are_counted_for_each_thread():
    (found,) = budget(pool(most=1, per=Per.THREAD), threads=10)
    assert found.evidence["connections"] == 240
    assert "1 × 10 threads of app/db.py:9" in found.message


def test_without_a_number_of_connections_nothing_is_summed_up():
    assert budget(pool(), max_connections=None) == []


def test_a_pooler_stands_between_clients_and_the_server():
    assert budget(pool(), pooler=Pooler()) == []
    (clients,) = budget(pool(), pooler=Pooler(clients=100, servers=50))
    assert clients.message.endswith("= 360; the pooler takes 100")
    (servers,) = budget(pool(), pooler=Pooler(clients=500, servers=250))
    assert servers.message.startswith("the pooler opens 250 connections; max_connections are 200")


def test_a_pool_without_a_maximum_is_not_in_the_sum():
    assert budget(pool(most=UNBOUNDED)) == []


def test_a_line_that_keeps_connections_is_one_finding_with_all_its_tests():
    held = tuple(
        Held(Hold.CONNECTION, DB, "default", Maker.PSYCOPG_POOL, f"test_{name}") for name in "bab"
    )
    (found,) = connection_not_returned.check_connections(ConnectionsContext(held=held))
    assert (found.origins, found.tests) == ((DB,), ("test_a", "test_b"))
    assert found.message == (
        "a connection of the psycopg_pool pool is not given back: still taken after 2 tests and "
        "their teardown"
    )
    assert list(left_in_transaction.check_connections(ConnectionsContext(held=held))) == []


def timeouts(*names: str, server: frozenset[str] = frozenset()):
    opened = (Opened(DB, "default", Maker.SQLALCHEMY, names),)
    context = ConnectionsContext(opened=opened, timeouts=server)
    return [one.message for one in no_timeouts.check_connections(context)]


def test_what_lacks_is_named_and_one_timeout_may_stand_for_another():
    both = "no statement_timeout and no idle_in_transaction_session_timeout"
    assert timeouts() == [f"connections made here have {both}"]
    assert timeouts("lock_timeout") == timeouts()
    (idle,) = timeouts("statement_timeout")
    assert idle.endswith("have no idle_in_transaction_session_timeout")
    assert timeouts("transaction_timeout") == []
    assert timeouts("statement_timeout", server=frozenset({"transaction_timeout"})) == []


def test_classes_that_keep_nothing_are_for_poolers():
    null = pool(most=UNBOUNDED, kind="NullPool")
    context = ConnectionsContext(pools=(null,))
    (found,) = unbounded_pool.check_connections(context)
    assert found.severity == "warning"
    deployed = ConnectionsContext(pools=(null,), deployment=Deployment(pooler=Pooler()))
    assert list(unbounded_pool.check_connections(deployed)) == []
    open_ = ConnectionsContext(
        pools=(pool(most=UNBOUNDED),), deployment=Deployment(pooler=Pooler())
    )
    (found,) = unbounded_pool.check_connections(open_)
    assert found.severity == "error"


def test_a_second_connection_is_told_at_its_line_with_the_line_of_the_first():
    held = tuple(
        Held(Hold.NESTED, DB, "default", Maker.SQLALCHEMY, f"test_{name}", JOBS) for name in "ab"
    )
    (found,) = nested_checkout.check_connections(ConnectionsContext(held=held))
    assert (found.origins, found.tests) == ((DB,), ("test_a", "test_b"))
    assert found.message == (
        "a second connection of the sqlalchemy pool is taken here while app/jobs.py:4 make_pool "
        "holds one, in 2 tests"
    )
