"""Production's calls and the suite's queries: the same statement under one text.

``pg_stat_statements`` replaces constants as planguard does, but not quite the same ones, and does
not count the items of lists: a looser text than a query's key matches the two.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence

from pytest_planguard.model.plan import Planned, Unexplained
from pytest_planguard.model.query import Query
from pytest_planguard.model.statistics import ProductionCall
from pytest_planguard.sql.statement_text import Kind, analyse

_TYPED = re.compile(
    r"\b(interval|date|time|timetz|timestamp|timestamptz)"
    r"((?:\s+with(?:out)?\s+time\s+zone)?)\s+\$\d+",
    re.IGNORECASE,
)
"""``interval $1``: what pg_stat_statements makes of a typed constant, and no parser takes."""
_SIZE = re.compile(r", \.\.\.\d*")
_VALUE = re.compile(r"\$\d+|\b(?:TRUE|FALSE)\b|(?<!IS )(?<!NOT )\bNULL\b")
_ITEMS = re.compile(r"(?<=\[)\$(?:, \$)+(?=\])")


def text_of_call(sql: str) -> str:
    """The matching text of a statement as ``pg_stat_statements`` shows it; empty: not one.

    >>> text_of_call("select * from t where a in ($1 /*, ... */) and d > now() - interval $2")
    'SELECT * FROM t WHERE a IN ($) AND d > now() - INTERVAL $'
    """
    found = analyse(_TYPED.sub(r"\1\2 '1'", sql))
    return _loose(found[0].sql) if len(found) == 1 else ""


def text_of_query(query: Query) -> str:
    """The matching text of a query."""
    return _loose(query.sql)


def _loose(normal: str) -> str:
    """Every value one sign, every list one value."""
    return _ITEMS.sub("$", _VALUE.sub("$", _SIZE.sub("", normal)))


def loads(
    calls: Sequence[ProductionCall], outcomes: Iterable[tuple[Query, Planned | Unexplained]]
) -> dict[tuple[str, str], float]:
    """Calls times cost at scale by database and key, of the queries production is known to send."""
    if not calls:
        return {}
    counts: dict[str, int] = defaultdict(int)
    for call in calls:
        counts[text_of_call(call.sql)] += call.calls
    counts.pop("", None)
    found = {}
    for query, outcome in outcomes:
        count = counts.get(text_of_query(query), 0)
        if count and isinstance(outcome, Planned):
            found[query.database, query.key] = count * outcome.worst.cost
    return found


def of_applications(calls: Iterable[ProductionCall]) -> tuple[ProductionCall, ...]:
    """Calls without those that ask the server about itself, as drivers and monitoring do."""
    return tuple(call for call in calls if not _is_probe(call.sql))


def _is_probe(sql: str) -> bool:
    return any(one.kind is Kind.PROBE for one in analyse(_TYPED.sub(r"\1\2 '1'", sql)))


def uncovered(
    calls: Iterable[ProductionCall], queries: Iterable[Query]
) -> tuple[ProductionCall, ...]:
    """Calls that no query of the suite is, in their order."""
    known = {text_of_query(query) for query in queries}
    return tuple(call for call in calls if text_of_call(call.sql) not in known)
