"""What a change does to rows that are really loaded: blocks every query reads, before and after.

Both are measured alike: with values that are there (``values``), sequences past what is loaded, so
that an INSERT is not refused, and nothing left behind by writes that were rolled back. What a
write does to its table and indexes is not counted, nor is the lock on each row that it takes
first, which writes to the row: the planner counts neither.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import msgspec
import psycopg

from mutations_parts.blocks import blocks_read
from mutations_parts.change import Change
from mutations_parts.values import Rows, move_sequences, replaced
from pytest_planguard.model.plan import Plan, Planned, PlanNode, SampleKind, Unexplained
from pytest_planguard.model.query import Query
from pytest_planguard.planner import requests
from pytest_planguard.planner.requests import Request
from pytest_planguard.planner.wire import literal
from pytest_planguard.sql.bindings import Binding, bindings

_TIMEOUT = "20s"
_CUSTOM = {"plan_cache_mode": "force_custom_plan"}
_COSTS = {"Startup Cost", "Total Cost", "Plan Rows", "Plan Width"}
_UNNESTED = re.compile(r"unnest\(\$(\d+)[^)]*\) AS (\w+) \((\w+)\)", re.IGNORECASE)
_UNTIL_STEADY = 2
"""Times everything is run before it is measured: tables get room for what is rolled back."""

_NEARBY = 1.1
"""Costs within it are of one plan on the same index; sizes move a little with what is written."""

Outcomes = Sequence[tuple[Query, Planned | Unexplained]]
Place = tuple[str, int]
"""A query's key, and the position of a plan."""


class Effect(msgspec.Struct, frozen=True):
    """Blocks a query reads before and after a change, with the values it is worst with."""

    key: str
    before: float
    after: float

    def grows_by(self, blocks: float, ratio: float) -> bool:
        """Whether it reads so many blocks more, and so many times as many."""
        return self.after - self.before >= blocks and self.after >= ratio * self.before


class _Plan(msgspec.Struct, frozen=True):
    """Without figures, but for the cost: an index with other columns may have its former name."""

    nodes: str
    cost: float

    def is_like(self, other: _Plan) -> bool:
        """Whether it reads the same."""
        low, high = sorted((self.cost, other.cost))
        return self.nodes == other.nodes and high <= _NEARBY * max(low, 1.0)


