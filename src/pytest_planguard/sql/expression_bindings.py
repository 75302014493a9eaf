"""Which parameter is compared with which expression: read off the conditions of a generic plan."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_planguard.model.plan import PlanNode
from pytest_planguard.sql.bindings import COMPARISONS, Binding
from pytest_planguard.sql.predicates import Condition, split_conditions
from pytest_planguard.sql.printed import unwrapped, without_alias


def expression_bindings(root: PlanNode) -> tuple[Binding, ...]:
    """Comparisons of an expression over one scan's columns with a parameter, in the plan's order.

    ``Binding.column`` is the expression as an index prints it, without its enclosing parentheses.
    """
    return tuple(dict.fromkeys(_found(root)))


def _found(root: PlanNode) -> Iterator[Binding]:
    for node in root.walk():
        if node.alias is None or node.relation is None:
            continue
        for text in (node.index_cond, node.recheck_cond, node.filter):
            for condition in split_conditions(text) if text and "$" in text else ():
                yield from _bound(condition, node.alias, node.relation)


def _bound(condition: Condition, alias: str, relation: str) -> Iterator[Binding]:
    subject, value = condition.subject, condition.value
    if subject is None or value is None or subject.column is not None or not subject.columns:
        return
    operator = condition.operator.removesuffix(" ANY")
    if operator not in COMPARISONS:
        return
    expression = unwrapped(without_alias(subject.text, alias))
    for number in value.parameters:
        if number:  # $0 is what a subplan returns, up to PostgreSQL 16
            yield Binding(number, alias, relation, expression, operator)
