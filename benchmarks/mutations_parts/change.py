"""What a single change to shop is: to its schema, its settings, its sizes or what it sends."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import msgspec

from pytest_planguard.fixturedb.former import resized
from pytest_planguard.model.capture import Capture
from pytest_planguard.model.statement import Place, Sample, Statement
from pytest_planguard.model.statistics import Statistics
from pytest_planguard.planner.binary import text_of

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
    """(table, old, new): a column that is renamed, in the statistics too."""

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


def at_scale(statistics: Statistics, change: Change) -> Statistics:
    """The statistics of the changed application's database."""
    tables = dict(statistics.tables)
    if change.grow:
        parts = [n for n in tables if re.fullmatch(rf"public\.{change.grow}(_20.*)?", n)]
        tables = resized(statistics, dict.fromkeys(parts, 10.0)).tables
    if change.columns is not None:
        table, old, new = change.columns
        facts = tables[f"public.{table}"]
        columns = {new if n == old else n: one for n, one in facts.columns.items()}
        tables[f"public.{table}"] = msgspec.structs.replace(facts, columns=columns)
    made = " ".join(change.ddl)
    for name, facts in tables.items():
        kept = {n: one for n, one in facts.indexes.items() if not re.search(rf"\b{n}\b", made)}
        tables[name] = msgspec.structs.replace(facts, indexes=kept)
    return msgspec.structs.replace(statistics, tables=tables)


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
    """Another type of a parameter, of the statements the pattern is found in.

    Its values, which the driver sends in the binary form of the old type, become text.
    """

    def edit(statement: Statement) -> Statement:
        if not re.search(pattern, statement.text, re.IGNORECASE):
            return statement
        types = list(statement.parameter_types)
        samples = tuple(_as_text(one, number, types[number - 1]) for one in statement.samples)
        types[number - 1] = oid
        text = re.sub(pattern, by, statement.text, flags=re.IGNORECASE) if by else statement.text
        return msgspec.structs.replace(
            statement, text=text, parameter_types=tuple(types), samples=samples
        )

    return edit


def _as_text(sample: Sample, number: int, oid: int) -> Sample:
    value = sample.values[number - 1]
    if number - 1 not in sample.binary or value is None:
        return sample
    values = list(sample.values)
    values[number - 1] = text_of(bytes.fromhex(value), oid)
    binary = tuple(place for place in sample.binary if place != number - 1)
    return msgspec.structs.replace(sample, values=tuple(values), binary=binary)


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
