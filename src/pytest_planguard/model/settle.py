"""Candidates become findings: one per query and relation, the others explain it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

import msgspec

from pytest_planguard.model.finding import Candidate, Severity

PRECEDENCE = (
    "PLN003", "PLN008", "IDX001", "IDX005", "QRY005", "QRY006", "QRY007", "QRY008", "QRY009",
    "QRY010", "QRY011", "QRY012", "PLN001", "PLN004", "PLN005", "PLN006", "PLN007", "PLN009",
    "PLN002",
)  # fmt: skip
"""The first that applies is the finding (rules.md); rules it does not name come after. A
whole read that grows is said to grow."""

EXPLAINING = ("QRY001", "QRY002", "QRY003", "QRY004")
"""They never stand alone: no slow plan, no finding."""

REWRITING = ("QRY001", "QRY002")
"""Their rewrite is the finding's remedy; an index stands beside it as advice."""

COUNSELLING = ("QRY003", "QRY004")
"""What they say is the remedy of a read where nothing was proven."""

_READS = ("PLN001", "PLN003", "PLN004")


class Settled(msgspec.Struct, frozen=True):
    """A candidate that stands, with the codes of those that explain it."""

    candidate: Candidate
    explained_by: tuple[str, ...] = ()


def settle(candidates: Iterable[Candidate]) -> tuple[Settled, ...]:
    """One finding per database, query and relation.

    Candidates without a relation mean the query as a whole and stand by themselves, each rule
    once. Those without a key mean the run, and each of them stands: a rule may have several
    things to say of it.
    """
    groups: dict[tuple[str, ...], list[Candidate]] = defaultdict(list)
    for position, candidate in enumerate(candidates):
        groups[_group(candidate, position)].append(candidate)
    settled = (_settled(group) for _, group in sorted(groups.items()))
    return tuple(one for one in settled if one is not None)


def _group(candidate: Candidate, position: int) -> tuple[str, ...]:
    relation = candidate.relation
    alone = "" if relation is not None else candidate.rule
    if not candidate.key:
        alone = f"{candidate.rule} {position:09}"  # in the rule's own order
    return candidate.database, candidate.key, relation or "", alone


def rank(code: str) -> int:
    """A rule's place in the precedence, 0 first."""
    return PRECEDENCE.index(code) if code in PRECEDENCE else len(PRECEDENCE)


def _settled(group: Sequence[Candidate]) -> Settled | None:
    standing = sorted(
        (one for one in group if one.rule not in EXPLAINING),
        key=lambda one: (rank(one.rule), one.rule),
    )
    if not standing:
        return None
    first = standing[0]
    explaining = sorted((one for one in group if one.rule in EXPLAINING), key=lambda one: one.rule)
    codes = dict.fromkeys(one.rule for one in (*standing[1:], *explaining))
    codes.pop(first.rule, None)
    settled = _with_remedy(first, [*standing[1:], *explaining])
    return Settled(_as_bad_as(settled, standing), tuple(codes))


def _as_bad_as(first: Candidate, standing: Sequence[Candidate]) -> Candidate:
    """A finding is as bad as the worst it stands for, whose remedy then comes first."""
    worst = min(standing, key=lambda one: one.severity.rank)
    if worst.severity.rank >= first.severity.rank:
        return first
    remedy = "\n".join(dict.fromkeys((worst.remedy, first.remedy)))
    return msgspec.structs.replace(first, severity=worst.severity, remedy=remedy)


def _with_remedy(first: Candidate, others: Sequence[Candidate]) -> Candidate:
    """The finding with the best remedy there is, and the evidence for it."""
    advice = first.advice or next((one.advice for one in others if one.advice is not None), None)
    rewriting = next((one for one in others if one.rule in REWRITING), None)
    if rewriting is None:
        counsel = next((one for one in others if one.rule in COUNSELLING), None)
        if counsel is not None and advice is None and first.rule in _READS:
            return msgspec.structs.replace(first, remedy=_joined(first, counsel))
        return msgspec.structs.replace(first, advice=advice)
    verified = first.verified or rewriting.verified
    raised = rewriting.verified and first.severity is Severity.WARNING
    return msgspec.structs.replace(
        first,
        remedy=_joined(first, rewriting),
        evidence={**rewriting.evidence, **first.evidence},
        advice=advice,
        verified=verified,
        severity=Severity.ERROR if raised else first.severity,
    )


def _joined(first: Candidate, rewriting: Candidate) -> str:
    """A regression says first what is gone; everywhere else the rewrite is the remedy."""
    if first.rule == "PLN003":
        return f"{first.remedy}\n{rewriting.remedy}"
    return rewriting.remedy
