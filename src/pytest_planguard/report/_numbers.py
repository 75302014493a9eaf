"""Numbers as people read them: few digits, the unit beside them."""

from __future__ import annotations


def rows(number: float) -> str:
    """Rows.

    >>> rows(47_000_000), rows(1_250_000_000), rows(42_000), rows(3)
    ('47.0M', '1.2B', '42,000', '3')
    """
    if number >= 999_950_000:
        return f"{number / 1e9:.1f}B"
    if number >= 999_950:
        return f"{number / 1e6:.1f}M"
    return f"{number:,.0f}"


def size(number: float) -> str:
    """Bytes, in powers of a thousand.

    >>> size(9_100_000_000), size(81_920), size(512)
    ('9.1 GB', '81.9 kB', '512 bytes')
    """
    for factor, unit in ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if number >= factor:
            return f"{number / factor:.1f} {unit}"
    return f"{number:.0f} bytes"


def cost(number: float) -> str:
    """Planner units: three digits, two below a hundred.

    >>> cost(152_345.6), cost(9.149), cost(47.3), cost(0.0125), cost(0)
    ('152,000', '9.1', '47', '0.013', '0')
    """
    if number >= 100:
        return f"{float(f'{number:.2e}'):,.0f}"
    return f"{number:.2g}"


def factor(before: float, after: float) -> str:
    """How many times as much.

    >>> factor(1.4, 148_400), factor(100, 180), factor(0, 5)
    ('×106,000', '×1.8', '×500')
    """
    ratio = after / max(before, 0.01)
    return f"×{ratio:.1f}" if ratio < 10 else f"×{float(f'{ratio:.2e}'):,.0f}"


def counted(number: int, noun: str, plural: str = "") -> str:
    """A count with its noun.

    >>> counted(1, "test"), counted(2, "query", "queries")
    ('1 test', '2 queries')
    """
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def whole(number: float) -> float | int:
    """The same for programs, without a fraction where there is none.

    >>> whole(8_100_000.0), whole(0.5)
    (8100000, 0.5)
    """
    return int(number) if number == int(number) else number
