"""Statistics keep up with renames: a table or column that DDL renamed keeps what production knew.

Production has the old name until the migration is deployed there; the fixture has the new one. A
rename is believed only where the names say the same: the old one is in the statistics and not in
the schema, the new one is in the schema and not in the statistics.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TypeVar

import msgspec

from pytest_planguard.model.catalog import Catalog
from pytest_planguard.model.ports import quoted
from pytest_planguard.model.statistics import (
    ExtendedNumbers,
    ExtendedStatistics,
    Statistics,
    TableStatistics,
)
from pytest_planguard.sql.renames import Rename, Renamed

_Value = TypeVar("_Value")

Histories = dict[str, list[str]]
"""By a thing's name in the statistics: the names it got since, the newest last."""


def renamed(statistics: Statistics, catalog: Catalog, renames: Sequence[Rename]) -> Statistics:
    """The statistics under the names the schema has.

    Args:
        statistics: As production gave them.
        catalog: Of the fixture database.
        renames: What captured DDL renames, in its order (``sql.renames.renames``).
    """
    if not renames:
        return statistics
    followed = _Followed(statistics)
    for one in renames:
        followed.follow(one)
    tables = _believed(followed.tables, statistics.tables, catalog.tables)
    words = {name.partition(".")[2]: new.partition(".")[2] for name, new in tables.items()}
    return msgspec.structs.replace(
        statistics,
        tables={
            tables.get(name, name): _table(
                table, name, tables, words, catalog, followed.columns[name], followed.indexes[name]
            )
            for name, table in statistics.tables.items()
        },
        kept=tuple(_kept(one, tables) for one in statistics.kept),
    )


class _Followed:
    """Where each name of the statistics has gone, rename after rename."""

    def __init__(self, statistics: Statistics) -> None:
        self.tables: Histories = {name: [] for name in statistics.tables}
        self.columns: dict[str, Histories] = {}
        self.indexes: dict[str, Histories] = {}
        self._parents = {name: table.parents for name, table in statistics.tables.items()}
        for name, table in statistics.tables.items():
            columns = {**table.types, **table.columns, **table.inherited}
            self.columns[name] = {column: [] for column in columns}
            self.indexes[name] = {index: [] for index in table.indexes}

    def follow(self, one: Rename) -> None:
        """Takes account of the next rename."""
        if one.what is Renamed.SCHEMA:
            for name, history in self.tables.items():
                schema, _, relation = _now(name, history).partition(".")
                if schema == one.old:
                    history.append(f"{one.new}.{relation}")
            return
        table = self._table(one.schema, one.relation)
        if one.what is Renamed.COLUMN:
            if table is not None:
                self._rename_column(table, one)
        elif table is not None:
            schema, _, relation = _now(table, self.tables[table]).partition(".")
            moved = one.what is Renamed.MOVED
            self.tables[table].append(f"{one.new}.{relation}" if moved else f"{schema}.{one.new}")
        elif one.what is Renamed.RELATION:
            for name, indexes in self.indexes.items():
                if one.schema in ("", _now(name, self.tables[name]).partition(".")[0]):
                    _add(indexes, one.old, one.new)

    def _rename_column(self, table: str, one: Rename) -> None:
        """In the table and in whatever is a partition of it or inherits from it."""
        _add(self.columns[table], one.old, one.new)
        for child, parents in self._parents.items():
            if table in parents:
                self._rename_column(child, one)

    def _table(self, schema: str, relation: str) -> str | None:
        """The statistics' name of a table that is called so now; without a schema, public's first.

        None as well where several schemas have one and none of them is public.
        """
        found = [
            name
            for name, history in self.tables.items()
            if _is_called(_now(name, history), schema, relation)
        ]
        public = [name for name in found if _now(name, self.tables[name]) == f"public.{relation}"]
        chosen = public or found
        return chosen[0] if len(chosen) == 1 else None


def _now(name: str, history: Sequence[str]) -> str:
    return history[-1] if history else name


