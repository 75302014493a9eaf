"""Text tables for a terminal that are Markdown tables, too."""

from __future__ import annotations

from collections.abc import Sequence


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """The rows under their head, columns aligned.

    >>> print(table(["server", "rows"], [["15.18", "22"]]))
    | server | rows |
    | ------ | ---- |
    | 15.18  | 22   |
    """
    widths = [max(len(row[at]) for row in (head, *rows)) for at in range(len(head))]
    lines = [list(head), ["-" * width for width in widths], *map(list, rows)]
    return "\n".join(
        "| "
        + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        + " |"
        for line in lines
    )


def seconds(value: float) -> str:
    """A duration as it is read: ``0.31 s``, ``98 s``."""
    return f"{value:.2f} s" if value < 10 else f"{value:.0f} s"


def size(value: float) -> str:
    """Bytes as kB, MB or GB.

    >>> size(400_000), size(1_700_000_000)
    ('400 kB', '1.7 GB')
    """
    if value >= 1e9:
        return f"{value / 1e9:.1f} GB"
    return f"{value / 1e6:.1f} MB" if value >= 1e6 else f"{value / 1e3:.0f} kB"


def percent(value: float) -> str:
    """A share; what would round to zero and is not says so.

    >>> percent(0), percent(0.00001), percent(0.0153)
    ('0 %', '<0.01 %', '1.53 %')
    """
    if not value:
        return "0 %"
    return f"{value:.2%}".replace("%", " %") if value >= 0.0001 else "<0.01 %"
