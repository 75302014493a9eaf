"""The same query with the old of one thing or another, in copies of the fixture database.

Indexes that were there are made in every copy, and shown or hidden there like those that came;
settings are set. Only for other columns, constraints, sizes and statistics another copy is made.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from types import TracebackType
from typing import Self

import msgspec

from pytest_planguard.model.catalog import Catalog
from pytest_planguard.model.moved import FormerWorld, Undo
from pytest_planguard.model.plan import AccessPath, Plan, Planned
from pytest_planguard.model.ports import FixtureDatabase
from pytest_planguard.model.query import Query
from pytest_planguard.planner.catalog import named_queries
from pytest_planguard.planner.explain import Explainer
from pytest_planguard.planner.switches import switches
from pytest_planguard.planner.wire import Wire, literal

MOST_COPIES = 16
"""Copies of a run; each takes some tenths of a second. What needs more is not planned again."""

_HEAD = re.compile(r"^CREATE (?P<unique>UNIQUE )?INDEX .+? ON (?P<only>ONLY )?")
_Key = tuple[object, ...]
"""What makes two copies two."""


class FormerWorlds:
    """Copies that are, in part, as they were; dropped at the end.

    Args:
        fixture: The database as it is now, at scale.
        read_catalog: Reads the catalog of a database by connection string.
        settings: Session settings the fixture is planned with, too.
        undos: All that will be asked for.
    """

    def __init__(
        self,
        fixture: FixtureDatabase,
        read_catalog: Callable[[str], Catalog],
        settings: Mapping[str, str],
        undos: Sequence[Undo],
    ) -> None:
        self._fixture = fixture
        self._read_catalog = read_catalog
        self._settings = {**settings, "default_transaction_read_only": "off"}
        self._names = _names(undos)
        self._made = statements(undos, self._names)
        self._hidden = frozenset(name for one in undos for name in one.hidden)
        self._stack = ExitStack()
        self._copies: dict[_Key, _Copy] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    def plan(
        self, query: Query, plan: Plan, undone: Sequence[Undo], *, alike: bool = False
    ) -> Plan | None:
        """The plan with these things as they were; None: the server refuses, or it takes too much.

        Args:
            query: The query.
            plan: Its plan now, with the values to plan with.
            undone: What is put back.
            alike: Only nodes of the types this plan has may be used: it is asked what the very
                plan costs under other settings.

        Raises:
            ScaleError: There can be no copy.
            ServerError: The server was lost.
        """
        copy = self._copy(undone)
        if copy is None or not copy.has(undone):
            return None
        settings = {name: value for one in undone for name, value in one.settings.items()}
        settings |= switches(plan.root) if alike else {}
        shown = {self._names[name] for one in undone for name in one.indexes}
        hidden = {name for one in undone for name in one.hidden}
        states = {name: name in shown for name in self._names.values()}
        states |= {name: name not in hidden for name in self._hidden}
        return _named(copy.plan(query, plan, states, settings), self._names)

    def _copy(self, undone: Sequence[Undo]) -> _Copy | None:
        statements = tuple(text for one in undone for text in one.statements)
        rows = {table: factor for one in undone for table, factor in one.rows.items()}
        distinct = {table: numbers for one in undone for table, numbers in one.distinct.items()}
        columns = {table: facts for one in undone for table, facts in one.columns.items()}
        key = (
            statements,
            tuple(sorted(rows.items())),
            tuple((table, *facts.items()) for table, facts in sorted(columns.items())),
        )
        if key not in self._copies:
            if len(self._copies) >= MOST_COPIES:
                return None
            tables = tuple(table for one in undone for table in one.tables)
            former = FormerWorld(self._made, statements, tables, rows, distinct, columns)
            self._copies[key] = self._made_copy(former)
        return self._copies[key]

    def _made_copy(self, former: FormerWorld) -> _Copy:
        copy = self._stack.enter_context(self._fixture.copy_as(former))
        catalog = copy.catalog or self._read_catalog(copy.conninfo)
        wire = self._stack.enter_context(Wire(copy.conninfo, self._settings))
        explainer = Explainer(wire, catalog, self._fixture.statistics)
        return _Copy(wire, explainer, frozenset(copy.refused), self._names)


class _Copy:
    """One copy."""

    def __init__(
        self, wire: Wire, explainer: Explainer, refused: frozenset[str], names: Mapping[str, str]
    ) -> None:
        self._wire = wire
        self._explainer = explainer
        self._refused = refused
        self._names = names

    def has(self, undone: Sequence[Undo]) -> bool:
        """Whether the server made all of it."""
        wanted = {text for one in undone for text in one.statements}
        wanted |= {_short(self._names[name]) for one in undone for name in one.indexes}
        return self._refused.isdisjoint(wanted)

    def plan(
        self,
        query: Query,
        plan: Plan,
        states: Mapping[str, bool],
        settings: Mapping[str, str | None],
    ) -> Plan | None:
        """The plan with these indexes shown and hidden, and these settings."""
        self._wire.idle()
        if states:
            names = ", ".join(map(literal, states))
            valid = ", ".join(str(shown).lower() for shown in states.values())
            show = named_queries("former.sql")["show"]
            self._wire.execute(show.format(names=f"ARRAY[{names}]", valid=f"ARRAY[{valid}]"))
        for name, value in settings.items():
            self._wire.execute(_set(name, "boot_val" if value is None else literal(value)))
        (outcome,) = self._explainer.again([(query, Planned((plan,)))])
        for name in settings:
            self._wire.execute(_set(name, "reset_val"))
        return outcome.worst if isinstance(outcome, Planned) else None


def _set(name: str, value: str) -> str:
    """Sets what the server knows; ``boot_val`` and ``reset_val`` are its own."""
    return named_queries("former.sql")["set"].format(name=literal(name), value=value)


def _names(undos: Sequence[Undo]) -> dict[str, str]:
    """Names old indexes get in the copies, by those they had; all schema-qualified."""
    old = dict.fromkeys(name for one in undos for name in one.indexes)
    return {
        name: f"{name.partition('.')[0]}.planguard_old_{number}"
        for number, name in enumerate(old, 1)
    }


def statements(undos: Sequence[Undo], names: Mapping[str, str]) -> dict[str, str]:
    """What makes the old indexes, by the names they get; those of partitions first.

    The index of a partitioned table, made after them, finds and takes them.
    """
    made = {name: text for one in undos for name, text in one.indexes.items()}
    ordered = sorted(made.items(), key=lambda item: " ON ONLY " in item[1])
    found: dict[str, str] = {}
    for name, text in ordered:
        short = _short(names[name])
        head = _HEAD.match(text)
        if head is not None:
            unique = head["unique"] or ""
            found[short] = f"CREATE {unique}INDEX {short} ON {text[head.end() :]}"
    return found


def _short(name: str) -> str:
    return name.partition(".")[2]


def _named(plan: Plan | None, names: Mapping[str, str]) -> Plan | None:
    """The plan with the names its indexes had."""
    if plan is None or not names:
        return plan
    old = {_short(made): _short(name) for name, made in names.items()}
    pattern = re.compile(r"\bplanguard_old_\d+\b")

    def renamed(text: str) -> str:
        return pattern.sub(lambda match: old.get(match[0], match[0]), text)

    access = {
        alias: AccessPath(path.relation, path.access, tuple(map(renamed, path.indexes)))
        for alias, path in plan.access.items()
    }
    shape = tuple(map(renamed, plan.shape))
    return msgspec.structs.replace(plan, access=access, shape=shape)
