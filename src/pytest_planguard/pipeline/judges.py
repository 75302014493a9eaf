"""The rules of a run: a bug in one of them costs what it would have said, and a note tells."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Callable, Iterable, Mapping

from pytest_planguard.errors import described
from pytest_planguard.model.finding import Candidate
from pytest_planguard.model.judgement import Context, RunContext
from pytest_planguard.pipeline.samples import judged
from pytest_planguard.pipeline.views import through_views
from pytest_planguard.registry import Rule


class Judges:
    """Asks each rule in turn, and keeps count of those that failed.

    Rules come from other distributions, too: what one of them raises is nobody's finding, and no
    reason to lose those of all others.

    Args:
        rules: By code.
    """

    def __init__(self, rules: Mapping[str, Rule]) -> None:
        self._checks = _named("check", rules)
        self._run_checks = _named("check_run", rules)
        self._broken: Counter[str] = Counter()
        self._causes: dict[str, str] = {}

    def of_query(self, context: Context) -> list[Candidate]:
        """What they say of one query, views by their names."""
        said: list[Candidate] = []
        for code, check in self._checks.items():
            said += self._heard(code, functools.partial(judged, check, context))
        return list(through_views(said, context.query, context.catalog))

    def of_run(self, context: RunContext) -> list[Candidate]:
        """What they say of the database as a whole."""
        said: list[Candidate] = []
        for code, check in self._run_checks.items():
            said += self._heard(code, functools.partial(check, context))
        return said

    @property
    def notes(self) -> tuple[str, ...]:
        """One sentence for each rule that failed, by code."""
        return tuple(
            f"rule {code} failed {self._where(code)} and says nothing there: {self._causes[code]}; "
            "please report it"
            for code in sorted(self._broken)
        )

    def _heard(self, code: str, ask: Callable[[], Iterable[Candidate]]) -> list[Candidate]:
        try:
            return list(ask())
        except Exception as error:  # noqa: BLE001 - whatever a rule raises, the others are heard
            self._broken[code] += 1
            self._causes.setdefault(code, described(error))
            return []

    def _where(self, code: str) -> str:
        if code not in self._checks:
            return "on the run as a whole"
        times = self._broken[code]
        return f"on {times:,} {'query' if times == 1 else 'queries'}"


def _named(name: str, rules: Mapping[str, Rule]) -> dict[str, Callable[..., Iterable[Candidate]]]:
    found = ((code, getattr(rule, name, None)) for code, rule in rules.items())
    return {code: check for code, check in found if callable(check)}
