"""Statistics of a schema of many tables, as a pull of production reads them; no server is asked.

A table has 12 columns and 3 indexes, two foreign keys and a check, and each column as many values
as ANALYZE keeps for it, of lengths and digits as they are in real databases.
"""

from __future__ import annotations

import datetime as dt
import random
import struct
from itertools import accumulate

from pytest_planguard.model.statistics import (
    ColumnStatistics,
    IndexStatistics,
    ScaleSource,
    Statistics,
    TableStatistics,
    ValuePolicy,
)
from pytest_planguard.model.terse import number_text

TARGET = 100
"""``default_statistics_target``: most common values, and divisions of a histogram."""
_WORDS = [
    "customer",
    "order",
    "shipment",
    "invoice",
    "payment",
    "account",
    "product",
    "contract",
    "session",
    "audit",
]
_STATES = ("pending", "confirmed", "delivered", "cancelled")
_START = dt.datetime(2024, 11, 3, tzinfo=dt.UTC)


def large_schema(tables: int = 500) -> Statistics:
    """As many tables, of a thousand rows to some hundred million; the same ones every time."""
    chance = random.Random(12)
    return Statistics(
        dict(_table(number, chance) for number in range(tables)),
        "2026-11-02T03:04:05+00:00",
        ScaleSource.PRODUCTION,
        server_version=160004,
        collation="en_US.UTF-8",
        collation_provider="libc",
        encoding="UTF8",
        values=ValuePolicy.MASKED,
    )


def _table(number: int, chance: random.Random) -> tuple[str, TableStatistics]:
    name = f"{chance.choice(_WORDS)}_{chance.choice(_WORDS)}s_{number:03d}"
    rows = _real(float(int(10 ** chance.uniform(3, 8.5))))
    pages = int(rows / 55) + 1
    one, other = chance.sample(_WORDS, 2)
    numbers = {
        "id": ("bigint not null", _sequence(rows)),
        f"{one}_id": ("bigint not null", _reference(rows, chance)),
        f"{other}_id": ("bigint", _reference(rows, chance, nulls=True)),
        "status": ("character varying(20) not null", _states(chance)),
        "quantity": ("integer not null", _few(chance)),
        "total_amount": ("numeric(12,2) not null", _amounts(chance)),
        "email": ("character varying(255)", _texts(22, chance)),
        "description": ("text", _texts(120, chance)),
        "metadata": ("jsonb not null", ColumnStatistics(0.0, 180, -0.7812, masked=True)),
        "is_archived": ("boolean not null", _booleans(chance)),
        "created_at": ("timestamp with time zone not null", _instants(chance, 0.9871234)),
        "updated_at": ("timestamp with time zone", _instants(chance, 0.8123457)),
    }
    table = TableStatistics(
        rows,
        pages,
        all_visible=pages - pages // 97,
        columns={key: facts for key, (_, facts) in numbers.items()},
        types={key: kind for key, (kind, _) in numbers.items()},
        indexes={
            f"{name}_pkey": _index(name, "UNIQUE ", "_pkey", "id", rows, 1),
            f"{name}_{one}_id_idx": _index(name, "", f"_{one}_id_idx", f"{one}_id", rows, 2),
            f"{name}_status_created_at_idx": _index(
                name, "", "_status_created_at_idx", "status, created_at DESC", rows, 3
            ),
        },
        constraints={
            f"{name}_pkey": "PRIMARY KEY (id)",
            f"{name}_{one}_id_fkey": f"FOREIGN KEY ({one}_id) REFERENCES {one}s(id)",
            f"{name}_{other}_id_fkey": (
                f"FOREIGN KEY ({other}_id) REFERENCES {other}s(id) ON DELETE SET NULL"
            ),
            f"{name}_quantity_check": "CHECK ((quantity > 0))",
        },
        toast_pages=pages // 40,
        analyzed=f"2026-11-01T{number % 24:02d}:12:{number % 60:02d}+00:00",
    )
    return f"public.{name}", table


