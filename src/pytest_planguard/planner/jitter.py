"""Plans where production is a little different: its page costs, its tables."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from pytest_planguard.errors import ScaleError
from pytest_planguard.model.catalog import Catalog
from pytest_planguard.model.plan import Plan, Planned
from pytest_planguard.model.ports import FixtureDatabase
from pytest_planguard.planner.explain import Explainer
from pytest_planguard.planner.growth import Followed, Sizes
from pytest_planguard.planner.wire import Wire

_PAGE_COST = "random_page_cost"
_DEFAULT = "4"


class Step(msgspec.Struct, frozen=True):
    """How production may be otherwise."""

    words: str
    page_cost: float = 1.0
    """Times ``random_page_cost``."""
    size: float = 1.0
    """Times the rows of the tables that are asked about."""


STEPS = (
    Step("random_page_cost is 10 % lower", page_cost=0.9),
    Step("random_page_cost is 10 % higher", page_cost=1.1),
    Step("its tables are 10 % smaller", size=0.9),
    Step("its tables are 10 % larger", size=1.1),
)
"""10 %: ANALYZE, repeated on one table, moves 7.6 % of costs by more than that
(measured). What needs no other database comes first."""


class Jitter:
    """Plans queries a step away.

    Args:
        fixture: The database at scale.
        catalog: Its catalog.
        sizes: Plans at other sizes.
        settings: Session settings the fixture is planned with, too.
    """

    def __init__(
        self,
        fixture: FixtureDatabase,
        catalog: Catalog,
        sizes: Sizes,
        settings: dict[str, str],
    ) -> None:
        self._fixture = fixture
        self._catalog = catalog
        self._sizes = sizes
        self._settings = settings

    def plans(self, step: Step, asked: Sequence[Followed]) -> list[Plan | None]:
        """The same plans there; None: the server refused one, or has no such database.

        Raises:
            ServerError: The server was lost.
        """
        if step.size == 1.0:
            return self._at_page_cost(step.page_cost, asked)
        try:
            seen = self._sizes.plans_at(step.size, asked)
        except ScaleError:
            return [None] * len(asked)
        return [one.plan if one is not None else None for one in seen]

    def _at_page_cost(self, factor: float, asked: Sequence[Followed]) -> list[Plan | None]:
        value = float(self._catalog.server.settings.get(_PAGE_COST, _DEFAULT)) * factor
        settings = {**self._settings, _PAGE_COST: f"{value:.6g}"}
        with Wire(self._fixture.conninfo, settings) as wire:
            explainer = Explainer(wire, self._catalog, self._fixture.statistics)
            outcomes = explainer.again([(one.query, Planned((one.plan,))) for one in asked])
        return [one.worst if isinstance(one, Planned) else None for one in outcomes]
