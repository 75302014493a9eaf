from __future__ import annotations

import fix_plans
from pytest_planguard.model.judgement import RunContext
from pytest_planguard.model.plan import Planned, Unexplained
from pytest_planguard.model.query import Query
from pytest_planguard.model.spec import Thresholds
from pytest_planguard.rules.coverage import check_run


def run(*outcomes: tuple[Query, Planned | Unexplained]) -> RunContext:
    return RunContext("default", outcomes, fix_plans.catalog(), Thresholds())


def test_what_was_not_checked_is_counted_by_reason_most_first() -> None:
    planned = fix_plans.planned(fix_plans.root("primary_key"), fix_plans.catalog())
    checked = [(fix_plans.query("SELECT 1"), planned)] * 2
    missing = [Unexplained("CALL runs a procedure"), *[Unexplained("the parser rejects it")] * 2]

    (found,) = check_run(run(*checked, *((fix_plans.query("CALL x()"), one) for one in missing)))

    assert found.message == (
        "2 of 5 distinct queries checked; 3 not: the parser rejects it (2); "
        "CALL runs a procedure (1)"
    )
    assert (found.key, found.relation) == ("", None)


def test_nothing_is_said_where_everything_was_checked() -> None:
    planned = fix_plans.planned(fix_plans.root("primary_key"), fix_plans.catalog())

    assert list(check_run(run((fix_plans.query("SELECT 1"), planned)))) == []
    assert list(check_run(run())) == []
