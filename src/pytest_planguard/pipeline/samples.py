"""What a finding says where only common values show it: which ones, and no more than a warning."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec

from pytest_planguard.advice.suspects import is_suspect
from pytest_planguard.model.finding import Candidate, Severity
from pytest_planguard.model.judgement import Context
from pytest_planguard.model.plan import Planned, SampleKind

Check = Callable[[Context], Iterable[Candidate]]


def judged(check: Check, context: Context) -> list[Candidate]:
    """A rule's candidates on a query.

    Where the worst plan is of common values, what is found only with them is a warning at most:
    production has such rows, and no test has asked for them.
    """
    found = list(check(context))
    drawn = context.plan.drawn
    asked = _as_asked(context) if found and drawn is not None else None
    if drawn is None or asked is None:
        return found
    without = {one.relation for one in check(asked)}
    return [
        one if one.relation in without or one.names_values else _qualified(one, drawn.kind)
        for one in found
    ]


def _as_asked(context: Context) -> Context | None:
    """The same without plans of common values; None: there are no others."""
    plans = context.planned.plans
    kept = [n for n, plan in enumerate(plans) if plan.sample is not SampleKind.COMMON]
    if not kept:
        return None
    suspect = {
        read.relation
        for n in kept
        for read in context.reads.get(n, ())
        if is_suspect(plans[n], read, context.catalog, context.thresholds)
    }
    return msgspec.structs.replace(
        context,
        planned=Planned(tuple(plans[n] for n in kept)),
        reads={new: context.reads[n] for new, n in enumerate(kept) if n in context.reads},
        advice={name: one for name, one in context.advice.items() if name in suspect},
    )


def _qualified(candidate: Candidate, kind: str) -> Candidate:
    return msgspec.structs.replace(
        candidate,
        message=f"{candidate.message}, with {kind}",
        severity=max(candidate.severity, Severity.WARNING, key=lambda one: one.rank),
    )
