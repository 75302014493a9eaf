"""Edited queries and the entries they had: by text, by call site, by the tests that sent them."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from difflib import SequenceMatcher
from typing import TypeAlias

import msgspec

from pytest_planguard.baseline.moved import edited, was_edited
from pytest_planguard.baseline.renormalised import as_today
from pytest_planguard.model.baseline import Baseline, Entry
from pytest_planguard.model.capture import Capture
from pytest_planguard.model.query import Query
from pytest_planguard.model.report import Change, ChangeKind
from pytest_planguard.model.statement import Layer
from pytest_planguard.sql.named import named_relations

SAME_PLACE = 0.4
"""Likeness from which a query that came where another went is that one, edited (*proposal*):
a short lookup that gets a join, two more conditions, an order and a limit is at 0.40."""

OTHER_PLACE = 0.7
"""The same where only the file or only the function is the same: a query that was edited while
its module was renamed or its function moved (*proposal*)."""

ELSEWHERE = 0.9
"""The same where nothing but a test joins the two (*proposal*)."""

_KINDS = (("text", 1.0), ("place", SAME_PLACE), ("near", OTHER_PLACE), ("test", ELSEWHERE))
"""What may join a query to an entry, the surest first, and how alike the texts must be then."""

_TOKEN = re.compile(r"[\w.$]+|[^\s\w.$]")
"""A column with its table is one."""
_FROM = re.compile(r"\bFROM\b")
_LIST_SIZE = re.compile(r", \.\.\.\d*")
"""What normalised SQL has for the length of a list."""

Key: TypeAlias = tuple[str, str]
"""(database, key)."""


class _Text(msgspec.Struct, frozen=True):
    """A normalised statement with what may join it to another."""

    sql: str
    marks: Mapping[str, frozenset[tuple[str, ...]]]
    """By kind: what it must have in common with the other, one of them at least."""
    whole: tuple[str, ...]
    tail: tuple[str, ...]
    """From the first FROM on: the columns an ORM lists would drown everything else."""


def under_todays_keys(baseline: Baseline, queries: Iterable[Query], capture: Capture) -> Baseline:
    """The baseline with the entries of edited queries under the keys these have now.

    Such an entry still holds its old key, and its old text in today's normal form. One entry goes
    to one query at most, and only one whose tests ran and sent it no more.

    Args:
        baseline: As read.
        queries: All of the run, planned or not.
        capture: Which tests there were, and which ran to their end.
    """
    asked = {(query.database, query.key): query for query in queries}
    ended = frozenset(capture.finished).difference(capture.cut_short)
    collected = frozenset(capture.collected) if capture.complete else None
    lost = {
        where: as_today(entry)
        for where, entry in sorted(baseline.entries.items())
        if where not in asked and _was_left_out(entry, ended, collected)
    }
    new = {
        where: query
        for where, query in sorted(asked.items())
        if lost and where not in baseline.entries and query.layer is not Layer.TEST
    }
    if not new:
        return baseline
    pairs = _pairs(
        {where: _text_of_query(query) for where, query in new.items()},
        {where: _text_of_entry(entry) for where, entry in lost.items()},
    )
    entries = dict(baseline.entries)
    for now, before in pairs:
        del entries[before]
        entries[now] = lost[before]
    return msgspec.structs.replace(baseline, entries=entries)


def as_edited(change: Change, entry: Entry, query: Query, *, asked: bool = False) -> Change:
    """The change of a query that has another key than its entry.

    Args:
        change: As compared.
        entry: Its entry.
        query: The query.
        asked: The causes were found by planning again; else the edit is the first of them.
    """
    if entry.key == query.key:
        return change
    is_worse = change.kind in (ChangeKind.WORSE, ChangeKind.CHANGED)
    if is_worse and not asked and was_edited(entry, query):
        causes = (*edited(entry, query).sentences, *change.causes)
        change = msgspec.structs.replace(change, causes=causes, statistics_only=False)
    return msgspec.structs.replace(change, renamed_from=entry.key, sql_before=entry.sql)


def _was_left_out(entry: Entry, ended: Collection[str], collected: Collection[str] | None) -> bool:
    """Whether a test that sent it ran to its end and sent it no more, or is no more itself.

    In a part of the suite (``collected`` is None) a test that is not there is only left out.
    """
    if any(test in ended for test in entry.tests):
        return True
    if collected is None:
        return False
    return not entry.tests or any(test not in collected for test in entry.tests)


def _pairs(new: Mapping[Key, _Text], lost: Mapping[Key, _Text]) -> Iterator[tuple[Key, Key]]:
    """Each query with the entry it is likest, as long as both are free."""
    free_new, free_lost = dict(new), dict(lost)
    for kind, least in _KINDS:
        for now, before in _likest_first(free_new, free_lost, kind, least):
            if now in free_new and before in free_lost:
                del free_new[now], free_lost[before]
                yield now, before


def _likest_first(
    new: Mapping[Key, _Text], lost: Mapping[Key, _Text], kind: str, least: float
) -> list[tuple[Key, Key]]:
    by_mark = defaultdict[tuple[str, ...], list[Key]](list)
    for where, text in lost.items():
        for mark in text.marks[kind]:
            by_mark[where[0], *mark].append(where)
    found = []
    for now, text in new.items():
        marks = sorted(text.marks[kind])
        near = {before for mark in marks for before in by_mark.get((now[0], *mark), ())}
        for before in near:
            likeness = _likeness(text, lost[before], least)
            if likeness >= least:
                found.append((-likeness, now, before))
    return [(now, before) for _, now, before in sorted(found)]


def _text_of_entry(entry: Entry) -> _Text:
    return _text(entry.sql, {(one.file, one.function) for one in entry.origins}, entry.tests)


def _text_of_query(query: Query) -> _Text:
    origins = (one.origin for one in query.places if one.origin.layer is query.layer)
    tests = {place.test for place in query.places if place.test}
    return _text(query.sql, {(one.file, one.function) for one in origins}, tests)


def _text(sql: str, places: Iterable[tuple[str, str]], tests: Iterable[str]) -> _Text:
    """Only statements of one kind on a common table are ever the same query.

    A library's own lines are nobody's call site: too many queries share them.
    """
    names = {name for _, name in named_relations(sql)} or {""}
    subjects = [(sql.partition(" ")[0], name) for name in names]
    own = [place for place in places if not place[0].startswith(("lib:", "<"))]
    near = [part for file, function in own for part in (("in", file), ("by", function))]
    start = _FROM.search(sql)
    return _Text(
        sql,
        {
            "text": frozenset({(sql,)}),
            "place": frozenset((*subject, *place) for subject in subjects for place in own),
            "near": frozenset((*subject, *part) for subject in subjects for part in near),
            "test": frozenset((*subject, test) for subject in subjects for test in tests),
        },
        whole=tuple(_TOKEN.findall(sql)),
        tail=tuple(_TOKEN.findall(sql[start.start() :] if start else sql)),
    )


def _likeness(ours: _Text, theirs: _Text, least: float) -> float:
    """Between 0 and 1: words both have in one order, of the whole text or behind FROM."""
    if ours.sql == theirs.sql:
        return 1.0
    if _LIST_SIZE.sub("", ours.sql) == _LIST_SIZE.sub("", theirs.sql):
        return 0.0  # longer or shorter lists are other data, not another query
    found = 1.0
    for one, other in ((ours.tail, theirs.tail), (ours.whole, theirs.whole)):
        if _most(one, other) < least:  # the exact figure takes long on long texts
            return 0.0
        found = min(found, SequenceMatcher(None, one, other, autojunk=False).ratio())
    return found


def _most(one: Collection[str], other: Collection[str]) -> float:
    """What the likeness is at most: the words both have, in whatever order."""
    common = sum((Counter(one) & Counter(other)).values())
    return 2 * common / max(len(one) + len(other), 1)
