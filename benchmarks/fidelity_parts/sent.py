"""Plans of queries as planguard makes them: through its own planner, not by a bare EXPLAIN.

A text that a query is compared with does not meet statistics whose values are stand-ins, and is
fitted to them: one they do not have becomes the one of middling frequency.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec

from fidelity_parts.compare import Node
from pytest_planguard.model.capture import Capture
from pytest_planguard.model.plan import Planned, PlanNode
from pytest_planguard.model.query import Query
from pytest_planguard.model.statement import Origin, Phase, Place, Session, Statement
from pytest_planguard.model.statistics import Statistics
from pytest_planguard.pipeline.fixtures import read_catalog_at
from pytest_planguard.planner.explain import Explainer
from pytest_planguard.planner.wire import Wire
from pytest_planguard.sql.normalise import queries as normalised

_STRING = re.compile(r"'(?:[^']|'')*'")


def without_texts(node: Node) -> Node:
    """A plan as planguard reads it, without the texts in its conditions.

    >>> node = {"Node Type": "Seq Scan", "Filter": "(name = 'x'::text)", "Disabled": False}
    >>> without_texts(node)["Filter"]
    "(name = '…'::text)"
    """
    read = msgspec.convert(node, PlanNode)
    return msgspec.json.decode(_STRING.sub("'…'", msgspec.json.encode(read).decode()), type=Node)


def sent_plans(
    conninfo: str, statistics: Statistics, queries: Mapping[str, str]
) -> dict[str, Node]:
    """The plan of each query, by name.

    Args:
        conninfo: Of the virtual database.
        statistics: What it has been given.
        queries: Texts by name.
    """
    with Wire(conninfo, {"TimeZone": "UTC"}) as wire:
        explainer = Explainer(wire, read_catalog_at(conninfo), statistics, statistics.clock)
        return {
            name: _worst(explainer, _alone(text, statistics.clock))
            for name, text in queries.items()
        }


def _alone(text: str, clock: str) -> Query:
    """One text as a query of its own: two that differ in a literal only would share their plans."""
    place = Place(Origin("queries.sql", 1, "query"), "query", Phase.CALL)
    statement = Statement(text, (), Session("bench", "bench"), (), (place,))
    (query,) = normalised(Capture((statement,), captured_at=clock))
    return query


def _worst(explainer: Explainer, query: Query) -> Node:
    (outcome,) = explainer.explain(explainer.fitted([query]))
    if not isinstance(outcome, Planned):
        raise SystemExit(f"{query.sql} can't be planned: {outcome.reason}")
    node: Node = msgspec.to_builtins(outcome.plans[0].root)
    return node
