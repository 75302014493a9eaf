"""Average widths and alignment of a type's values."""

from __future__ import annotations

from pytest_planguard.model.catalog import Column

DEFAULT_WIDTH = 32
"""As in PostgreSQL's ``get_typavgwidth`` for types of variable length."""

# Documents are wider than the 32 bytes PostgreSQL assumes of everything: 200 is a small one.
_TYPICAL = {
    "json": 200, "jsonb": 200, "xml": 200, "tsvector": 200, "inet": 8, "cidr": 8,
    "varbit": 16, "int4range": 14, "int8range": 22, "daterange": 14, "tsrange": 22,
    "tstzrange": 22, "numrange": 22,
}  # fmt: skip
_ALIGNMENT = {"uuid": 1, "name": 1, "char": 1, "bool": 1, "macaddr": 4, "timetz": 8, "interval": 8}
_LENGTH_HEADER = 4
"""``atttypmod`` of char(n) and varchar(n) counts it."""


def average_width(column: Column) -> int:
    """Bytes of a value that is not NULL, where nobody said.

    Fixed types have their length; ``char(n)`` and ``varchar(n)`` up to 32 their limit; numbers
    of declared precision two bytes for each four digits and a header of three.
    """
    if column.length > 0:
        return column.length
    if column.base_type in {"varchar", "bpchar"} and column.modifier >= _LENGTH_HEADER:
        limit = column.modifier - _LENGTH_HEADER
        return limit if limit <= DEFAULT_WIDTH or column.base_type == "bpchar" else DEFAULT_WIDTH
    if column.base_type == "numeric":
        precision = ((column.modifier - _LENGTH_HEADER) >> 16) & 0xFFFF
        digits = precision if column.modifier >= _LENGTH_HEADER else 12
        return 3 + 2 * -(-digits // 4)
    return _TYPICAL.get(column.base_type, DEFAULT_WIDTH)


def alignment(base_type: str, length: int, width: float) -> int:
    """Bytes a value starts at a multiple of: ``typalign``, and 1 for short variable values."""
    if base_type in _ALIGNMENT:
        return _ALIGNMENT[base_type]
    if length < 0:
        return 4 if width > 126 else 1  # above, the header has four bytes and is aligned
    return next((size for size in (8, 4, 2) if length % size == 0), 1)


def aligned(offset: float, to: int) -> float:
    """The next multiple; fractions of a byte, from NULLs, are kept where nothing is aligned."""
    return offset if to == 1 else -(-offset // to) * to
