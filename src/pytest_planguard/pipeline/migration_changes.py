"""Rows that a migration's statements write, by plans at production's size at the schema they meet.

So too those of a ``DO`` block, a procedure or a function: what they send is read from their text
(``sql.blocks``), for on an empty twin a loop over rows never goes round.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager

import msgspec

from pytest_planguard.migrations.changes import changes_of, repeated, rounds, together
from pytest_planguard.migrations.functions import functions_at
from pytest_planguard.migrations.recorded import Sent
from pytest_planguard.migrations.trace import Traced
from pytest_planguard.model.capture import Capture
from pytest_planguard.model.catalog import Catalog
from pytest_planguard.model.migration import Change
from pytest_planguard.model.plan import Planned
from pytest_planguard.model.statement import Layer, Origin, Phase, Place, Session, Statement
from pytest_planguard.planner.explain import Explainer
from pytest_planguard.sql.blocks import Function, Inner, inner_statements, may_write
from pytest_planguard.sql.bound import parameter_count
from pytest_planguard.sql.migration_text import MigrationStatement, migration_statement
from pytest_planguard.sql.normalise import queries as normalise


class Schema(msgspec.Struct, frozen=True):
    """A schema at scale, as some of the statements leave it."""

    explainer: Explainer
    catalog: Catalog
    conninfo: str


_INSIDE = (MigrationStatement.BLOCK, MigrationStatement.QUERY)
"""Kinds that may send further statements."""

At = Callable[[Sequence[Sent]], AbstractContextManager[Schema]]
"""Opens the schema that statements lead to."""
Noting = Callable[[], AbstractContextManager[None]]
"""Around what needs such a schema: where it cannot be made, that is told, and the rest goes on."""


def changes_at_scale(
    sent: Sequence[Sent], traced: Sequence[Traced], at: At, noting: Noting
) -> dict[int, tuple[Change, ...]]:
    """Rows written, by position in the recording.

    Args:
        sent: All of the migration.
        traced: What of it ran.
        at: Opens a schema.
        noting: Around each use of it.
    """
    found: dict[int, tuple[Change, ...]] = {}
    blocks: dict[int, _Block] = {}
    for prefix, group in _by_schema(sent, traced):
        with noting(), at(prefix) as schema:
            for one in group:
                if one.kind is MigrationStatement.DATA:
                    found[one.position] = _written(one, schema)
                else:
                    blocks[one.position] = block = _Block(one, functions_at(schema.conninfo))
                    block.plan(schema)
    for position, block in blocks.items():
        if block.missing:  # it may write what it has made itself
            with noting(), at(sent[: position + 1]) as schema:
                block.plan(schema)
        found[position] = block.changes()
    return found


def _by_schema(
    sent: Sequence[Sent], traced: Sequence[Traced]
) -> Iterator[tuple[Sequence[Sent], list[Traced]]]:
    """Statements that write and meet the same schema, with what leads to it."""
    shaping = [one.position for one in traced if _shapes(one)]
    groups: dict[int, list[Traced]] = {}
    for one in traced:
        if one.refusal is None and _may_write(one):
            last = max((at for at in shaping if at < one.position), default=-1)
            groups.setdefault(last, []).append(one)
    for last, group in groups.items():
        yield sent[: last + 1], group


def _shapes(one: Traced) -> bool:
    """Whether later statements may meet another schema; a query may call what runs DDL."""
    ddl = one.kind in (MigrationStatement.OTHER, MigrationStatement.BLOCK)
    return ddl or (one.kind is MigrationStatement.QUERY and bool(one.effects.locks))


def _may_write(one: Traced) -> bool:
    """Whether its plans are worth a schema at scale.

    A query writes through a function: on the twin it has locked for writing what it writes. So has
    a block, unless what it sends for each row of an empty table was never sent.
    """
    if one.kind is MigrationStatement.DATA or one.effects.written:
        return one.kind in (*_INSIDE, MigrationStatement.DATA)
    return one.kind is MigrationStatement.BLOCK and may_write(one.sent.text)


def _written(one: Traced, schema: Schema) -> tuple[Change, ...]:
    planned = _planned(one.sent.text, one.sent.place, schema.explainer)
    return changes_of(planned.worst, schema.catalog) if planned is not None else ()


class _Block:
    """A statement that sends others.

    Args:
        one: The statement.
        functions: Those there are when it runs.
    """

    def __init__(self, one: Traced, functions: Mapping[str, Function]) -> None:
        inside = inner_statements(one.sent.text, functions)
        self._place = one.sent.place
        self._is_seen = all(inner.sql for inner in inside)
        self._changes: list[Change] = []
        self.missing = [inner for inner in inside if _is_data(inner)]
        """Statements without a plan so far."""

    def plan(self, schema: Schema) -> None:
        """Those that the planner takes at a schema."""
        missing, self.missing = self.missing, []
        for inner in missing:
            planned = _planned(inner.sql, self._place, schema.explainer)
            if planned is None:
                self.missing.append(inner)
                continue
            own = changes_of(planned.worst, schema.catalog)
            if _is_a_batch(inner):
                self._changes += (msgspec.structs.replace(change, rows=0.0) for change in own)
                continue
            often = rounds(inner.loops, lambda query: self._rows(query, schema))
            self._changes += (repeated(change, often) for change in own)

    def _rows(self, query: str, schema: Schema) -> float | None:
        planned = _planned(query, self._place, schema.explainer)
        return planned.worst.root.rows if planned is not None else None

    def changes(self) -> tuple[Change, ...]:
        """What it writes; where not all of its statements are known, at least that."""
        certain = self._is_seen and not self.missing
        return together(
            one if certain else msgspec.structs.replace(one, at_least=True) for one in self._changes
        )


def _is_a_batch(inner: Inner) -> bool:
    """A loop that commits says by its variables which rows are next; how many, no plan can tell."""
    return any(loop.commits for loop in inner.loops) and parameter_count(inner.sql) > 0


def _is_data(inner: Inner) -> bool:
    return bool(inner.sql) and migration_statement(inner.sql) is MigrationStatement.DATA


def _planned(text: str, place: Origin, explainer: Explainer) -> Planned | None:
    """The plan of a statement; None: the planner refuses it."""
    origin = msgspec.structs.replace(place, layer=Layer.APPLICATION)  # it is planned
    types = (0,) * parameter_count(text)
    session = Session("migration", "migration", prepares=bool(types))
    statement = Statement(text, types, session, (), (Place(origin, "", Phase.OUTSIDE),))
    asked = normalise(Capture((statement,)), report_name=lambda name: name)
    outcomes = explainer.explain(explainer.fitted(asked))
    return next((outcome for outcome in outcomes if isinstance(outcome, Planned)), None)
