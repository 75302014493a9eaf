"""Production's calls and the suite's queries: the same statement under one text.

``pg_stat_statements`` replaces constants as planguard does, but not quite the same ones, and does
not count the items of lists: a looser text than a query's key matches the two.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence

from pglast import parser

from pytest_planguard.model.plan import Planned, Unexplained
from pytest_planguard.model.query import Query
from pytest_planguard.model.statistics import ProductionCall
from pytest_planguard.sql.preparable import TYPED
from pytest_planguard.sql.statement_text import Kind, analyse

_SIZE = re.compile(r", \.\.\.\d*")
_VALUE = re.compile(r"\$\d+|\b(?:TRUE|FALSE)\b|(?<!IS )(?<!NOT )\bNULL\b")
_TEXTS = frozenset({"SCONST", "USCONST", "BCONST", "XCONST"})
_ITEMS = re.compile(r"(?<=\[)\$(?:, \$)+(?=\])")


def text_of_call(sql: str) -> str:
    """The matching text of a statement as ``pg_stat_statements`` shows it; empty: not one.

    >>> text_of_call("select * from t where a in ($1 /*, ... */) and d > now() - interval $2")
    'SELECT * FROM t WHERE a IN ($) AND d > now() - INTERVAL $'
    """
    found = analyse(TYPED.sub(r"\1\2 '1'", sql))
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
    return any(one.kind is Kind.PROBE for one in analyse(TYPED.sub(r"\1\2 '1'", sql)))


def without_values(
    calls: Iterable[ProductionCall],
) -> tuple[tuple[ProductionCall, ...], int]:
    """Calls in planguard's own normal form, most time first, and how many have none.

    The extension shows a statement as it was sent, constants, comments and all, where its entry
    was evicted between parsing and execution; a statement's comments it keeps always.
    """
    found: dict[str, ProductionCall] = {}
    unreadable = 0
    for call in calls:
        text = _valueless(call.sql)
        if not text:
            unreadable += 1
            continue
        found[text] = _sum(text, call, found.get(text))
    return tuple(sorted(found.values(), key=lambda one: -one.calls * one.mean_ms)), unreadable


def _valueless(sql: str) -> str:
    """The normal form, which must parse when it is read again; empty: it cannot be told."""
    parts = analyse(TYPED.sub(r"\1\2 '1'", sql))
    if len(parts) != 1 or parts[0].kind is not Kind.QUERY:
        return ""
    text = _SIZE.sub("", parts[0].sql)
    return "" if any(token.name in _TEXTS for token in parser.scan(text)) else text


def _sum(text: str, call: ProductionCall, other: ProductionCall | None) -> ProductionCall:
    count = call.calls + (other.calls if other else 0)
    spent = call.calls * call.mean_ms + (other.calls * other.mean_ms if other else 0.0)
    return ProductionCall(
        sql=text,
        calls=count,
        mean_ms=round(spent / (count or 1), 3),
        rows=call.rows + (other.rows if other else 0),
    )


def uncovered(
    calls: Iterable[ProductionCall], queries: Iterable[Query]
) -> tuple[ProductionCall, ...]:
    """Calls that no query of the suite is, in their order."""
    known = {text_of_query(query) for query in queries}
    return tuple(call for call in calls if text_of_call(call.sql) not in known)
