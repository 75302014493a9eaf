"""What a single change to shop is: to its schema, its settings, its sizes or what it sends."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import msgspec

from pytest_planguard.model.capture import Capture
from pytest_planguard.model.spec import DatabaseSpec
from pytest_planguard.model.statement import Place, Sample, Statement

Edit = Callable[[Statement], Statement]


class Change(msgspec.Struct, frozen=True):
    """One change, and the words its cause must be told in."""

    kind: str
    """``index dropped``: what the table counts by."""
    name: str
    cause: str = ""
    """In the first sentence of the cause; empty: nothing of it can be harmful by right."""
    ddl: tuple[str, ...] = ()
    settings: dict[str, str] = {}
    grow: str = ""
    """The table that becomes ten times as large; it is never a fault by itself."""
    edit: Edit | None = None
    """Of the statements a function sends."""
    columns: tuple[str, str, str] | None = None
    """(table, old, new): a column that is renamed, in the declarations too."""

    @property
    def title(self) -> str:
        """As it is printed."""
        return f"{self.kind}: {self.name}"


def edited(capture: Capture, change: Change) -> Capture:
    """The capture of the changed application.

    Raises:
        ValueError: No statement was changed: the change does not fit the application any more.
    """
    if change.edit is None:
        return capture
    statements = tuple(change.edit(one) for one in capture.statements)
    if statements == capture.statements:
        raise ValueError(f"{change.title} changes nothing that shop sends")
    return msgspec.structs.replace(capture, statements=statements)


def declared(spec: DatabaseSpec, change: Change) -> DatabaseSpec:
    """The configured database of the changed application."""
    tables = dict(spec.tables)
    if change.grow:
        rows = (tables[change.grow].rows or 0) * 10
        tables[change.grow] = msgspec.structs.replace(tables[change.grow], rows=rows)
    if change.columns is not None:
        table, old, new = change.columns
        columns = {new if n == old else n: one for n, one in tables[table].columns.items()}
        tables[table] = msgspec.structs.replace(tables[table], columns=columns)
    settings = {**spec.settings, **change.settings}
    return msgspec.structs.replace(spec, tables=tables, settings=settings)


def sent_by(module: str, function: str, edit: Edit) -> Edit:
    """The edit, of what a function of a module sends and of nothing else."""

    def of_function(statement: Statement) -> Statement:
        file = f"shop/{module}.py"
        places = {(place.origin.file, place.origin.function) for place in statement.places}
        return edit(statement) if (file, function) in places else statement

    return of_function


def replaced(pattern: str, by: str, *drop: int) -> Edit:
    """Another text where the pattern is found; parameters that are no longer used are dropped."""

    def edit(statement: Statement) -> Statement:
        text, count = re.subn(pattern, by, statement.text, flags=re.IGNORECASE)
        if not count:
            return statement
        changed = msgspec.structs.replace(statement, text=text)
        for number in sorted(drop, reverse=True):
            changed = _without(changed, number)
        return changed

    return edit


def retyped(pattern: str, number: int, oid: int, by: str = "") -> Edit:
    """Another type of a parameter, of the statements the pattern is found in."""

    def edit(statement: Statement) -> Statement:
        if not re.search(pattern, statement.text, re.IGNORECASE):
            return statement
        types = list(statement.parameter_types)
        types[number - 1] = oid
        text = re.sub(pattern, by, statement.text, flags=re.IGNORECASE) if by else statement.text
        return msgspec.structs.replace(statement, text=text, parameter_types=tuple(types))

    return edit


def moved_to(function: str = "", file: str = "") -> Edit:
    """The same statement from a function or a module of another name."""

    def place(one: Place) -> Place:
        changes = {"function": function or one.origin.function, "file": file or one.origin.file}
        return msgspec.structs.replace(one, origin=msgspec.structs.replace(one.origin, **changes))

    def edit(statement: Statement) -> Statement:
        return msgspec.structs.replace(statement, places=tuple(map(place, statement.places)))

    return edit


def _without(statement: Statement, number: int) -> Statement:
    """Without a parameter; those behind it move up."""

    def renumbered(match: re.Match[str]) -> str:
        found = int(match[1])
        return f"${found - 1 if found > number else found}"

    def sample(one: Sample) -> Sample:
        binary = tuple(i - (i >= number) for i in one.binary if i != number - 1)
        return msgspec.structs.replace(one, values=_cut(one.values, number), binary=binary)

    return msgspec.structs.replace(
        statement,
        text=re.sub(r"\$(\d+)", renumbered, statement.text),
        parameter_types=_cut(statement.parameter_types, number),
        samples=tuple(map(sample, statement.samples)),
    )


def _cut(values: Sequence[object], number: int) -> tuple[object, ...]:
    return (*values[: number - 1], *values[number:])
