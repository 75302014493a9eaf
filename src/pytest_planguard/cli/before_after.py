"""A query's plan in the baseline and now, side by side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from pytest_planguard.model.baseline import Entry, PlanEntry
    from pytest_planguard.model.report import Change, QueryReport

_COLORS = {"|": "yellow", "<": "red", ">": "green"}


def before_lines(entry: Entry) -> Iterator[str]:
    """What the baseline has."""
    from pytest_planguard.report import _numbers as numbers

    yield f"{entry.key}  {entry.sql}"
    for plan in entry.plans:
        yield f"  {_name(plan)} in the baseline: cost {numbers.cost(plan.cost)}"
        yield from (f"    {line}" for line in plan.shape)


def beside_lines(entry: Entry, now: QueryReport, width: int, *, color: bool) -> Iterator[str]:
    """The text where it was edited, every kind of plan that differs, and what did it.

    Args:
        entry: Of the baseline.
        now: The query as planned now, with its change.
        width: Of the terminal.
        color: Whether what changed is coloured.
    """
    from pytest_planguard.model.plan import Unexplained
    from pytest_planguard.report import _numbers as numbers

    yield f"{now.query.key}  {now.query.sql}"
    if isinstance(now.outcome, Unexplained):
        yield f"  not planned now: {now.outcome.reason}"
        return
    if entry.sql != now.query.sql:
        yield from ("", "SQL")
        yield from _rows([entry.sql], [now.query.sql], width, color=color)
    for names, (before, after) in _alike(_pairs(entry, now)):
        yield ""
        yield ", ".join(names)
        yield from _rows(
            [f"baseline: cost {numbers.cost(before.cost)}", *before.shape],
            [f"now: cost {numbers.cost(after.cost)}", *after.shape],
            width,
            color=color,
            title=True,
        )
    if now.change is not None:
        yield ""
        yield from _told(now.change)


def _pairs(entry: Entry, now: QueryReport) -> list[tuple[PlanEntry, PlanEntry]]:
    """Plans that are compared with each other and differ; all where none does."""
    from pytest_planguard.baseline.entries import plan_entry, worst_by_sample
    from pytest_planguard.model.plan import Planned

    assert isinstance(now.outcome, Planned)
    after = {which: plan_entry(plan) for which, plan in worst_by_sample(now.outcome).items()}
    pairs = [
        (plan, after[plan.sample, plan.sizes])
        for plan in entry.plans
        if (plan.sample, plan.sizes) in after
    ]
    if not pairs and entry.plans:
        pairs = [(max(entry.plans, key=lambda plan: plan.cost), plan_entry(now.outcome.worst))]
    return [(one, other) for one, other in pairs if one.shape != other.shape] or pairs


def _alike(
    pairs: Sequence[tuple[PlanEntry, PlanEntry]],
) -> list[tuple[list[str], tuple[PlanEntry, PlanEntry]]]:
    """Pairs that read the same once, with the names of all."""
    found: dict[object, tuple[list[str], tuple[PlanEntry, PlanEntry]]] = {}
    for before, after in pairs:
        look = (before.shape, before.cost, after.shape, after.cost)
        found.setdefault(look, ([], (before, after)))[0].append(_name(before))
    return list(found.values())


def _name(plan: PlanEntry) -> str:
    return f"{plan.sample} ({plan.sizes})" if plan.sizes else plan.sample


def _rows(
    before: Sequence[str],
    after: Sequence[str],
    width: int,
    *,
    color: bool,
    title: bool = False,
) -> Iterator[str]:
    """The first lines of both are titles where there are some: never marked."""
    from pytest_planguard.report import _beside
    from pytest_planguard.report import _text as words

    before, after = [list(map(words.clean, lines)) for lines in (before, after)]
    head = list(_beside.rows(before[:1], after[:1], width)) if title else []
    for row in head:
        yield f"{row.before}   {row.after}".rstrip()
    start = 1 if title else 0
    for row in _beside.rows(before[start:], after[start:], width):
        text = f"{row.before} {row.mark} {row.after}".rstrip()
        yield click.style(text, fg=_COLORS[row.mark]) if color and row.mark in _COLORS else text


def _told(change: Change) -> Iterator[str]:
    yield change.kind.value
    yield from (f"  {one.relation}: {one.before} → {one.after}" for one in change.relations)
    yield from (f"  because {cause}" for cause in change.causes)
