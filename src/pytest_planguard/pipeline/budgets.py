"""Which budgets a query is held to: those of markers on its tests, and the configuration's."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pytest_planguard.config import Config
from pytest_planguard.config.checks import did_you_mean
from pytest_planguard.errors import ConfigurationError
from pytest_planguard.model.budget import Demand
from pytest_planguard.model.capture import Budget
from pytest_planguard.model.catalog import Catalog
from pytest_planguard.model.plan import Planned
from pytest_planguard.model.query import Query
from pytest_planguard.model.statement import Layer, Phase


def demands_of(
    query: Query, planned: Planned, config: Config, marked: Sequence[Budget]
) -> tuple[Demand, ...]:
    """What is demanded of a query.

    A marker speaks of what the application sends while its test runs: rows the test makes first,
    and what fixtures send, are not meant. Nor is anything that only tests send.
    """
    if not marked and not config.budgets:
        return ()
    own = [place for place in query.places if place.origin.layer is not Layer.TEST]
    if not own:
        return ()
    tests = {place.test for place in own if place.phase is Phase.CALL}
    places = {f"{place.origin.file}::{place.origin.function}" for place in own}
    relations = {path.relation for plan in planned.plans for path in plan.access.values()}
    found = [_demand(budget) for budget in marked if budget.test in tests]
    found += [one.demand for one in config.budgets if one.covers(query.key, places, relations)]
    return tuple(one for n, one in enumerate(found) if one not in found[:n])


def _demand(budget: Budget) -> Demand:
    return Demand(budget.test, budget.max_cost, budget.max_rows, budget.access)


def refuse_unknown_tables(
    config: Config,
    marked: Iterable[Budget],
    catalogs: Sequence[Catalog],
    outcomes: Iterable[tuple[Query, object]],
) -> None:
    """A budget on a table that is misspelt would be kept by every query.

    Args:
        config: With its budgets.
        marked: Those of markers.
        catalogs: Of all databases that were planned in.
        outcomes: All queries with their plans: aliases in them are names, too.

    Raises:
        ConfigurationError: With every name that is neither a table nor an alias.
    """
    if len(catalogs) < len(config.databases):
        return  # it may be a table of one that nothing was sent to
    tables = {name for catalog in catalogs for name in catalog.tables}
    plain = {name.rpartition(".")[2] for name in tables}
    aliases = {
        alias
        for _, planned in outcomes
        if isinstance(planned, Planned)
        for plan in planned.plans
        for alias in plan.access
    }
    known = {*tables, *plain, *aliases}
    demands = [(f"{one.test}: marker planguard", one.access) for one in marked]
    demands += [(one.demand.who, one.demand.access) for one in config.budgets]
    wrong = [
        f'{who}: access: no table "{name}"{did_you_mean(name, plain)}'
        for who, access in demands
        for name in access
        if name not in known
    ]
    if wrong:
        raise ConfigurationError(
            "\n  ".join(dict.fromkeys(wrong)), hint="name tables as the schema does"
        )
