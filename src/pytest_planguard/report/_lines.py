"""Lines of a terminal: segments with styles, made harmless, coloured and wrapped."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable
from typing import TypeAlias

from pytest_planguard.model.finding import Severity
from pytest_planguard.report import _text as words

Segment: TypeAlias = tuple[str, str]
"""Text and its style, as rich names it; empty: plain."""
Line: TypeAlias = list[Segment]

STYLES = {Severity.ERROR: "bold red", Severity.WARNING: "yellow", Severity.INFO: "cyan"}

_HANGING = 4
"""Columns that a line's second row is indented deeper than its first."""
_PIECES = re.compile(r"\s+|\S+")


def paint(lines: Iterable[Line], *, color: bool, columns: int = 0) -> str:
    """Lines as text; every segment is cleaned, so that nothing foreign is alive in it.

    Args:
        lines: Segments with their styles each.
        color: With ANSI colours.
        columns: To wrap lines at; 0: they stay whole.
    """
    cleaned = [[(words.inert(words.clean(text)), style) for text, style in line] for line in lines]
    rows = [row for line in cleaned for row in _wrapped(line, columns)]
    if not color:
        return "".join("".join(text for text, _ in row).rstrip() + "\n" for row in rows)
    from rich.color import ColorSystem
    from rich.style import Style

    return "".join(
        "".join(
            Style.parse(style).render(text, color_system=ColorSystem.STANDARD) if style else text
            for text, style in row
        )
        + "\n"
        for row in rows
    )


def _wrapped(line: Line, columns: int) -> list[Line]:
    """A line in rows of at most so many columns, broken between words; a long word stays whole."""
    if columns <= 0:
        return [line]
    from rich.cells import cell_len

    plain = "".join(text for text, _ in line)
    if cell_len(plain) <= columns:
        return [line]
    indent = " " * min(len(plain) - len(plain.lstrip()) + _HANGING, columns // 2)
    rows: list[Line] = [[]]
    used, begun = 0, False
    for text, style in line:
        for piece in _PIECES.findall(text):
            width = cell_len(piece)
            if begun and not piece.isspace() and used + width > columns:
                rows.append([(indent, "")])
                used, begun = len(indent), False
            if begun or not piece.isspace() or len(rows) == 1:
                rows[-1].append((piece, style))
                used += width
            begun = begun or not piece.isspace()
    return [_joined(row) for row in rows]


def _joined(row: Line) -> Line:
    """Neighbours of one style as one segment, without blanks at the end."""
    groups = itertools.groupby(row, key=lambda segment: segment[1])
    joined = [("".join(text for text, _ in group), style) for style, group in groups]
    text, style = joined[-1]
    return [*joined[:-1], (text.rstrip(), style)]
