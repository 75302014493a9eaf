"""Statements become queries: one key for all that means the same.

A key must not depend on the values of a run, on formatting, on how many items a list happens to
have or on which integer type a driver picked for a value; it must differ where plans may differ.
"""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Callable, Container, Iterable

import msgspec

from pytest_planguard.model.capture import Capture
from pytest_planguard.model.query import Query, Variant
from pytest_planguard.model.silence import Silence
from pytest_planguard.model.statement import Layer, Place, Sample, Session, Statement
from pytest_planguard.model.tenants import NO_TENANTS, Tenants
from pytest_planguard.sql.lifted import lifted
from pytest_planguard.sql.statement_text import Analysis, Kind, analyse
from pytest_planguard.sql.types import family, rank
from pytest_planguard.sql.unbind import unbind

_NULL = "null"
"""The family of a parameter that never had a value, nor a type."""

_NO_ITEMS = re.compile(r"\{(?:NULL(?:,NULL)*)?\}")
"""An array's text form where nothing says of what: drivers send it without a type."""

_FIRST_OWN_OID = 16384
"""OIDs from here on are a database's own (access/transam.h, FirstNormalObjectId)."""

MIGRATED = "sent by a migration, once and to an older schema"
"""Why a migration's queries are not planned: they met tables as they were then, and no index
is made for what runs once. What they cost is for rules on migrations to say."""

MOST_VARIANTS = 3
"""Ways of sending one query that are planned; they differ in types or in list lengths."""


MOST_UNBOUND = 40
"""Texts of one query whose values are read off them; a few classes of values is all there are."""


class _Sent(msgspec.Struct, frozen=True):
    """One statement with what its text says."""

    statement: Statement
    analysis: Analysis
    types: tuple[str | None, ...]
    families: tuple[str, ...]
    """Of the normal form's parameters that are not constants."""


def queries(
    capture: Capture,
    *,
    report_name: Callable[[str], str] = lambda _: "default",
    clockless: Container[str] = (),
    tenants: Tenants = NO_TENANTS,
) -> list[Query]:
    """Groups a capture's statements into queries.

    Args:
        capture: What was captured.
        report_name: The name a database has in the report, by its name in the tests.
        clockless: Databases, by their names in the report, that have no clock of ours.
        tenants: Schemas that make no difference: a query is planned in one of those it met.

    Returns:
        Queries sorted by database and key. Probes of drivers and utility statements are left
        out; what can't be planned is kept with its reason.
    """
    analyses: dict[tuple[str, bool], tuple[Analysis, ...]] = {}
    groups: dict[tuple[str, str], list[_Sent]] = defaultdict(list)
    for statement in capture.statements:
        database = report_name(statement.session.database)
        asked = statement.text, database not in clockless
        found = analyses.get(asked)
        if found is None:
            found = analyses[asked] = analyse(asked[0], own_clock=asked[1], tenants=tenants)
        types = _type_names(capture, statement)
        for analysis in found:
            if analysis.kind in {Kind.QUERY, Kind.UNPLANNABLE} and not _is_ping(
                statement, analysis
            ):
                sent = _Sent(statement, analysis, types, _families(statement, analysis, types))
                groups[database, analysis.sql].append(sent)
    made = [
        query
        for (database, _), group in groups.items()
        for query in _by_families(database, group, tenants)
    ]
    return sorted(made, key=lambda query: (query.database, query.key))


def _is_ping(statement: Statement, analysis: Analysis) -> bool:
    """A library asks whether the server is there (``SELECT 1``), with no line of the project."""
    return analysis.sql == "SELECT $1" and all(
        place.origin.file.startswith("lib:") for place in statement.places
    )


