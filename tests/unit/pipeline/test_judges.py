from __future__ import annotations

from collections.abc import Iterator

import fix_plans
from pytest_planguard.model.connections import UNBOUNDED, Maker, Pool
from pytest_planguard.model.finding import Candidate, RuleFacts
from pytest_planguard.model.judgement import ConnectionsContext, Context, RunContext
from pytest_planguard.model.migrating import MigrationContext
from pytest_planguard.model.migration import Migration, Tool
from pytest_planguard.model.spec import Thresholds
from pytest_planguard.model.statement import Origin
from pytest_planguard.pipeline.judges import Judges
from pytest_planguard.rules import seq_scan_large_table, unbounded_pool


class Broken:
    """A rule of somebody's that is wrong about what it is given, after its first finding."""

    FACTS: RuleFacts = seq_scan_large_table.FACTS

    def check(self, context: Context) -> Iterator[Candidate]:
        yield from seq_scan_large_table.check(context)
        raise TypeError("unsupported operand type(s) for +: 'int' and 'NoneType'")


class BrokenOnRuns:
    FACTS: RuleFacts = seq_scan_large_table.FACTS

    def check_run(self, context: RunContext) -> Iterator[Candidate]:
        raise KeyError(f"the secret {context.database}")


RUN = RunContext("default", (), fix_plans.catalog(), Thresholds())


def test_a_rule_that_fails_costs_no_other_rules_findings() -> None:
    context = fix_plans.context("seq_equality")
    judges = Judges({"ABC001": Broken(), "PLN001": seq_scan_large_table})

    (found,) = judges.of_query(context)

    assert found.rule == "PLN001"
    assert judges.notes == (
        (
            "rule ABC001 failed on 1 query and says nothing there: TypeError: unsupported operand "
            "type(s) for +: 'int' and 'NoneType'; please report it"
        ),
    )


def test_a_rule_that_fails_again_and_again_is_one_note() -> None:
    judges = Judges({"ABC001": Broken()})

    assert [judges.of_query(fix_plans.context("seq_equality")) for _ in range(3)] == [[], [], []]

    (note,) = judges.notes
    assert note.startswith("rule ABC001 failed on 3 queries and says nothing there: TypeError")


def test_a_rule_that_fails_on_the_run_is_told_without_what_its_error_quotes() -> None:
    judges = Judges({"ABC002": BrokenOnRuns(), "PLN001": seq_scan_large_table})

    assert judges.of_run(RUN) == []

    (note,) = judges.notes
    assert "rule ABC002 failed on the run as a whole and says nothing there: KeyError" in note
    assert "secret" not in note


def test_rules_that_work_leave_no_note() -> None:
    judges = Judges({"PLN001": seq_scan_large_table})

    judges.of_query(fix_plans.context("seq_equality"))

    assert judges.notes == ()


class BrokenElsewhere:
    FACTS: RuleFacts = seq_scan_large_table.FACTS

    def check_connections(self, context: ConnectionsContext) -> Iterator[Candidate]:
        raise KeyError(f"the secret {context.pools}")

    def check_migration(self, context: MigrationContext) -> Iterator[Candidate]:
        raise AttributeError("'NoneType' object has no attribute 'tables'")


def test_a_rule_that_fails_on_connections_or_migrations_is_told_and_ends_nothing() -> None:
    judges = Judges({"ABC003": BrokenElsewhere(), "CON003": unbounded_pool})
    line = Origin("app/db.py", 9, "make_engine")
    pool = Pool(line, "", Maker.SQLALCHEMY, "QueuePool", UNBOUNDED, "max_overflow=-1")
    catalog = fix_plans.catalog()
    migration = MigrationContext(
        Migration("default", Tool.SQL, "7.sql"), catalog, Thresholds(), catalog
    )

    (found,) = judges.of_connections(ConnectionsContext(pools=(pool,)))
    assert found.rule == unbounded_pool.FACTS.code
    assert judges.of_migration(migration) == []

    on_connections, on_migrations = judges.notes
    assert (
        "rule ABC003 failed on the connections and says nothing there: KeyError" in on_connections
    )
    assert "rule ABC003 failed on the migration and says nothing" in on_migrations
    assert "secret" not in on_connections
