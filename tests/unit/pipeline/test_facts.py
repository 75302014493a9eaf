from types import SimpleNamespace

import pytest

from pytest_planguard.model.catalog import Catalog, Server
from pytest_planguard.model.spec import DatabaseSpec
from pytest_planguard.model.statistics import (
    ColumnStatistics,
    ExtendedNumbers,
    ExtendedStatistics,
    IndexStatistics,
    ScaleSource,
    Statistics,
    TableStatistics,
    ValuePolicy,
)
from pytest_planguard.pipeline.facts import database_report

MASKED = ColumnStatistics(masked=True)


def fidelity(**facts):
    statistics = Statistics(
        {"public.t": TableStatistics(9.0, 1, **facts)},
        "2026-01-01",
        ScaleSource.PRODUCTION,
        server_version=180006,
        values=ValuePolicy.MASKED,
    )
    server = SimpleNamespace(provider="embedded", lacking=())
    fixture = SimpleNamespace(statistics=statistics, server=server, lacking=(), checked=True)
    planner = SimpleNamespace(fixture=fixture, catalog=Catalog(Server(180006, "18.6"), {}, {}))
    return database_report(DatabaseSpec(), planner).fidelity


def extended(**sides):
    return {"extended": {"public.s": ExtendedStatistics("", ("a", "b"), **sides)}}


@pytest.mark.parametrize(
    "facts",
    [
        {"columns": {"a": MASKED}},
        {"inherited": {"a": MASKED}},
        {"indexes": {"i": IndexStatistics(1, 1.0, expressions={"lower": MASKED})}},
        extended(own=ExtendedNumbers(expressions={"lower(a)": MASKED})),
        extended(inherited=ExtendedNumbers(masked=True)),
    ],
)
def test_a_database_with_stand_ins_anywhere_is_not_exact(facts):
    found = fidelity(**facts)
    assert not found.exact
    assert found.reasons == ("texts are stand-ins of like length, order and frequency",)


def test_a_masked_database_where_nothing_had_to_be_replaced_is_exact():
    found = fidelity(columns={"a": ColumnStatistics()}, **extended(own=ExtendedNumbers()))
    assert (found.exact, found.reasons) == (True, ())