class Truth:
    """The loaded database.

    Args:
        conninfo: Its connection string.
        outcomes: The queries of the unchanged application, planned there.
    """

    def __init__(self, conninfo: str, outcomes: Outcomes) -> None:
        self._connection = psycopg.connect(conninfo, autocommit=True, prepare_threshold=None)
        for name, value in {
            "default_transaction_read_only": "off",
            "statement_timeout": _TIMEOUT,
            "jit": "off",
        }.items():
            self._connection.execute(f"SET {name} = '{value}'".encode())
        move_sequences(self._connection)
        self._rows = Rows(self._connection)
        captured = dict(sorted(_asked(outcomes), key=lambda each: _writes(each[1])))
        self._asked = {place: self._with_rows(one) for place, one in captured.items()}
        self._values = {
            place: dict(zip(captured[place].values[0], one.values[0], strict=True))
            for place, one in self._asked.items()
        }
        for _ in range(_UNTIL_STEADY):
            with self._changed(Change("", "")):
                for one in self._asked.values():
                    self._run(one)
        with self._changed(Change("", "")):
            self._plans = {place: self._plan(one) for place, one in self._asked.items()}
            self._blocks = {place: self._run(one) for place, one in self._asked.items()}

    @property
    def measured(self) -> int:
        """How many queries with how many values."""
        return len(self._asked)

    def of_schema(self, change: Change) -> list[Effect]:
        """What other indexes, columns and settings do to every query."""
        with self._changed(change):
            moved = [
                place
                for place, one in self._asked.items()
                if not self._plans[place].is_like(self._plan(one))
            ]
            after = {place: self._run(self._asked[place]) for place in moved}
        return [
            Effect(place[0], before, blocks)
            for place, blocks in after.items()
            if (before := self._blocks[place]) is not None and blocks is not None
        ]

    def of_texts(self, changed: Outcomes, was: Sequence[str]) -> list[Effect]:
        """What another text of a query does: the worst of its values to the worst of before.

        Args:
            changed: The new queries, planned in the loaded database.
            was: Keys of those that are no more.
        """
        before = [n for (key, _), n in self._blocks.items() if key in was and n is not None]
        known = {old: new for (key, _), values in self._values.items() if key in was
                 for old, new in values.items()}  # fmt: skip
        asked = [(key, self._with_rows(replaced(one, known))) for (key, _), one in _asked(changed)]
        with self._changed(Change("", "")):
            found = [(key, self._run(one)) for key, one in asked]
        return [
            Effect(key, max(before, default=0.0), blocks)
            for key, blocks in found
            if blocks is not None
        ]

    def close(self) -> None:
        """Leaves the database as it was."""
        self._connection.close()

    @contextmanager
    def _changed(self, change: Change) -> Iterator[None]:
        """The database with the change, in a transaction that is rolled back, and cleaned up."""
        with self._connection.transaction(force_rollback=True):
            self._connection.execute("SET LOCAL statement_timeout = 0")  # an index takes its time
            for text in change.ddl:
                self._connection.execute(text.encode())
            self._connection.execute(f"SET LOCAL statement_timeout = '{_TIMEOUT}'".encode())
            for name, value in change.settings.items():
                self._connection.execute(f"SET LOCAL {name} = '{value}'".encode())
            yield
        self._connection.execute("VACUUM")

    def _with_rows(self, one: Request) -> Request:
        """The request with values that are there."""
        return self._rows.asked_for(one, self._bindings(one)) if one.types else one

    def _bindings(self, one: Request) -> tuple[Binding, ...]:
        """What its parameters are compared with; a list that is unnested, with what is joined."""
        generic = {
            "plan_cache_mode": "force_generic_plan",
            "enable_partition_pruning": "off",
        }
        answer = self._explain(one, "FORMAT JSON, VERBOSE", generic)
        if not isinstance(answer, dict):
            return ()
        text = json.dumps(answer)
        for number, alias, column in _UNNESTED.findall(one.text):
            text = text.replace(f"{alias}.{column}", f"ANY (${number})")
        return bindings(msgspec.json.decode(text, type=PlanNode))

    def _plan(self, one: Request) -> _Plan:
        """What the planner takes; nothing where the server refuses."""
        answer = self._explain(one, "FORMAT JSON")
        if not isinstance(answer, dict):
            return _Plan("", 0.0)
        return _Plan(json.dumps(_bare(answer)), answer["Total Cost"])

    def _run(self, one: Request) -> float | None:
        """Blocks it touches; None: refused. What does not end touches more than anything."""
        answer = self._explain(one, "ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON")
        if isinstance(answer, psycopg.errors.QueryCanceled):
            return math.inf
        if not isinstance(answer, dict):
            return None
        return blocks_read(answer)

    def _explain(
        self, one: Request, options: str, settings: Mapping[str, str] = _CUSTOM
    ) -> dict[str, Any] | psycopg.Error:
        try:
            with self._connection.transaction(force_rollback=True):
                return self._answer(one, options, settings)
        except psycopg.Error as error:
            if isinstance(error, psycopg.OperationalError) and error.sqlstate is None:
                raise
            return error

    def _answer(self, one: Request, options: str, more: Mapping[str, str]) -> dict[str, Any]:
        path = {"search_path": one.search_path} if one.search_path else {}
        for name, value in {**one.settings, **path, **more}.items():
            self._connection.execute("SELECT set_config(%s, %s, true)", [name, value])
        text = one.text
        if one.types:
            oids = [int(name) if name and name.isdigit() else self._oid(name) for name in one.types]
            self._prepare(one.text, oids)
            text = f"EXECUTE asked({', '.join(map(literal, one.values[0]))})"
        row = self._connection.execute(f"EXPLAIN ({options}) {text}".encode()).fetchone()
        self._connection.execute("DEALLOCATE ALL")
        assert row is not None
        document = row[0] if isinstance(row[0], list) else json.loads(row[0])
        plan: dict[str, Any] = document[0]["Plan"]
        return plan

    def _prepare(self, text: str, oids: Sequence[int]) -> None:
        self._connection.execute("DEALLOCATE ALL")
        result = self._connection.pgconn.prepare(b"asked", text.encode(), oids)
        if message := result.error_message:
            state = result.error_field(psycopg.pq.DiagnosticField.SQLSTATE) or b""
            raise psycopg.errors.lookup(state.decode())(message.decode())

    def _oid(self, name: str | None) -> int:
        if name is None:
            return 0
        row = self._connection.execute("SELECT to_regtype(%s)::oid", [name]).fetchone()
        return int(row[0] or 0) if row else 0


def _writes(one: Request) -> bool:
    """Whether it may leave rows behind, which those would read that come after it."""
    return not one.text.lstrip().upper().startswith("SELECT")


def _asked(outcomes: Outcomes) -> Iterator[tuple[Place, Request]]:
    for position, (query, planned) in enumerate(outcomes):
        for number, plan in enumerate(planned.plans if isinstance(planned, Planned) else ()):
            if plan.sample is not SampleKind.GENERIC:
                yield (query.key, number), _request(position, query, plan)


def _request(position: int, query: Query, plan: Plan) -> Request:
    return requests.again(position, query, plan)


def _bare(node: dict[str, Any]) -> dict[str, Any]:
    found = {name: value for name, value in node.items() if name not in _COSTS}
    found["Plans"] = [_bare(child) for child in node.get("Plans", ())]
    return found
