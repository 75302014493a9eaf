"""Captured plans of fixtures/plans, with the catalog they were made in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
from msgspec import field

from pytest_planguard.model.catalog import Catalog
from pytest_planguard.model.finding import Advice
from pytest_planguard.model.judgement import Context, Read, Rewrite
from pytest_planguard.model.plan import Plan, Planned, PlanNode, SampleKind
from pytest_planguard.model.query import Query, Variant
from pytest_planguard.model.report import Change
from pytest_planguard.model.spec import Thresholds
from pytest_planguard.model.statement import Layer, Origin, Phase, Place, Session
from pytest_planguard.sql.reads import access_paths, reads, shape

FOLDER = Path(__file__).parent.parent / "fixtures" / "plans"
MAJORS = (16, 18)


class _Explained(msgspec.Struct):
    plan: PlanNode = field(name="Plan")


class _Captured(msgspec.Struct):
    sql: str
    plan: list[_Explained]


def catalog(major: int = 18) -> Catalog:
    return msgspec.json.decode((FOLDER / f"pg{major}" / "catalog.json").read_bytes(), type=Catalog)


def captured(name: str, major: int = 18) -> tuple[str, PlanNode]:
    """The statement and its plan."""
    raw = (FOLDER / f"pg{major}" / f"{name}.json").read_bytes()
    found = msgspec.json.decode(raw, type=_Captured)
    return found.sql, found.plan[0].plan


def root(name: str, major: int = 18) -> PlanNode:
    return captured(name, major)[1]


def reads_of(name: str, major: int = 18, **probes: Any) -> dict[str, Read]:
    """The reads of a captured plan by alias."""
    found = reads(root(name, major), catalog(major), Thresholds(), **probes)
    return {read.alias: read for read in found}


def query(sql: str, key: str = "abc", *, layer: Layer = Layer.APPLICATION, **more: Any) -> Query:
    """A query as one line of the application sends it, without parameters."""
    place = Place(Origin("app/orders.py", 41, "list_orders", layer), "tests/t.py::test", Phase.CALL)
    variants = more.pop("variants", (Variant(sql, (), Session("app", "psycopg")),))
    return Query(key, "default", sql, (), variants, (place,), **more)


def planned(node: PlanNode, of: Catalog, sample: SampleKind = SampleKind.CAPTURED) -> Planned:
    return Planned((Plan(sample, node, access_paths(node, of), shape(node, of)),))


def context(
    name: str,
    *,
    major: int = 18,
    thresholds: Thresholds | None = None,
    of: Catalog | None = None,
    advice: dict[str, Advice] | None = None,
    rewrites: tuple[Rewrite, ...] = (),
    change: Change | None = None,
    **query_facts: Any,
) -> Context:
    """What a rule is given for a captured plan."""
    sql, node = captured(name, major)
    known, limits = of or catalog(major), thresholds or Thresholds()
    return Context(
        query=query(sql, **query_facts),
        planned=planned(node, known),
        catalog=known,
        thresholds=limits,
        reads={0: reads(node, known, limits)},
        advice=advice or {},
        rewrites=rewrites,
        change=change,
    )
