"""The copy with candidate indexes plans what is old exactly as the fixture database does."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_planguard.config import load
from pytest_planguard.errors import ScaleError
from pytest_planguard.model.capture import Capture
from pytest_planguard.model.plan import Planned
from pytest_planguard.model.ports import HypotheticalIndex
from pytest_planguard.model.statement import Origin, Phase, Place, Sample, Session, Statement
from pytest_planguard.pipeline import open_planner
from pytest_planguard.sql.normalise import queries

SCHEMA = """
CREATE TABLE customers (id bigint PRIMARY KEY, email text NOT NULL);
CREATE TABLE orders (
    id bigint PRIMARY KEY,
    customer_id bigint NOT NULL REFERENCES customers,
    number text NOT NULL UNIQUE,
    reference text NOT NULL
);
CREATE INDEX ON orders (customer_id);
"""
CONFIGURATION = """
[tool.pytest-planguard.database]
schema = "schema.sql"
[tool.pytest-planguard.tables.orders]
rows = 47_000_000
columns = { reference = { distinct = 40_000_000 } }
[tool.pytest-planguard.tables.customers]
rows = 6_000_000
"""
TEXTS = [
    "SELECT * FROM orders WHERE id = $1",
    "SELECT * FROM orders WHERE customer_id = $1",
    "SELECT * FROM orders o JOIN customers c ON c.id = o.customer_id WHERE o.number = $1::text",
    "SELECT * FROM orders WHERE reference = $1::text",
]
CANDIDATE = HypotheticalIndex("orders_reference_idx", "public.orders", "btree", ("reference",))


@pytest.fixture
def planner(tmp_path: Path):
    (tmp_path / "schema.sql").write_text(SCHEMA)
    (tmp_path / "pyproject.toml").write_text(CONFIGURATION)
    tmp_path.chmod(0o755)
    place = Place(Origin("app.py", 1, "f"), "t", Phase.CALL)
    session = Session("app", "psycopg")
    statements = tuple(Statement(t, (20,), session, (Sample(("7",)),), (place,)) for t in TEXTS)
    capture = Capture(statements)
    with open_planner(load(tmp_path), "default", capture) as planner:
        yield planner, queries(capture)


def test_old_queries_cost_the_same_and_the_candidate_is_seen_when_named(planner):
    planner, asked = planner
    before = planner.explainer.explain(asked)
    assert all(isinstance(one, Planned) for one in before)
    with planner.trials.trial([CANDIDATE]) as trial:
        hidden = trial.plan([(q, p, frozenset()) for q, p in zip(asked, before, strict=True)])
        seen = trial.plan(
            [(q, p, frozenset({CANDIDATE.name})) for q, p in zip(asked, before, strict=True)]
        )
        assert trial.sizes[CANDIDATE.name] > 1e9
    assert [one.worst.cost for one in hidden] == [one.worst.cost for one in before]
    assert [one.worst.root for one in hidden] == [one.worst.root for one in before]
    # three levels: 47,000,000 rows; a height of 0 would cost 50 * cpu_operator_cost less for each
    reference = next(
        new for query, new in zip(asked, seen, strict=True) if "reference" in query.sql
    )
    assert reference.worst.cost == pytest.approx(8.58, abs=0.01)
    gained = [new.worst.cost < 0.01 * old.worst.cost for new, old in zip(seen, before, strict=True)]
    assert gained == [query.sql.endswith("reference = $1::text") for query in asked]


def test_only_what_is_said_to_be_read_comes_to_scale_and_nothing_else_is_planned(planner):
    planner, asked = planner
    before = planner.explainer.explain(asked)
    alone = [n for n, one in enumerate(before) if one.relations == {"public.orders"}]
    joined = next(n for n, one in enumerate(before) if len(one.relations) == 2)
    with planner.trials.trial([CANDIDATE], [before[n] for n in alone]) as trial:
        seen = trial.plan([(asked[n], before[n], frozenset()) for n in alone])
        assert [one.worst.root for one in seen] == [before[n].worst.root for n in alone]
        with pytest.raises(ScaleError, match=r"not at scale .*: public\.customers\n"):
            trial.plan([(asked[joined], before[joined], frozenset())])
    assert len(alone) == 3


def test_an_index_the_server_refuses_is_named_with_its_message(planner):
    planner, _ = planner
    wrong = HypotheticalIndex("wrong_idx", "public.orders", "btree", ("nothing",))
    with planner.trials.trial([wrong, CANDIDATE]) as trial:
        assert trial.refused == {"wrong_idx": 'column "nothing" does not exist'}
        assert set(trial.sizes) == {CANDIDATE.name}


def test_a_refusal_quotes_no_value_of_a_predicate(planner):
    planner, _ = planner
    secret = HypotheticalIndex(
        "secret_idx", "public.orders", "btree", ("id",), predicate="id = 'ada@example.org'"
    )
    with planner.trials.trial([secret]) as trial:
        assert trial.refused == {"secret_idx": 'invalid input syntax for type bigint: "…"'}
