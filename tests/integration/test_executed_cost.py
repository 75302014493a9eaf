"""What is left of a plan when it starts, against the planner's own plan of what is left."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import psycopg
import pytest

from pytest_planguard.model.plan import PlanNode
from pytest_planguard.sql.executed import executed_cost

SCHEMA = """
CREATE TABLE events (id bigint, customer_id int, at date NOT NULL, kind text)
PARTITION BY RANGE (at);
DO $$ BEGIN FOR n IN 0..11 LOOP EXECUTE format(
    'CREATE TABLE events_%s PARTITION OF events FOR VALUES FROM (%L) TO (%L)',
    n, '2025-01-01'::date + n * 30, '2025-01-01'::date + n * 30 + 30
); END LOOP; END $$;
INSERT INTO events
SELECT i, i % 500, '2025-01-01'::date + i % 360, 'kind ' || i % 7 FROM generate_series(1, 60000) i;
CREATE INDEX events_customer_idx ON events (customer_id);
CREATE INDEX events_at_idx ON events (at);
CREATE TABLE wanted AS SELECT i AS customer_id FROM generate_series(1, 20) AS i;
CREATE FUNCTION since() RETURNS date STABLE LANGUAGE plpgsql COST 0.0001
AS $$ BEGIN RETURN '2025-10-28'::date; END $$;
ANALYZE;
"""
QUERIES = {
    "all of it": "SELECT * FROM events WHERE at >= {}",
    "grouped": "SELECT kind, count(*) FROM events WHERE at >= {} GROUP BY kind",
    "sorted": "SELECT * FROM events WHERE customer_id = 7 AND at >= {} ORDER BY kind",
    "sorted, the first": "SELECT * FROM events WHERE at >= {} ORDER BY kind LIMIT 5",
    "merged": "SELECT * FROM events WHERE at >= {} ORDER BY at DESC",
    "joined by a merge": "SELECT * FROM wanted JOIN events USING (customer_id) WHERE at >= {}",
    "joined by a hash": "SELECT * FROM wanted JOIN events ON events.customer_id + 0 = "
    "wanted.customer_id WHERE at >= {}",
    "the first of all": "SELECT * FROM events WHERE at >= {} ORDER BY customer_id LIMIT 9",
    "a page of it": "SELECT * FROM events WHERE at >= {} ORDER BY customer_id LIMIT 9 OFFSET 200",
    "the first of each": "SELECT * FROM wanted, LATERAL (SELECT * FROM events WHERE at >= {} "
    "AND customer_id = wanted.customer_id ORDER BY kind LIMIT 1) AS latest",
    "beside a sub-select": "SELECT * FROM events WHERE at >= {} AND customer_id < "
    "(SELECT max(customer_id) FROM wanted) ORDER BY kind LIMIT 5",
    "in a union": "SELECT id FROM events WHERE at >= {} UNION ALL SELECT customer_id FROM wanted",
}
_WITHIN = {"Merge Join": 0.35, "Merge Append": 0.1}
"""A merge join stops where values end, of which a plan says nothing; comparing rows of so many
inputs is not told apart from reading them."""


def plans(url: str, query: str) -> tuple[PlanNode, PlanNode]:
    """Pruned when it starts, and pruned when it is planned."""
    with psycopg.connect(url, autocommit=True) as connection:
        found = []
        for bound in ("since()", "DATE '2025-10-28'"):
            text = f"EXPLAIN (FORMAT JSON) {query.format(bound)}"
            ((document,),) = connection.execute(text.encode()).fetchall()
            found.append(msgspec.convert(document[0]["Plan"], PlanNode))
        return found[0], found[1]


@pytest.fixture(scope="module")
def url(server_url: str) -> Iterator[str]:
    """Of a database with twelve partitions, of which a query of the last 60 days reads two."""
    name = "executed_cost"
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
        found = server_url.replace("/postgres?", f"/{name}?")
        with psycopg.connect(found, autocommit=True) as inside:
            inside.execute(SCHEMA.encode())
        yield found
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


@pytest.mark.parametrize("name", QUERIES)
def test_what_is_pruned_at_the_start_costs_what_it_costs_without(url: str, name: str) -> None:
    late, early = plans(url, QUERIES[name])
    kinds = [[node.node_type for node in root.walk()] for root in (late, early)]
    assert kinds[0] == kinds[1]
    assert [node.subplans_removed for node in late.walk() if node.subplans_removed] == [10]
    assert late.total_cost > 1.1 * early.total_cost  # what EXPLAIN says of it is too much
    within = max(0.02, *(_WITHIN.get(kind, 0.0) for kind in kinds[0]))
    assert executed_cost(late) == pytest.approx(early.total_cost, rel=within)


def test_what_is_pruned_as_a_whole_costs_nothing(url: str) -> None:
    late, _ = plans(url, "SELECT * FROM events WHERE at >= {} + 9999")
    assert late.total_cost > 50
    assert executed_cost(late) == 0


def test_a_plan_of_which_nothing_is_pruned_costs_what_it_says(url: str) -> None:
    _, early = plans(url, QUERIES["the first of each"])
    assert executed_cost(early) == early.total_cost
