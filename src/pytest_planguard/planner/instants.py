"""Dates and timestamps in their text form, and the spans of time people ask for."""

from __future__ import annotations

import datetime as dt

SPANS = tuple(
    dt.timedelta(**span)
    for span in (
        {"hours": 1}, {"days": 1}, {"days": 7}, {"days": 30}, {"days": 90}, {"days": 365},
    )
)  # fmt: skip
"""Ages of a moment and widths of a window: what applications ask for. A decile of three years is
110 days, which "the last week" must not become."""


def instant(text: str | None) -> dt.datetime | None:
    """A date or timestamp in ISO form, in UTC, which it is taken as without a zone; else None.

    >>> instant("2026-01-01 02:00:00+02")
    datetime.datetime(2026, 1, 1, 0, 0, tzinfo=datetime.timezone.utc)
    >>> instant("17") is None
    True
    """
    try:
        found = dt.datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return found.astimezone(dt.UTC) if found.tzinfo else found.replace(tzinfo=dt.UTC)


def instant_or_now(text: str) -> dt.datetime:
    """The moment a clock was set to, in UTC; now, where it was not set.

    >>> instant_or_now("2026-01-01T02:00:00+02:00").isoformat()
    '2026-01-01T00:00:00+00:00'
    >>> instant_or_now("").tzinfo == dt.UTC
    True

    Raises:
        ValueError: The text is no moment: a clock that is not understood must not become today's.
    """
    found = instant(text)
    if found is None and text:
        raise ValueError(f"no moment in ISO form: {text!r}")
    return found or dt.datetime.now(dt.UTC)


def rendered(moment: dt.datetime, like: str) -> str:
    """A moment in UTC as a date, or as a timestamp with or without zone, whichever ``like`` is.

    >>> moment = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    >>> rendered(moment, "2020-02-02"), rendered(moment, "2020-02-02 00:00:00+01")
    ('2026-01-01', '2026-01-01 00:00:00+00')
    """
    if len(like) == len("2026-01-01"):
        return moment.date().isoformat()
    has_zone = "+" in like or like.endswith("Z") or like.count("-") > 2
    return moment.replace(tzinfo=None).isoformat(sep=" ") + ("+00" if has_zone else "")


def usual(span: dt.timedelta) -> dt.timedelta:
    """The one of ``SPANS`` that is nearest, on the scale people think of them in.

    Args:
        span: Above nothing.

    >>> usual(dt.timedelta(days=5)).days
    7
    """
    return min(SPANS, key=lambda one: max(one, span) / min(one, span))
