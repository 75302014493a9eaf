"""How a query grows, as a small table for the terminal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_planguard.model.growth import Growth, Stage

_NAME = 32
"""Columns for the relation's name, so that a line stays below 80."""


def growth_lines(growth: Growth) -> Iterator[str]:
    """The order of growth, where the plan turns, and a line for each size that was planned.

    The plan is the worst one of today, with its values at every size.
    """
    yield f"  growth of the worst plan: {growth.order.value}{_turn(growth)}"
    name = f"rows of {growth.relation.removeprefix('public.')}"
    name = name if len(name) <= _NAME else f"{name[: _NAME - 1]}…"
    yield f"    {'size':>6}  {name:>{_NAME}}  {'read by':<12}  {'cost':>14}"
    yield from (_stage(stage, growth.relation) for stage in growth.stages)


def _turn(growth: Growth) -> str:
    from pytest_planguard.planner.bisect import CLOSE
    from pytest_planguard.report import _numbers as numbers

    turn = growth.turn
    if turn is None:
        return ""
    where = f"at {_size(turn.factor)} ({numbers.rows(turn.rows)} rows)"
    if turn.factor / turn.last > 2 * CLOSE:
        where = f"between {_size(turn.last)} and {_size(turn.factor)}"
    return f"; it turns {where}"


def _stage(stage: Stage, relation: str) -> str:
    from pytest_planguard.report import _numbers as numbers

    size = "today" if stage.factor == 1 else _size(stage.factor)
    way, cost = stage.plan.access_of(relation).value, numbers.cost(stage.plan.cost)
    return f"    {size:>6}  {numbers.rows(stage.rows):>{_NAME}}  {way:<12}  {cost:>14}"


def _size(factor: float) -> str:
    """``2.4×``, ``10×``, ``100×``."""
    return f"{factor:.2g}×" if factor < 10 else f"{factor:,.0f}×"
