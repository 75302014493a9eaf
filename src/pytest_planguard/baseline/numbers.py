"""Numbers as the baseline writes them."""

from __future__ import annotations

import math


def significant(number: float, digits: int = 2) -> float:
    """A number to that many significant digits.

    >>> significant(152_345.6), significant(9.149), significant(0)
    (150000.0, 9.1, 0.0)
    """
    return float(f"{number:.{digits - 1}e}") if number and math.isfinite(number) else 0.0