def _index(
    table: str, unique: str, suffix: str, columns: str, rows: float, order: int
) -> IndexStatistics:
    definition = f"CREATE {unique}INDEX {table}{suffix} ON public.{table} USING btree ({columns})"
    height = 1 if rows < 100_000 else 2 if rows < 30_000_000 else 3
    return IndexStatistics(int(rows / 366) + 2, rows, height, order=order, definition=definition)


def _real(value: float) -> float:
    """The shortest number that is the same ``real``, as drivers read what the server prints."""
    return float(number_text(struct.unpack("f", struct.pack("f", value))[0]))


def _freqs(count: int, all_in_all: float, chance: random.Random) -> tuple[float, ...]:
    """Frequencies as of a sample of 30,000 rows, most frequent first."""
    weights = sorted((chance.paretovariate(1.2) for _ in range(count)), reverse=True)
    shares = (all_in_all * weight / sum(weights) for weight in weights)
    return tuple(_real(max(2, round(share * 30_000)) / 30_000) for share in shares)


def _sequence(rows: float) -> ColumnStatistics:
    bounds = tuple(str(1 + int(n * rows / TARGET)) for n in range(TARGET + 1))
    return ColumnStatistics(0.0, 8, -1.0, histogram_bounds=bounds, correlation=0.9987654)


def _reference(rows: float, chance: random.Random, *, nulls: bool = False) -> ColumnStatistics:
    largest = max(200, int(rows / 8))
    keys = [chance.randrange(largest) for _ in range(TARGET)]
    bounds = sorted(chance.randrange(largest) for _ in range(TARGET + 1))
    return ColumnStatistics(
        0.123 if nulls else 0.0,
        8,
        _real(rows / 9) if rows < 1_000_000 else -0.1234567,
        tuple(map(str, keys)),
        _freqs(TARGET, 0.2, chance),
        tuple(map(str, bounds)),
        _real(chance.uniform(-0.2, 0.9)),
    )


def _states(chance: random.Random) -> ColumnStatistics:
    freqs = _freqs(len(_STATES), 1.0, chance)
    correlation = _real(chance.random())
    return ColumnStatistics(0.0, 10, 4.0, _STATES, freqs, correlation=correlation, masked=True)


def _few(chance: random.Random) -> ColumnStatistics:
    values = tuple(str(n) for n in range(1, 41))
    return ColumnStatistics(
        0.0, 4, 40.0, values, _freqs(40, 1.0, chance), correlation=_real(chance.random())
    )


def _booleans(chance: random.Random) -> ColumnStatistics:
    return ColumnStatistics(
        0.0, 1, 2.0, ("f", "t"), _freqs(2, 1.0, chance), correlation=_real(chance.random())
    )


def _amounts(chance: random.Random) -> ColumnStatistics:
    common = tuple(f"{chance.randrange(500)}.99" for _ in range(TARGET))
    bounds = tuple(f"{n * 37.5 + chance.random():.2f}" for n in range(TARGET + 1))
    freqs = _freqs(TARGET, 0.15, chance)
    return ColumnStatistics(0.0, 6, -0.0412345, common, freqs, bounds, _real(chance.random()))


def _texts(width: int, chance: random.Random) -> ColumnStatistics:
    letters = "abcdefghijklmnopqrstuvwxyz0123456789"
    bounds = sorted("".join(chance.choices(letters, k=width)) for _ in range(TARGET + 1))
    return ColumnStatistics(
        0.0312, width + 1, -0.9688, (), (), tuple(bounds), _real(chance.random()), masked=True
    )


def _instants(chance: random.Random, correlation: float) -> ColumnStatistics:
    steps = accumulate(chance.uniform(0.5, 1.5) * 7.3 for _ in range(TARGET + 1))
    bounds = tuple(f"{_START + dt.timedelta(days=days):%Y-%m-%d %H:%M:%S.%f}+00" for days in steps)
    return ColumnStatistics(0.0, 8, -0.9123456, (), (), bounds, correlation)
