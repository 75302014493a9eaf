"""The rules of a run: a bug in one of them costs what it would have said, and a note tells."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Callable, Iterable, Mapping

from pytest_planguard import registry
from pytest_planguard.config import Config
from pytest_planguard.errors import described
from pytest_planguard.model.finding import Candidate
from pytest_planguard.model.judgement import ConnectionsContext, Context, RunContext
from pytest_planguard.model.migrating import MigrationContext
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
        self._connection_checks = _named("check_connections", rules)
        self._migration_checks = _named("check_migration", rules)
        self._broken: Counter[tuple[str, str]] = Counter()
        """By code and by what it was asked about."""
        self._causes: dict[tuple[str, str], str] = {}

    def of_query(self, context: Context) -> list[Candidate]:
        """What they say of one query, views by their names."""
        said: list[Candidate] = []
        for code, check in self._checks.items():
            said += self._heard(code, _QUERY, functools.partial(judged, check, context))
        return list(through_views(said, context.query, context.catalog))

    def of_run(self, context: RunContext) -> list[Candidate]:
        """What they say of the database as a whole."""
        return self._of_all(self._run_checks, "the run as a whole", context)

    def of_connections(self, context: ConnectionsContext) -> list[Candidate]:
        """What they say of the application's connections."""
        return self._of_all(self._connection_checks, "the connections", context)

    def of_migration(self, context: MigrationContext) -> list[Candidate]:
        """What they say of a migration."""
        return self._of_all(self._migration_checks, "the migration", context)

    @property
    def notes(self) -> tuple[str, ...]:
        """One sentence for each rule that failed, by code."""
        return tuple(
            f"rule {code} failed on {self._times(code, what)} and says nothing there: "
            f"{self._causes[code, what]}; please report it"
            for code, what in sorted(self._broken)
        )

    def _of_all(
        self, checks: Mapping[str, Callable[..., Iterable[Candidate]]], what: str, context: object
    ) -> list[Candidate]:
        said: list[Candidate] = []
        for code, check in checks.items():
            said += self._heard(code, what, functools.partial(check, context))
        return said

    def _heard(
        self, code: str, what: str, ask: Callable[[], Iterable[Candidate]]
    ) -> list[Candidate]:
        try:
            return list(ask())
        except Exception as error:  # noqa: BLE001 - whatever a rule raises, the others are heard
            self._broken[code, what] += 1
            self._causes.setdefault((code, what), described(error))
            return []

    def _times(self, code: str, what: str) -> str:
        if what != _QUERY:
            return what
        times = self._broken[code, what]
        return f"{times:,} {'query' if times == 1 else 'queries'}"


_QUERY = "query"


def judges_of(config: Config) -> Judges:
    """Those a project wants to hear."""
    return Judges({code: one for code, one in registry.rules().items() if config.wants(code)})


def _named(name: str, rules: Mapping[str, Rule]) -> dict[str, Callable[..., Iterable[Candidate]]]:
    found = ((code, getattr(rule, name, None)) for code, rule in rules.items())
    return {code: check for code, check in found if callable(check)}
