from __future__ import annotations

import datetime as dt
from typing import Any

import msgspec
import pytest

import fix_plans
from pytest_planguard.model.catalog import Catalog
from pytest_planguard.model.judgement import RunContext
from pytest_planguard.model.spec import Thresholds
from pytest_planguard.model.statistics import (
    IndexStatistics,
    ScaleSource,
    Statistics,
    TableStatistics,
)
from pytest_planguard.rules import (
    collation_differs,
    planner_settings_differ,
    schema_drift,
    statistics_doubtful,
)

TODAY = dt.date(2026, 11, 26)


def fixture(**server: Any) -> Catalog:
    catalog = fix_plans.catalog()
    known = msgspec.structs.replace(catalog.server, collation="en_US.utf8", **server)
    return msgspec.structs.replace(catalog, server=known)


def run(source: Statistics | None, catalog: Catalog | None = None, **more: Any) -> RunContext:
    return RunContext(
        "default", (), catalog or fixture(), Thresholds(), source, **{"today": TODAY} | more
    )


def source(**facts: Any) -> Statistics:
    return Statistics(
        **{
            "tables": {}, "clock": "2026-11-20T00:00:00+00:00", "source": ScaleSource.PRODUCTION,
            "server_version": 180_006,
        } | facts
    )  # fmt: skip


def messages(rule: Any, context: RunContext) -> list[str]:
    return [one.message for one in rule.check_run(context)]


RULES = (collation_differs, planner_settings_differ, schema_drift, statistics_doubtful)


@pytest.mark.parametrize("rule", RULES)
def test_without_a_statistics_file_nothing_is_compared(rule):
    assert messages(rule, run(None)) == []


def test_the_spelling_of_a_locale_is_no_difference():
    assert messages(collation_differs, run(source(collation="en_US.UTF-8"))) == []


def test_another_collation_is_named_with_both():
    assert messages(collation_differs, run(source(collation="C"))) == [
        "production sorts text by C, plans are made with en_US.utf8"
    ]


def test_c_and_posix_sort_alike_and_an_unknown_collation_is_not_compared():
    bytewise = fixture()
    bytewise = msgspec.structs.replace(
        bytewise, server=msgspec.structs.replace(bytewise.server, collation="POSIX")
    )
    assert messages(collation_differs, run(source(collation="C"), bytewise)) == []
    assert messages(collation_differs, run(source(collation=""))) == []


def test_settings_that_differ_are_named_with_both_values_and_defaults():
    theirs = source(settings={"random_page_cost": "1.1", "work_mem": "64MB", "jit": "off"})
    ours = fixture(settings={"work_mem": "65536kB", "enable_memoize": "off"})

    (said,) = messages(planner_settings_differ, run(theirs, ours))
    assert said == (
        "3 planner settings differ from production's: enable_memoize (on there, off here), "
        "jit (off there, on here), random_page_cost (1.1 there, 4 here)"
    )


def test_what_does_not_move_a_plan_is_no_difference():
    theirs = source(settings={"effective_io_concurrency": "200", "random_page_cost": "4.0"})
    assert messages(planner_settings_differ, run(theirs)) == []


def test_a_default_is_that_of_its_major():
    ours = fixture(settings={"hash_mem_multiplier": "1"})
    assert messages(planner_settings_differ, run(source(server_version=140_012), ours)) == []
    assert messages(planner_settings_differ, run(source(), ours)) != []


def test_settings_that_were_not_read_are_not_compared():
    ours = fixture(settings={"work_mem": "1GB"})
    assert messages(planner_settings_differ, run(source(server_version=0), ours)) == []


def test_another_major_is_named():
    (said,) = messages(statistics_doubtful, run(source(server_version=150_018)))
    assert said.startswith("server-major-differs: production runs PostgreSQL 15, plans are made by")


def test_statistics_are_old_after_thirty_days_and_the_message_is_the_same_tomorrow():
    old = source(clock="2026-10-26T00:00:00+00:00")
    expected = "statistics-old: the statistics are of 2026-10-26, more than 30 days ago"

    assert messages(statistics_doubtful, run(old)) == [expected]
    assert messages(statistics_doubtful, run(old, today=TODAY + dt.timedelta(1))) == [expected]
    assert messages(statistics_doubtful, run(source(clock="2026-10-27T00:00:00+00:00"))) == []
    assert messages(statistics_doubtful, run(old, today=None)) == []


def test_missing_statistics_are_a_finding_only_where_some_sizes_are_declared():
    assumed = {"public.a": ScaleSource.ASSUMED, "public.b": ScaleSource.ASSUMED}
    mixed = {**assumed, "public.orders": ScaleSource.DECLARED}

    assert messages(statistics_doubtful, run(None, sizes=assumed)) == []
    assert messages(statistics_doubtful, run(None, sizes={"x": ScaleSource.DECLARED})) == []
    tools = {"public.orders": ScaleSource.DECLARED, "public.django_migrations": ScaleSource.ASSUMED}
    assert messages(statistics_doubtful, run(None, sizes=tools)) == []
    (said,) = messages(statistics_doubtful, run(None, sizes=mixed))
    assert said == (
        "statistics-missing: 2 of 3 tables have neither statistics nor declared rows, 1,000,000 "
        "are assumed: public.a, public.b"
    )


def test_drift_is_told_by_kind_indexes_first_with_the_largest_table_first():
    catalog = fixture()
    orders = catalog.tables["public.orders"]
    types = {c.name: f"{c.type} not null" if c.not_null else c.type for c in orders.columns}
    handmade = "CREATE INDEX by_hand ON public.orders USING btree (lower(note))"
    known = {
        one.name: IndexStatistics(10, 10.0, definition=one.definition)
        for one in catalog.indexes_of("public.orders")
    }
    constraints = {one.name: one.definition for one in orders.constraints}
    theirs = TableStatistics(
        47e6,
        400_000,
        types={**types, "legacy": "text"},
        indexes={**known, "by_hand": IndexStatistics(10, 10.0, definition=handmade)},
        constraints=constraints,
    )
    others = {name: TableStatistics(10, 1) for name in catalog.tables if name != "public.orders"}
    tables = {**others, "public.orders": theirs, "public.audit": TableStatistics(9, 1)}
    found = list(schema_drift.check_run(run(source(tables=tables))))

    assert [one.message for one in found] == [
        "1 index only in production: orders",
        "1 column only in production: orders",
        "1 table only in production: audit",
    ]
    assert found[0].remedy.splitlines()[1:] == [handmade]
    assert found[1].remedy.splitlines()[1:] == ["public.orders: legacy text"]
    assert {one.severity.value for one in found} == {"warning"}


def test_a_schema_that_was_never_migrated_is_one_readable_line_a_kind():
    tables = {f"public.t{n:03}": TableStatistics(float(n), 1) for n in range(300)}
    theirs, ours, *_ = schema_drift.check_run(run(source(tables=tables)))

    assert theirs.message.startswith("300 tables only in production: t299, t298")
    assert theirs.message.endswith("and 292 more tables")
    assert "and 292 more" in theirs.remedy
    assert " tables only in the migrations: " in ours.message