def key_of(sql: str, families: Iterable[str]) -> str:
    """Twelve hexadecimal digits: 5,000 queries collide with a chance of 4 in 10⁸."""
    text = "\0".join([sql, *families])
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _type_names(capture: Capture, statement: Statement) -> tuple[str | None, ...]:
    database = capture.databases.get(statement.session.database)
    own = database.types if database else {}
    return tuple(
        None if oid == 0 else str(oid) if oid < _FIRST_OWN_OID else own.get(oid)
        for oid in statement.parameter_types
    )


def _families(
    statement: Statement, analysis: Analysis, types: tuple[str | None, ...]
) -> tuple[str, ...]:
    families = []
    for number in analysis.parameters:
        if number == 0:
            continue
        name = types[number - 1] if number <= len(types) else None
        families.append(
            _NULL if name is None and _has_no_value(statement, number) else family(name)
        )
    return tuple(families)


def _has_no_value(statement: Statement, number: int) -> bool:
    return bool(statement.samples) and all(
        number <= len(sample.values) and _is_nothing(sample.values[number - 1])
        for sample in statement.samples
    )


def _is_nothing(value: str | None) -> bool:
    return value is None or _NO_ITEMS.fullmatch(value) is not None


def _by_families(database: str, group: list[_Sent], tenants: Tenants) -> list[Query]:
    """Splits statements of one text by their types; a NULL joins whatever has a type."""
    exact: dict[tuple[str, ...], list[_Sent]] = defaultdict(list)
    for sent in group:
        exact[sent.families].append(sent)
    for families in sorted(exact):
        if _NULL in families:
            host = next((other for other in sorted(exact) if _joins(families, other)), None)
            if host is not None:
                exact[host] += exact.pop(families)
    return [_query(database, families, members, tenants) for families, members in exact.items()]


def _joins(families: tuple[str, ...], other: tuple[str, ...]) -> bool:
    return families != other and all(
        mine in {_NULL, theirs} for mine, theirs in zip(families, other, strict=True)
    )


def _query(
    database: str, families: tuple[str, ...], members: list[_Sent], tenants: Tenants
) -> Query:
    first = members[0].analysis
    families = tuple("text" if name == _NULL else name for name in families)
    query = Query(
        key=key_of(first.sql, families),
        database=database,
        sql=first.sql,
        parameter_types=families,
        variants=_variants(members, tenants),
        places=_places(member.statement for member in members),
        stream=all(member.statement.stream for member in members),
        why_not_explainable=first.reason,
        longest_list=max(member.analysis.longest_list for member in members),
        silences=_silences(members),
    )
    if query.layer is Layer.MIGRATION and not query.why_not_explainable:
        return msgspec.structs.replace(query, why_not_explainable=MIGRATED)
    return query


def _silences(members: list[_Sent]) -> tuple[Silence, ...]:
    """What all texts say that the suite did not write itself; what is malformed in any of them."""
    asked = [one for one in members if not _is_the_suites(one.statement)] or members
    said = [frozenset(one.analysis.silences) for one in asked]
    malformed = {one for silences in said for one in silences if one.mistake}
    return tuple(sorted(frozenset.intersection(*said) | malformed))


def _is_the_suites(statement: Statement) -> bool:
    return all(place.origin.layer is Layer.TEST for place in statement.places)


def _places(statements: Iterable[Statement]) -> tuple[Place, ...]:
    """Summed up; what the line did besides is the same for all.

    What each process sends for itself counts as often as in the one that sent it most.
    """
    counts: dict[Place, tuple[int, int]] = defaultdict(lambda: (0, 0))
    for statement in statements:
        for place in statement.places:
            where = msgspec.structs.replace(place, executions=0, distinct=0)
            executions, distinct = counts[where]
            counts[where] = executions + place.executions, max(distinct, place.distinct)
    most: dict[Place, tuple[int, int]] = defaultdict(lambda: (0, 0))
    for place, (executions, distinct) in counts.items():
        where = msgspec.structs.replace(place, process="")
        many, different = most[where]
        most[where] = max(many, executions), max(different, distinct)
    return tuple(
        msgspec.structs.replace(place, executions=executions, distinct=distinct)
        for place, (executions, distinct) in sorted(most.items())
    )


