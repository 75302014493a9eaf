"""What was accepted between two states of a baseline."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_planguard.baseline.between import under_keys_of
from pytest_planguard.model.acceptance import Acceptance, Acceptances
from pytest_planguard.model.baseline import Accepted, Baseline, Entry
from pytest_planguard.model.finding import Severity

_WORST_FIRST = [severity.value for severity in Severity]


def accepted(before: Baseline | None, after: Baseline | None) -> Acceptances:
    """What a baseline accepts that an earlier one did not.

    A moved or renamed file is the entry it was, and so is that of a query that was edited.

    Args:
        before: At the merge base; None: there was none.
        after: As it is.
    """
    nothing = Baseline({}, {})
    old = under_keys_of(before or nothing, after or nothing)
    new = (after or nothing).entries
    found = [one for key, entry in new.items() for one in _of_entry(old.get(key), entry)]
    return Acceptances(
        findings=tuple(sorted(found, key=_order)),
        new=len(new.keys() - old.keys()),
        changed=sum(_moved(old[key], new[key]) for key in new.keys() & old.keys()),
        dropped=len(old.keys() - new.keys()),
        begins=before is None,
    )


def _of_entry(before: Entry | None, after: Entry) -> Iterator[Acceptance]:
    """One for each relation and reason: a rule and those it stands for were accepted together."""
    known = {(one.rule, one.relation): one for one in before.findings} if before else {}
    groups: dict[tuple[str | None, str], list[Accepted]] = {}
    for one in after.findings:
        if _is_new(known.get((one.rule, one.relation)), one):
            groups.setdefault((one.relation, one.reason), []).append(one)
    for (relation, reason), group in groups.items():
        yield Acceptance(
            rules=tuple(sorted({one.rule for one in group})),
            relation=relation,
            severity=min((one.severity for one in group), key=_rank),
            reason=reason,
            key=after.key,
            database=after.database,
            origins=after.origins,
        )


def _is_new(old: Accepted | None, new: Accepted) -> bool:
    """It was not there, was less bad, or was accepted for another reason."""
    return old is None or _rank(new.severity) < _rank(old.severity) or new.reason != old.reason


def _moved(before: Entry, after: Entry) -> bool:
    return before.plans != after.plans


def _rank(severity: str) -> int:
    return _WORST_FIRST.index(severity) if severity in _WORST_FIRST else len(_WORST_FIRST)


def _order(one: Acceptance) -> tuple[int, str, str, str]:
    place = min((f"{origin.file} {origin.function}" for origin in one.origins), default="")
    return _rank(one.severity), place, one.key, one.relation or ""
