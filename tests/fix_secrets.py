"""Connection strings with passwords that nobody encoded, in every way libpq takes them apart."""

from __future__ import annotations

PARTS = ("hunter2", "ssw0rd", "tail77")
"""No message may hold any of them."""

_IN_URLS = (
    "hunter2",
    "hunter2@ssw0rd",
    "hunter2@ssw0rd@tail77",
    "hunter2/ssw0rd",
    "12/ssw0rd",
    "hunter2%zzssw0rd",
    "hunter2%ssw0rd",
    "hunter2 ssw0rd",
    "hunter2?ssw0rd=tail77",
    "12/ssw0rd?connect_timeout=tail77",
    "hunter2#ssw0rd",
    "hunter2:ssw0rd",
    "hunter2[ssw0rd",
    "[hunter2/ssw0rd",
)
_IN_WORDS = (
    "hunter2",
    "hunter2 ssw0rd tail77",
    "hunter2 ssw0rd=tail77",
    "hunter2@ssw0rd",
    "hunter2/ssw0rd%tail77",
    "'hunter2 ssw0rd",
    "'hunter2' ssw0rd'",
    "hunter2 host=ssw0rd@tail77",
    "hunter2 port=ssw0rd",
    "hunter2 connect_timeout=ssw0rd",
)

UNREACHABLE = (
    *(f"postgresql://me:{password}@127.0.0.1:1/db" for password in _IN_URLS),
    *(f"host=127.0.0.1 port=1 user=me password={password}" for password in _IN_WORDS),
)
"""Nothing listens there; most of them can't be read, or are read wrongly."""


def leaked(*texts: str) -> list[str]:
    """The parts of passwords that texts hold."""
    return [part for part in PARTS if any(part in text for text in texts)]


def told(error: BaseException | None) -> str:
    """All a traceback would print of an error."""
    parts = []
    while error is not None:
        parts.append(str(error))
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return "\n".join(parts)
