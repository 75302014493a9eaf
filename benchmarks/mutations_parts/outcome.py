"""What became of each change, and the table of all of them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from mutations_parts.bands import BETWEEN, BY_PAGES, HARMFUL, HARMLESS, Band
from mutations_parts.change import Change
from mutations_parts.truth import Effect
from pytest_planguard.model.report import Report

FEWEST = 100
SHARE = 0.98
REGRESSION = "PLN003"


class Outcome(msgspec.Struct, frozen=True):
    """One change: what rows say, and what planguard says."""

    kind: str
    name: str
    cause: str
    """In the first sentence of the cause, as of ``Change``."""
    effects: tuple[Effect, ...]
    """Of the queries that read more or less."""
    failed: tuple[str, ...]
    """Findings that fail, in a line each."""
    causes: tuple[str, ...]
    """The first of each query that got worse and fails."""
    notes: tuple[str, ...] = ()
    """What became of queries that differ and fail nothing."""

    @property
    def title(self) -> str:
        """As it is printed."""
        return f"{self.kind}: {self.name}"

    def harm(self, band: Band = BY_PAGES) -> str:
        """By the blocks that are read."""
        return band.harm(self.effects)

    def is_decided(self, band: Band = BY_PAGES) -> bool:
        """Whether blocks tell what is right; in between they do not, and it counts as neither."""
        return self.harm(band) != BETWEEN

    def is_right(self, band: Band = BY_PAGES) -> bool:
        """Harmful and reported, or neither, where that is decided."""
        return self.is_decided(band) and (self.harm(band) == HARMFUL) == bool(self.failed)

    @property
    def is_cause_right(self) -> bool:
        """Every query that got worse did so because of the change, and says so first."""
        return bool(self.causes) and all(self.cause in one for one in self.causes)


def read(file: Path) -> list[Outcome]:
    """What was recorded of each change."""
    lines = file.read_text(encoding="utf-8").splitlines()
    return [msgspec.convert(json.loads(line), Outcome) for line in lines]


def write(file: Path, one: Outcome) -> None:
    """Adds a line of JSON, in which blocks without end are ``Infinity``."""
    with file.open("a", encoding="utf-8") as opened:
        opened.write(json.dumps(msgspec.to_builtins(one), ensure_ascii=False) + "\n")


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
        change.kind,
        change.name,
        change.cause,
        tuple(effects),
        tuple(f"{one.rule} {one.relation} {one.key}: {one.message}" for one in failing),
        tuple(next(iter(each), "unknown") for each in causes),
        tuple(
            f"{one.key} {one.kind.value} {one.cost_before} → {one.cost_after} {one.note}"
            for one in changes.values()
            if one.kind.value not in ("same", "better") or one.note
        ),
    )


def confusion(found: Sequence[Outcome], band: Band = BY_PAGES) -> str:
    """The table: harmful and harmless, by what planguard did."""
    counts = Counter((one.harm(band), bool(one.failed)) for one in found)
    failed = [one for one in found if one.failed and one.harm(band) == HARMFUL]
    right = sum(one.is_cause_right for one in failed)
    lines = [
        f"{band.words}:",
        "",
        "| | failed | passed |",
        "| --- | ---: | ---: |",
        *(
            f"| {harm} | {counts[harm, True]} | {counts[harm, False]} |"
            for harm in (HARMFUL, BETWEEN, HARMLESS)
        ),
        "",
        f"right: {_share(sum(one.is_right(band) for one in found), _decided(found, band))}",
        f"harmful, failed and the cause is right: {_share(right, len(failed))}",
    ]
    return "\n".join(lines)


def by_kind(found: Sequence[Outcome]) -> str:
    """The table by kind of change."""
    lines = [
        "| change | tried | harmful | in between | failed | right |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for kind in dict.fromkeys(one.kind for one in found):
        own = [one for one in found if one.kind == kind]
        counts = (
            len(own),
            sum(one.harm() == HARMFUL for one in own),
            sum(not one.is_decided() for one in own),
            sum(bool(one.failed) for one in own),
            sum(one.is_right() for one in own),
        )
        lines.append(f"| {kind} | {' | '.join(map(str, counts))} |")
    return "\n".join(lines)


def wrong(one: Outcome, band: Band = BY_PAGES) -> Iterator[str]:
    """What is wrong or not decided of a change, with the figures; nothing where all is right."""
    if one.is_right(band) and (not one.failed or one.is_cause_right):
        return
    done = "failed" if one.failed else "passed"
    yield f"\n{one.title}: {one.harm(band)}, {done}"
    for effect in one.effects:
        mark = {HARMFUL: " !", BETWEEN: " ?"}.get(band.harm([effect]), "")
        yield f"  {effect.key}: {effect.before:,.0f} → {effect.after:,.0f} blocks{mark}"
    yield from (f"  {text}" for text in (*one.failed, *one.notes))
    yield from (f"  because {cause}" for cause in one.causes)


def missed_goals(found: Sequence[Outcome], band: Band = BY_PAGES) -> list[str]:
    """A sentence for each goal that was not reached."""
    right, decided = sum(one.is_right(band) for one in found), _decided(found, band)
    false = [one.title for one in found if one.failed and one.harm(band) == HARMLESS]
    other = [
        one.title
        for one in found
        if one.failed and one.harm(band) == HARMFUL and not one.is_cause_right
    ]
    sentences = []
    if decided < FEWEST:
        sentences.append(f"{decided} changes are decided, wanted {FEWEST}")
    if right < SHARE * decided:
        sentences.append(f"{_share(right, decided)} are right, wanted {SHARE:.0%}")
    if false:
        sentences.append(f"harmless and failed: {'; '.join(false)}")
    if other:
        sentences.append(f"another cause was told: {'; '.join(other)}")
    return sentences


def _decided(found: Sequence[Outcome], band: Band) -> int:
    return sum(one.is_decided(band) for one in found)


def _share(part: int, whole: int) -> str:
    return f"{part} of {whole}" + (f" ({part / whole:.1%})" if whole else "")