def _variants(members: list[_Sent], tenants: Tenants) -> tuple[Variant, ...]:
    """The ways of sending that are planned: narrowest types and shortest text first.

    Which integer types and list lengths a run meets may be random; the first of a kind in this
    order is not, or makes no difference to the plan.
    """
    chosen: dict[object, Variant] = {}
    unbound = 0
    for sent in sorted(members, key=_variant_order):
        session = sent.statement.session
        kind = (tuple(map(family, sent.types)), _settings_kind(session),
                tenants.path(session.search_path), session.role)  # fmt: skip
        known = chosen.get(kind)
        if _is_bound_by_client(sent):
            if known is not None and unbound >= MOST_UNBOUND:
                continue  # thousands of texts may differ in nothing but their values
            unbound += 1
        variant = _variant(sent)
        if known is None:
            chosen[kind] = variant
        elif (known.plannable, known.parameter_types) == (
            variant.plannable, variant.parameter_types,
        ):  # fmt: skip
            chosen[kind] = msgspec.structs.replace(
                known, samples=_merged(known.samples, variant.samples)
            )
    return tuple(chosen.values())[:MOST_VARIANTS]


def _variant(sent: _Sent) -> Variant:
    variant = Variant(
        text=sent.statement.text,
        parameter_types=sent.types,
        session=sent.statement.session,
        samples=sent.statement.samples,
        plannable=sent.analysis.plannable,
        literal=sent.analysis.literal,
        spans=sent.analysis.spans,
        redacted=sent.statement.redacted,
    )
    if not _is_bound_by_client(sent):
        return _lifted(variant)
    found = unbind(variant.plannable, sent.statement.samples[0].values)
    if found is None:
        return variant
    return msgspec.structs.replace(
        variant,
        parameter_types=found.types,
        samples=(Sample(found.values),),
        plannable=found.text,
        spans=found.spans,
        as_sent=variant.plannable,
    )


def _lifted(variant: Variant) -> Variant:
    """A variant whose redacted literals are parameters, so that no value need be invented."""
    count = len(variant.parameter_types)
    found = lifted(variant.plannable, count)
    if found is None:
        return variant
    samples = variant.samples or (() if count else (Sample(()),))
    return msgspec.structs.replace(
        variant,
        parameter_types=(*variant.parameter_types, *(None for _ in found.values)),
        samples=tuple(
            msgspec.structs.replace(one, values=(*one.values, *found.values)) for one in samples
        ),
        plannable=found.text,
        spans=found.spans,
        redacted=(*variant.redacted, *range(count + 1, count + 1 + len(found.values))),
        as_sent="" if count else variant.plannable,
    )


def _is_bound_by_client(sent: _Sent) -> bool:
    """Whether the driver wrote values into a text that is looked at for them.

    An INSERT of values is planned alike whatever they are.
    """
    samples = sent.statement.samples
    return (
        not sent.types
        and bool(samples)
        and bool(samples[0].values)
        and not sent.analysis.sql.startswith("INSERT")
    )


def _variant_order(sent: _Sent) -> tuple[object, ...]:
    session = sent.statement.session
    return (len(sent.types), tuple(map(rank, sent.types)), len(sent.statement.text),
            sent.statement.text, session.search_path or "",
            sorted(session.settings.items()))  # fmt: skip


def _settings_kind(session: Session) -> tuple[tuple[str, str], ...]:
    """A custom setting's value is one of many, as a parameter's is; which are set decides."""
    return tuple(
        sorted((name, "" if "." in name else value) for name, value in session.settings.items())
    )


def _merged(first: tuple[Sample, ...], second: tuple[Sample, ...]) -> tuple[Sample, ...]:
    return tuple(dict.fromkeys((*first, *second)))
