"""One comment of one report or several, with what the pull request accepted into the baseline."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import msgspec

from pytest_planguard.errors import ConfigurationError
from pytest_planguard.model.acceptance import Acceptance, Acceptances
from pytest_planguard.model.finding import Severity
from pytest_planguard.model.report import Report, Status
from pytest_planguard.report import _numbers as numbers
from pytest_planguard.report import _text as words
from pytest_planguard.report.markdown import (
    LONGEST,
    MARKER,
    Detail,
    body,
    code,
    inline,
    sign,
)

_TAG = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._]|-(?=[A-Za-z0-9._])){0,49}")
"""What an HTML comment takes: no two hyphens in a row, none at the end."""

_MOST_ACCEPTED = 50
"""Lines; whoever has more looks at the diff."""

_MOVED = ("worse", "changed", "better", "new", "gone")


class Section(msgspec.Struct, frozen=True):
    """One report in the comment."""

    title: str
    """Of the service it belongs to; shown where there are several."""
    report: Report
    accepted: Acceptances | None = None
    """None: it could not be found out."""
    why_unknown: str = ""
    """Why not; empty where there is no baseline to ask about."""


def marker(tag: str = "") -> str:
    """The first line of a comment: how it is found again.

    >>> marker(), marker("orders")
    ('<!-- pytest-planguard -->', '<!-- pytest-planguard: orders -->')

    Raises:
        ConfigurationError: The tag would not survive inside an HTML comment.
    """
    if not tag:
        return MARKER
    if not _TAG.fullmatch(tag):
        raise ConfigurationError(
            f'the tag "{tag}" cannot be used',
            hint="use up to 50 letters, digits, dots, underscores and single hyphens",
        )
    return MARKER.replace(" -->", f": {tag} -->")


def render(sections: Sequence[Section], *, tag: str = "", link: str = "") -> str:
    """The comment, at most ``LONGEST`` characters.

    While it is too long, the longest section is told in less detail.

    Args:
        sections: At least one.
        tag: Tells this comment from others of the same author.
        link: Of the run; shown where something was left out.
    """
    alone = len(sections) == 1
    details = [Detail.FULL] * len(sections)
    texts = [_section(section, Detail.FULL, alone=alone) for section in sections]
    frame = [marker(tag), *_summary(sections)]
    room = LONGEST - sum(len(line) + 1 for line in (*frame, _rest(link)))
    while sum(len(text) + 1 for text in texts) > room:
        at = _longest(texts, details)
        if at is None:
            break
        details[at] = Detail(details[at] + 1)
        texts[at] = _section(sections[at], details[at], alone=alone)
    whole = all(detail is Detail.FULL for detail in details)
    text = "\n".join([*frame, *texts, *([] if whole or not link else [_rest(link)])])
    return text if len(text) <= LONGEST else text[: LONGEST - 2] + "…\n"


def has_findings(sections: Iterable[Section]) -> bool:
    """Whether a reviewer must see something: findings, also accepted ones, or a failure."""
    return any(
        section.report.verdict.status is not Status.PASSED
        or bool(section.accepted and section.accepted.findings)
        or any(one.severity is not Severity.INFO for one in words.open_findings(section.report))
        for section in sections
    )


def has_changes(sections: Sequence[Section]) -> bool:
    """The same, or a plan that moved, or a query or an entry that came or went."""
    return has_findings(sections) or any(
        bool(section.report.accepted)
        or bool(section.accepted)
        or any(section.report.changes.get(kind) for kind in _MOVED)
        for section in sections
    )


def _longest(texts: Sequence[str], details: Sequence[Detail]) -> int | None:
    """The section to shorten; None where none can be."""
    open_ones = [at for at, detail in enumerate(details) if detail is not Detail.COUNTS]
    return max(open_ones, key=lambda at: len(texts[at]), default=None)


def _summary(sections: Sequence[Section]) -> list[str]:
    """The verdict over all reports, where there are several."""
    if len(sections) == 1:
        return []
    statuses = [section.report.verdict.status for section in sections]
    for status in (Status.FAILED, Status.INCOMPLETE):
        if number := statuses.count(status):
            text = f"{number} of {numbers.counted(len(sections), 'report')} {status.value}"
            return [f"## {sign(status)} planguard: {text}\n"]
    return [f"## {sign(Status.PASSED)} planguard passed: {len(sections)} reports\n"]


def _section(section: Section, detail: Detail, *, alone: bool) -> str:
    title = "planguard " if alone else f"{inline(section.title)}: "
    return body(section.report, detail, title=title, accepted=_accepted(section, detail))


def _rest(link: str) -> str:
    return f"All of it is in [the run]({link}).\n"


def _accepted(section: Section, detail: Detail) -> list[str]:
    if section.why_unknown:
        text = "What this pull request accepts into the baseline is not known: "
        return [text + inline(section.why_unknown) + "."]
    if not section.accepted:
        return []
    accepts = section.accepted
    lines = [] if detail is Detail.COUNTS else [f"- {_line(one)}" for one in accepts.findings]
    if len(lines) > _MOST_ACCEPTED:
        more = len(lines) - _MOST_ACCEPTED
        lines = [*lines[:_MOST_ACCEPTED], f"- and {more:,} more"]
    return ["#### Accepted by this pull request", _counts(accepts), "\n".join(lines)]


def _counts(accepts: Acceptances) -> str:
    """``1 finding accepted; 3 new queries, 1 changed plan``."""
    kinds = (
        (accepts.new, "new query", "new queries"),
        (accepts.changed, "changed plan", "changed plans"),
        (accepts.dropped, "query dropped", "queries dropped"),
    )
    queries = ", ".join(numbers.counted(*kind) for kind in kinds if kind[0])
    findings = f"{numbers.counted(len(accepts.findings), 'finding')} accepted"
    text = "; ".join(part for part in (findings if accepts.findings else "", queries) if part)
    return f"The baseline begins here: {text}." if accepts.begins else f"{text}."


def _line(one: Acceptance) -> str:
    place = next((f"{origin.file} {origin.function}" for origin in one.origins), one.key)
    more = f" (+{len(one.origins) - 1} more)" if len(one.origins) > 1 else ""
    what = f" {code(one.relation)}" if one.relation else ""
    reason = inline(one.reason) if one.reason else "no reason was given"
    rules = f"{inline(one.severity)} {inline(', '.join(one.rules))}"
    return f"{rules}{what} · {code(place)}{more}: {reason}"
