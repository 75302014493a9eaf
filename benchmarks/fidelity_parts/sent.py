"""Plans of queries whose texts are sent as parameters, made by planguard's own planner.

A literal in the text of a query does not meet statistics whose values are stand-ins; a value sent
as a parameter is fitted to them: one that masked statistics do not have becomes the one of
middling frequency. Drivers send values so, and that is how suites are planned.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec

from fidelity_parts.compare import Node
from pytest_planguard.model.capture import Capture
from pytest_planguard.model.plan import Planned, PlanNode, SampleKind
from pytest_planguard.model.statement import Origin, Phase, Place, Sample, Session, Statement
from pytest_planguard.model.statistics import Statistics
from pytest_planguard.pipeline.fixtures import read_catalog_at
from pytest_planguard.planner.explain import Explainer
from pytest_planguard.planner.wire import Wire
from pytest_planguard.sql.normalise import queries as normalised

_TEXT = r"'(?!\d{4}-\d\d-)(?![{\[])(?:[^']|'')*'(?!\s*::)"
"""A string that is no date, document or array."""
_COMPARED = re.compile(rf"(?:=|<>|\bLIKE|\bIN)\s*\(?\s*{_TEXT}(?:\s*,\s*{_TEXT})*", re.IGNORECASE)
_STRING = re.compile(r"'(?:[^']|'')*'")


def with_parameters(text: str) -> tuple[str, tuple[str, ...]]:
    """The query as a driver sends it: texts it compares with become parameters.

    >>> with_parameters("SELECT a ->> 'k' FROM t WHERE b = 'x' AND c IN ('y', 'z')")
    ("SELECT a ->> 'k' FROM t WHERE b = $1 AND c IN ($2, $3)", ('x', 'y', 'z'))
    """
    values: list[str] = []

    def number(found: re.Match[str]) -> str:
        values.append(found[0][1:-1].replace("''", "'"))
        return f"${len(values)}"

    sent = _COMPARED.sub(lambda found: _STRING.sub(number, found[0]), text)
    return sent, tuple(values)


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
    """The plan of each query, by name, with the values planguard chooses.

    Args:
        conninfo: Of the virtual database.
        statistics: What it has been given.
        queries: Texts by name.
    """
    statements = []
    for line, (name, text) in enumerate(queries.items(), 1):
        sent, values = with_parameters(text)
        place = Place(Origin("queries.sql", line, name), name, Phase.CALL)
        untyped = tuple(0 for _ in values)
        samples = (Sample(values),) if values else ()
        statements.append(Statement(sent, untyped, Session("bench", "bench"), samples, (place,)))
    capture = Capture(tuple(statements), captured_at=statistics.clock)
    found = normalised(capture)
    with Wire(conninfo, {"TimeZone": "UTC"}) as wire:
        explainer = Explainer(wire, read_catalog_at(conninfo), statistics, statistics.clock)
        outcomes = explainer.explain(found)
    planned: dict[str, Node] = {}
    for query, outcome in zip(found, outcomes, strict=True):
        if not isinstance(outcome, Planned):
            raise SystemExit(f"{query.sql} can't be planned: {outcome.reason}")
        wanted = [plan for plan in outcome.plans if plan.sample is SampleKind.CAPTURED]
        node = msgspec.to_builtins((wanted or outcome.plans)[0].root)
        for place in query.places:
            planned[place.test] = node
    return planned