def _is_called(qualified: str, schema: str, relation: str) -> bool:
    own, _, name = qualified.partition(".")
    return name == relation and schema in ("", own)


def _add(histories: Histories, old: str, new: str) -> None:
    for name, history in histories.items():
        if _now(name, history) == old:
            history.append(new)
            return


def _believed(
    histories: Histories, there: Collection[str], here: Collection[str]
) -> dict[str, str]:
    """Old name → new name, where the statistics lack the new one and the schema the old one.

    The newest of the names it had: a migration that was taken back and made again is heard once
    each way only, so that the last word may be the wrong one.
    """
    found: dict[str, str] = {}
    for name, history in histories.items():
        if name in here:
            continue
        names = (new for new in reversed(history) if new in here and new not in there)
        new = next((new for new in names if new not in found.values()), None)
        if new is not None:
            found[name] = new
    return found


def _table(
    table: TableStatistics,
    name: str,
    tables: Mapping[str, str],
    words: Mapping[str, str],
    catalog: Catalog,
    columns: Histories,
    indexes: Histories,
) -> TableStatistics:
    """One table with its columns and indexes under their new names."""
    ours = catalog.tables.get(tables.get(name, name))
    if ours is None:
        return table
    mine = _believed(columns, columns, {column.name for column in ours.columns})
    names = {index.name for index in catalog.indexes_of(ours.qualified)}
    other = _believed(indexes, indexes, names)
    said = {**words, **mine}
    return msgspec.structs.replace(
        table,
        columns=_under(table.columns, mine),
        inherited=_under(table.inherited, mine),
        types=_under(table.types, mine),
        collations=_under(table.collations, mine),
        indexes={
            other.get(index, index): msgspec.structs.replace(
                facts, definition=_reworded(facts.definition, {**said, **other})
            )
            for index, facts in table.indexes.items()
        },
        constraints={key: _reworded(text, said) for key, text in table.constraints.items()},
        extended={key: _extended(one, mine, words) for key, one in table.extended.items()},
        parents=tuple(tables.get(parent, parent) for parent in table.parents),
    )


def _under(facts: Mapping[str, _Value], names: Mapping[str, str]) -> dict[str, _Value]:
    return {names.get(name, name): value for name, value in facts.items()}


def _reworded(definition: str, names: Mapping[str, str]) -> str:
    """A definition with identifiers replaced, all at once: two columns may change names."""
    if not names:
        return definition
    new = {quoted(old): quoted(name) for old, name in names.items()}
    either = "|".join(sorted(map(re.escape, new), key=len, reverse=True))
    return re.sub(rf'(?<![\w"\'])(?:{either})(?![\w"\'])', lambda found: new[found[0]], definition)


def _extended(
    one: ExtendedStatistics, columns: Mapping[str, str], words: Mapping[str, str]
) -> ExtendedStatistics:
    if not columns and not words:
        return one
    return msgspec.structs.replace(
        one,
        definition=_reworded(one.definition, {**words, **columns}),
        columns=_listed(one.columns, columns),
        own=_numbers(one.own, columns),
        inherited=_numbers(one.inherited, columns),
    )


def _numbers(numbers: ExtendedNumbers | None, columns: Mapping[str, str]) -> ExtendedNumbers | None:
    if numbers is None:
        return None
    return msgspec.structs.replace(
        numbers,
        ndistinct={_key(key, columns): value for key, value in numbers.ndistinct.items()},
        dependencies={_key(key, columns): value for key, value in numbers.dependencies.items()},
    )


def _key(key: str, columns: Mapping[str, str]) -> str:
    """``a, b => c`` with the columns' new names."""
    sides = (", ".join(_listed(side.split(", "), columns)) for side in key.split(" => "))
    return " => ".join(sides)


def _listed(names: Iterable[str], columns: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(columns.get(name, name) for name in names)


def _kept(name: str, tables: Mapping[str, str]) -> str:
    """``table.column``, with the table as the configuration names it."""
    table, _, column = name.rpartition(".")
    return f"{tables[table]}.{column}" if table in tables else name
