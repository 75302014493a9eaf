"""Numbers in a rule's sentences: few digits, the unit beside them."""

from __future__ import annotations

from collections.abc import Sequence

from pytest_planguard.model.spec import Thresholds


def rows(number: float) -> str:
    """A number of rows.

    >>> rows(47_000_000), rows(1_250_000_000), rows(42_000), rows(0.2)
    ('47.0M', '1.2B', '42,000', '1')
    """
    if number >= 999_950_000:
        return f"{number / 1e9:.1f}B"
    if number >= 999_950:
        return f"{number / 1e6:.1f}M"
    return f"{max(number, 1):,.0f}"


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
    """Planner units, to three digits.

    >>> cost(152_345.6), cost(9.149), cost(47.3)
    ('152,000', '9.1', '47')
    """
    if number >= 100:
        return f"{float(f'{number:.2e}'):,.0f}"
    return f"{number:.2g}"


def times(before: float, after: float) -> str:
    """How many times as much.

    >>> times(1.4, 148_400), times(100, 180)
    ('×106,000', '×1.8')
    """
    ratio = after / max(before, 0.01)
    return f"×{ratio:.1f}" if ratio < 10 else f"×{float(f'{ratio:.2e}'):,.0f}"


def passes(loops: float) -> str:
    """How often something is read that is read more than once; empty for once.

    >>> passes(1.0), passes(1_453.0)
    ('', ' in 1,453 passes')
    """
    return f" in {rows(loops)} passes" if loops >= 2 else ""


def counted(number: int, noun: str) -> str:
    """A number of things.

    >>> counted(1, "test"), counted(1_200, "test")
    ('1 test', '1,200 tests')
    """
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def after_tests(number: int) -> str:
    """When something is still as it should not be.

    >>> after_tests(1), after_tests(3)
    ('after 1 test and its teardown', 'after 3 tests and their teardown')
    """
    return f"after {counted(number, 'test')} and {'its' if number == 1 else 'their'} teardown"


def share(number: float) -> str:
    """A share of a whole, 0 to 1.

    >>> share(0.973), share(0.0004), share(1.0)
    ('97 %', '0.04 %', '100 %')
    """
    percent = number * 100
    return f"{percent:.0f} %" if percent >= 1 else f"{percent:.1g} %"


def listed(names: Sequence[str]) -> str:
    """Names in a sentence.

    >>> listed(["a"]), listed(["a", "b"]), listed(["a", "b", "c"])
    ('a', 'a and b', 'a, b and c')
    """
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last


def least_gain(thresholds: Thresholds) -> str:
    """What an index must save to be advised.

    >>> least_gain(Thresholds())
    'at least 30 % and 100 cost units cheaper with every value that reads too much'
    """
    return (
        f"at least {share(thresholds.minimum_gain)} and {thresholds.minimum_gain_units:g} cost "
        "units cheaper with every value that reads too much"
    )
