"""Values that are there: what a test asks for stands in its own few rows, not in loaded ones.

The planner counts on an average value of a column, one that has rows. A query that is run with a
value without any reads the way down an index and nothing else, whatever its plan is worth. An
application asks for what it has: so a parameter that is compared with a column by equality, and
finds nothing, gets the value of a row in the middle of the table. Columns of few values are states
and keep theirs, as planguard keeps them (``planner.common.FEW``); the row is one that has them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
import psycopg

from pytest_planguard.planner.common import FEW
from pytest_planguard.planner.requests import Request
from pytest_planguard.planner.wire import literal
from pytest_planguard.sql.bindings import Binding

_EQUAL, _ANY = "=", "= ANY"
Values = Sequence[str | None]
_SEQUENCES = """
    SELECT format(
        'SELECT setval(%L, max(%I)) FROM %s',
        pg_get_serial_sequence(c.oid::regclass::text, a.attname), a.attname, c.oid::regclass
    )
    FROM pg_class c
    JOIN pg_attribute a ON a.attrelid = c.oid
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND a.attnum > 0
      AND NOT a.attisdropped
      AND pg_get_serial_sequence(c.oid::regclass::text, a.attname) IS NOT NULL
"""


class _Asked(msgspec.Struct, frozen=True):
    """A column, and the parameters it is compared with: several are the items of a list."""

    column: str
    numbers: tuple[int, ...]
    of_array: bool

    def items(self, values: Values) -> list[str]:
        """Their values; NULLs find nothing and are left out."""
        known = [value for number in self.numbers if (value := values[number - 1]) is not None]
        if not self.of_array:
            return known
        return [item.strip('"') for array in known for item in array[1:-1].split(",") if item]

    def condition(self, values: Values) -> str:
        """In SQL."""
        return f"{self.column} IN ({', '.join(map(literal, self.items(values)))})"

    def with_items(self, items: Sequence[str]) -> dict[int, str]:
        """By parameter."""
        if not self.of_array:
            return dict(zip(self.numbers, items, strict=False))
        listed = ",".join(map(_quoted, items))
        return dict.fromkeys(self.numbers, f"{{{listed}}}")


class Rows:
    """The rows of a loaded database.

    Args:
        connection: To it.
    """

    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection
        self._states: dict[tuple[str, str], bool] = {}

    def asked_for(self, one: Request, bound: Sequence[Binding]) -> Request:
        """The request with values that are there, where its own are not."""
        values = list(one.values[0])
        for table, asked in dict.fromkeys(self._by_table(bound)):
            known = [each for each in asked if each.items(values)]
            if known and not self._are_there(table, known, values):
                for number, value in self._drawn(table, known, values).items():
                    values[number - 1] = value
        return msgspec.structs.replace(one, values=(tuple(values),))

    def _by_table(self, bound: Sequence[Binding]) -> Iterator[tuple[str, tuple[_Asked, ...]]]:
        """What each alias is asked for; what partitions are asked for, of their root."""
        found: dict[tuple[str, str], dict[tuple[str, bool], set[int]]] = {}
        for one in bound:
            if one.operator in (_EQUAL, _ANY):
                asked = found.setdefault((self._root(one.relation), one.alias), {})
                asked.setdefault((one.column, one.operator == _ANY), set()).add(one.parameter)
        for (table, _), asked in found.items():
            yield (
                table,
                tuple(
                    _Asked(column, tuple(sorted(numbers)), of_array)
                    for (column, of_array), numbers in sorted(asked.items())
                ),
            )

    def _root(self, relation: str) -> str:
        (row,) = self._rows(
            f"SELECT coalesce(pg_partition_root({literal(relation)}), "
            f"{literal(relation)}::regclass)::text"
        )
        return str(row[0])

    def _are_there(self, table: str, asked: Sequence[_Asked], values: Values) -> bool:
        """Whether a row has all of them, and each item of a list one."""
        where = " AND ".join(each.condition(values) for each in asked)
        wanted = {each.column: len(set(each.items(values))) for each in asked}
        if all(count == 1 for count in wanted.values()):
            return bool(self._rows(f"SELECT FROM {table} WHERE {where} LIMIT 1"))
        counts = ", ".join(f"count(DISTINCT {column})" for column in wanted)
        (row,) = self._rows(f"SELECT {counts} FROM {table} WHERE {where}")
        return all(count >= least for count, least in zip(row, wanted.values(), strict=True))

    def _drawn(self, table: str, asked: Sequence[_Asked], values: Values) -> dict[int, str]:
        """By parameter: what a row in the middle has, lists what as many rows have."""
        free = [each for each in asked if not self._is_state(table, each.column)]
        where = [each.condition(values) for each in asked if each not in free]
        where += [f"{each.column} IS NOT NULL" for each in free]
        of = f"FROM {table} WHERE {' AND '.join(where)}"
        (row,) = self._rows(f"SELECT count(*) {of}")
        total: int = row[0]
        drawn: dict[int, str] = {}
        for each in free if total else ():
            found = [
                self._rows(
                    f"SELECT {each.column}::text {of} ORDER BY tableoid, ctid OFFSET {at} LIMIT 1"
                )[0][0]
                for at in _middles(total, len(each.items(values)))
            ]
            drawn |= each.with_items(list(dict.fromkeys(found)))
        return drawn

    def _is_state(self, table: str, column: str) -> bool:
        where = (table, column)
        if where not in self._states:
            found = self._rows(f"SELECT DISTINCT {column} FROM {table} LIMIT {FEW + 1}")
            self._states[where] = len(found) <= FEW
        return self._states[where]

    def _rows(self, text: str) -> list[tuple[Any, ...]]:
        return self._connection.execute(text.encode()).fetchall()


def move_sequences(connection: psycopg.Connection) -> None:
    """Past the rows that are there: else an INSERT is refused as a duplicate."""
    for (text,) in connection.execute(_SEQUENCES.encode()).fetchall():
        connection.execute(str(text).encode())


def replaced(one: Request, by: Mapping[str | None, str | None]) -> Request:
    """The request of a changed text, asking for what the former text was made to ask for."""
    values = tuple(by.get(value, value) for value in one.values[0])
    return msgspec.structs.replace(one, values=(values,))


def _quoted(item: str) -> str:
    return '"' + item.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _middles(total: int, count: int) -> list[int]:
    """Positions in the middle of so many equal parts.

    >>> _middles(100, 1), _middles(100, 4)
    ([50], [12, 37, 62, 87])
    """
    return [(2 * part + 1) * total // (2 * count) for part in range(count)]
