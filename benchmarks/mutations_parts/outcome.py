"""What became of each change, and the table of all of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import msgspec

from mutations_parts.change import Change
from mutations_parts.truth import Effect
from pytest_planguard.model.report import Report

FEWEST = 100
SHARE = 0.98
REGRESSION = "PLN003"


class Outcome(msgspec.Struct, frozen=True):
    """One change: what rows say, and what planguard says."""

    change: Change
    effects: tuple[Effect, ...]
    """Of the queries that read more or less."""
    failed: tuple[str, ...]
    """Findings that fail, in a line each."""
    causes: tuple[str, ...]
    """The first of each query that got worse and fails."""
    notes: tuple[str, ...] = ()
    """What became of queries that differ and fail nothing."""

    @property
    def is_harmful(self) -> bool:
        """By the blocks that are read."""
        return any(one.is_harmful for one in self.effects)

    @property
    def harm(self) -> str:
        """harmful, harmless, or in between."""
        if self.is_harmful:
            return "harmful"
        return "harmless" if all(one.is_harmless for one in self.effects) else "in between"

    @property
    def is_right(self) -> bool:
        """Harmful and reported, or neither; in between both will do."""
        return self.harm == "in between" or self.is_harmful == bool(self.failed)

    @property
    def is_cause_right(self) -> bool:
        """Every query that got worse did so because of the change, and says so first."""
        return bool(self.causes) and all(self.change.cause in one for one in self.causes)


def outcome_of(change: Change, effects: Sequence[Effect], report: Report) -> Outcome:
    """From what was measured and reported."""
    changes = {
        (one.query.database, one.query.key): one.change
        for one in report.queries
        if one.change is not None
    }
    failing = [finding for finding in report.findings if finding.fails]
    regressions = [one for one in failing if one.rule == REGRESSION]
    causes = [changes[one.database, one.key].causes for one in regressions]
    return Outcome(
        change,
        tuple(effects),
        tuple(f"{one.rule} {one.relation} {one.key}: {one.message}" for one in failing),
        tuple(next(iter(each), "unknown") for each in causes),
        tuple(
            f"{one.key} {one.kind.value} {one.cost_before} → {one.cost_after} {one.note}"
            for one in changes.values()
            if one.kind.value not in ("same", "better") or one.note
        ),
    )


def confusion(found: Sequence[Outcome]) -> str:
    """The table: harmful and harmless, by what planguard did; and by kind of change."""
    counts = Counter((one.harm, bool(one.failed)) for one in found)
    right = [one for one in found if one.is_harmful and one.failed and one.is_cause_right]
    lines = [
        "| | failed | passed |",
        "| --- | ---: | ---: |",
        *(
            f"| {harm} | {counts[harm, True]} | {counts[harm, False]} |"
            for harm in ("harmful", "in between", "harmless")
        ),
        "",
        f"right: {_share(sum(one.is_right for one in found), len(found))}",
        f"harmful, failed and the cause is right: {_share(len(right), counts['harmful', True])}",
        "",
        "| change | tried | harmful | failed | right |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    for kind in dict.fromkeys(one.change.kind for one in found):
        own = [one for one in found if one.change.kind == kind]
        lines.append(
            f"| {kind} | {len(own)} | {sum(one.is_harmful for one in own)}"
            f" | {sum(bool(one.failed) for one in own)} | {sum(one.is_right for one in own)} |"
        )
    return "\n".join(lines)


def wrong(one: Outcome) -> Iterator[str]:
    """What is not as it should be of a change, with the figures; nothing where all is."""
    if one.is_right and (not one.failed or one.is_cause_right):
        return
    done = "failed" if one.failed else "passed"
    yield f"\n{one.change.title}: {one.harm}, {done}"
    for effect in one.effects:
        mark = " !" if effect.is_harmful else ""
        yield f"  {effect.key}: {effect.before:,.0f} → {effect.after:,.0f} blocks{mark}"
    yield from (f"  {text}" for text in (*one.failed, *one.notes))
    yield from (f"  because {cause}" for cause in one.causes)


def missed_goals(found: Sequence[Outcome]) -> list[str]:
    """A sentence for each goal that was not reached."""
    right = sum(one.is_right for one in found)
    false = [one.change.title for one in found if one.failed and one.harm == "harmless"]
    other = [
        one.change.title
        for one in found
        if one.failed and one.is_harmful and not one.is_cause_right
    ]
    sentences = []
    if len(found) < FEWEST:
        sentences.append(f"{len(found)} changes were tried, wanted {FEWEST}")
    if right < SHARE * len(found):
        sentences.append(f"{_share(right, len(found))} are right, wanted {SHARE:.0%}")
    if false:
        sentences.append(f"harmless and failed: {'; '.join(false)}")
    if other:
        sentences.append(f"another cause was told: {'; '.join(other)}")
    return sentences


def _share(part: int, whole: int) -> str:
    return f"{part} of {whole}" + (f" ({part / whole:.1%})" if whole else "")
