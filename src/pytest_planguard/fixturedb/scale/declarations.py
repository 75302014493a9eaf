"""What the configuration declares, matched with the schema; all mistakes at once."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping

import msgspec

from pytest_planguard.errors import ConfigurationError
from pytest_planguard.fixturedb.scale.spans import parse
from pytest_planguard.model.catalog import Catalog, Column, Table
from pytest_planguard.model.spec import ColumnDeclaration, TableDeclaration

BOOLEANS = {
    **dict.fromkeys(("t", "true", "yes", "on", "1"), "t"),
    **dict.fromkeys(("f", "false", "no", "off", "0"), "f"),
}
_WHOLE_NUMBERS = frozenset({"int2", "int4", "int8", "oid", "uuid"})
_SLACK = 1e-6
"""Shares are added as decimals of the configuration: 0.1 + 0.2 may pass 0.3."""


def resolve(
    catalog: Catalog, tables: Mapping[str, TableDeclaration]
) -> tuple[dict[str, TableDeclaration], list[str]]:
    """Declarations by schema-qualified name, and a sentence for each that fits nothing.

    A name without a schema is any schema's table, ``public``'s before others.
    """
    found: dict[str, TableDeclaration] = {}
    mistakes: list[str] = []
    for name, declaration in tables.items():
        matches = _matches(catalog, name)
        if len(matches) != 1:
            mistakes.append(_unknown(catalog, name) if not matches else _several(name, matches))
            continue
        if matches[0] in found:
            mistakes.append(f"tables.{name}: {matches[0]} is declared twice")
        found[matches[0]] = declaration
        mistakes += _table_mistakes(name, catalog.tables[matches[0]], declaration)
    return found, mistakes


def fitting(
    catalog: Catalog, tables: Mapping[str, TableDeclaration]
) -> dict[str, TableDeclaration]:
    """Declarations of what the schema has, by schema-qualified name.

    For a schema that is older or newer than the configuration: what it lacks is no mistake.
    """
    found: dict[str, TableDeclaration] = {}
    for name, declaration in tables.items():
        matches = _matches(catalog, name)
        if len(matches) != 1:
            continue
        table = catalog.tables[matches[0]]
        columns = {
            column: facts
            for column, facts in declaration.columns.items()
            if not list(_table_mistakes(name, table, TableDeclaration(columns={column: facts})))
        }
        found[matches[0]] = msgspec.structs.replace(declaration, columns=columns)
    return found


def refuse(mistakes: Iterable[str]) -> None:
    """Raises ConfigurationError with all of them, if there are any."""
    sentences = list(mistakes)
    if not sentences:
        return
    raise ConfigurationError(
        "\n".join(sentences),
        hint="mend [tool.pytest-planguard.tables]; the schema is what the fixture database has",
    )


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """`` (did you mean …?)`` for the nearest name, or nothing.

    >>> did_you_mean("order", ["orders", "payments"])
    ' (did you mean "orders"?)'
    """
    nearest = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f' (did you mean "{nearest[0]}"?)' if nearest else ""


def _matches(catalog: Catalog, name: str) -> list[str]:
    """The tables a configured name may mean."""
    if name in catalog.tables:
        return [name]
    found = [key for key, table in catalog.tables.items() if table.name == name]
    return [f"public.{name}"] if f"public.{name}" in found else found


def _unknown(catalog: Catalog, name: str) -> str:
    known = [table.qualified if "." in name else table.name for table in catalog.tables.values()]
    return f"tables.{name}: the schema has no such table{did_you_mean(name, known)}"


def _several(name: str, matches: list[str]) -> str:
    return f"tables.{name}: in more than one schema, say which: {', '.join(sorted(matches))}"


def _table_mistakes(name: str, table: Table, declaration: TableDeclaration) -> Iterator[str]:
    """What is wrong with one table's declaration."""
    if declaration.rows is not None and not 0 <= declaration.rows < 1e15:
        yield f"tables.{name}.rows: {declaration.rows:g} is not a number of rows"
    for key, facts in declaration.columns.items():
        where = f"tables.{name}.columns.{key}"
        column = table.column(key)
        if column is None:
            meant = did_you_mean(key, (item.name for item in table.columns))
            yield f"{where}: {table.qualified} has no such column{meant}"
            continue
        yield from _range_mistakes(where, facts)
        yield from (f"{where}.values: {text}" for text in _value_mistakes(column, facts))


def _range_mistakes(where: str, facts: ColumnDeclaration) -> Iterator[str]:
    """Numbers that cannot be what they are called."""
    if facts.nulls is not None and not 0 <= facts.nulls <= 1:
        yield f"{where}.nulls: {facts.nulls:g} is not a share between 0 and 1"
    if facts.correlation is not None and not -1 <= facts.correlation <= 1:
        yield f"{where}.correlation: {facts.correlation:g} is not between -1 and 1"
    if facts.distinct is not None and facts.distinct <= 0:
        yield f"{where}.distinct: {facts.distinct:g} is not above 0"
    if facts.width is not None and facts.width <= 0:
        yield f"{where}.width: {facts.width} is not a number of bytes"
    bad = [value for value, share in facts.values.items() if not 0 < share <= 1]
    if bad:
        yield f"{where}.values: the share of {', '.join(bad)} is not above 0 and up to 1"
    total = sum(facts.values.values()) + (facts.nulls or 0.0)
    if total > 1 + _SLACK:
        yield f"{where}.values: shares and nulls come to {total:g}, more than 1"


def _value_mistakes(column: Column, facts: ColumnDeclaration) -> Iterator[str]:
    """Values the column's type does not have."""
    for value in facts.values:
        if column.labels and value not in column.labels:
            meant = did_you_mean(value, column.labels)
            yield f'"{value}" is no label of {column.type}{meant}'
        elif column.base_type == "bool" and value.lower() not in BOOLEANS:
            yield f'"{value}" is neither true nor false'
        elif column.base_type in _WHOLE_NUMBERS and parse(column.base_type, value) is None:
            yield f'"{value}" is no {column.type}'
