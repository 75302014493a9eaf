from __future__ import annotations

from collections.abc import Iterator

import fix_plans
from pytest_planguard.model.finding import Candidate, RuleFacts
from pytest_planguard.model.judgement import Context, RunContext
from pytest_planguard.model.spec import Thresholds
from pytest_planguard.pipeline.judges import Judges
from pytest_planguard.rules import seq_scan_large_table


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
