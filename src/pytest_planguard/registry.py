"""Finds rules: those in this package, and those that other distributions bring.

A distribution brings a rule as an entry point in the group ``pytest_planguard.rules`` that names
a module (or any object) with ``FACTS`` and ``check``, ``check_run``, ``check_connections`` or
``check_migration``.
"""

from __future__ import annotations

import functools
import importlib
import pkgutil
from collections.abc import Iterable, Mapping
from importlib.metadata import EntryPoint, entry_points

from pytest_planguard import rules as built_in
from pytest_planguard.errors import ConfigurationError
from pytest_planguard.model.finding import RuleFacts
from pytest_planguard.model.judgement import ConnectionsRule, QueryRule, RunRule
from pytest_planguard.model.migrating import MigrationRule

Rule = QueryRule | RunRule | ConnectionsRule | MigrationRule

GROUP = "pytest_planguard.rules"
_FACTS = ("code", "name", "condition", "effect", "remedy", "source")
_CHECKS = ("check", "check_run", "check_connections", "check_migration")
_REASONS = (ImportError, AttributeError, SyntaxError)


def rules() -> Mapping[str, Rule]:
    """All rules by code, sorted; they are looked for once in a process.

    Raises:
        ConfigurationError: Two rules share a code or a name, or one is no rule.
    """
    return _installed()


def collected(found: Iterable[tuple[str, object]]) -> dict[str, Rule]:
    """Checks rules against each other.

    Args:
        found: Where each comes from, for the message, and the rule itself.

    Raises:
        ConfigurationError: With every mistake there is.
    """
    by_code: dict[str, Rule] = {}
    places: dict[str, str] = {}
    mistakes: list[str] = []
    for place, rule in found:
        facts = getattr(rule, "FACTS", None)
        if not isinstance(facts, RuleFacts) or not _checks(rule):
            mistakes.append(f"{place} is no rule: it needs FACTS and one of {', '.join(_CHECKS)}")
            continue
        mistakes += [f"{place} says nothing under {name}" for name in _empty(facts)]
        for word in (facts.code, facts.name):
            if word in places:
                mistakes.append(f"{place} and {places[word]} are both called {word}")
            places[word] = place
        by_code[facts.code] = rule  # type: ignore[assignment]  # checked by _checks
    if mistakes:
        raise ConfigurationError("\n  ".join(mistakes), hint="remove or rename one of them")
    return dict(sorted(by_code.items()))


@functools.cache
def _installed() -> Mapping[str, Rule]:
    return collected([*_built_in(), *_brought(entry_points(group=GROUP))])


def _built_in() -> list[tuple[str, object]]:
    names = sorted(module.name for module in pkgutil.iter_modules(built_in.__path__))
    return [
        (f"rules/{name}.py", importlib.import_module(f"{built_in.__name__}.{name}"))
        for name in names
    ]


def _brought(points: Iterable[EntryPoint]) -> list[tuple[str, object]]:
    found = []
    for point in sorted(points, key=lambda one: (one.name, one.value)):
        owner = point.dist.name if point.dist is not None else "an installed package"
        try:
            found.append((f"{point.value} of {owner}", point.load()))
        except _REASONS as error:
            raise ConfigurationError(
                f"rule {point.name} of {owner} can't be loaded from {point.value}: {error}",
                hint=f"update or remove {owner}",
            ) from error
    return found


def _checks(rule: object) -> bool:
    return any(callable(getattr(rule, name, None)) for name in _CHECKS)


def _empty(facts: RuleFacts) -> list[str]:
    return [name for name in _FACTS if not getattr(facts, name).strip()]
