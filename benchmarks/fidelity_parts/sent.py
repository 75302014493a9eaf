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
    statements = []
    for line, (name, text) in enumerate(queries.items(), 1):
        place = Place(Origin("queries.sql", line, name), name, Phase.CALL)
        statements.append(Statement(text, (), Session("bench", "bench"), (), (place,)))
    capture = Capture(tuple(statements), captured_at=statistics.clock)
    with Wire(conninfo, {"TimeZone": "UTC"}) as wire:
        explainer = Explainer(wire, read_catalog_at(conninfo), statistics, statistics.clock)
        found = explainer.fitted(normalised(capture))
        outcomes = explainer.explain(found)
    planned: dict[str, Node] = {}
    for query, outcome in zip(found, outcomes, strict=True):
        if not isinstance(outcome, Planned):
            raise SystemExit(f"{query.sql} can't be planned: {outcome.reason}")
        node = msgspec.to_builtins(outcome.plans[0].root)
        for place in query.places:
            planned[place.test] = node
    return planned
