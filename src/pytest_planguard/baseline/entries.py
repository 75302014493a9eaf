"""What was seen as the baseline keeps it: no line numbers, costs to two significant digits."""

from __future__ import annotations

from collections.abc import Iterable

from pytest_planguard.baseline.numbers import significant
from pytest_planguard.model.baseline import Accepted, Entry, Origin, PlanEntry, World
from pytest_planguard.model.catalog import Catalog, Column, Index, Table
from pytest_planguard.model.finding import Finding, Severity
from pytest_planguard.model.plan import Plan, Planned
from pytest_planguard.model.query import Query
from pytest_planguard.model.report import DatabaseReport
from pytest_planguard.model.statement import Layer
from pytest_planguard.model.statement import Origin as CodeOrigin
from pytest_planguard.sql.executed import executed_cost

REGRESSION = "PLN003"
"""Never known: once accepted, the entry holds the new plan, and the next one is another."""

INVALID = " -- invalid"
"""Behind the definition of an index that is not valid."""


def entry_from(
    query: Query, planned: Planned, findings: Iterable[Finding] = (), reason: str = ""
) -> Entry:
    """What the baseline keeps of a query.

    Args:
        query: The query.
        planned: Its plans, worst first: the worst of each kind of sample is kept.
        findings: What was found of it (others are left out), accepted herewith.
        reason: Why, where one was given.
    """
    own = [f for f in findings if (f.database, f.key) == (query.database, query.key)]
    return Entry(
        key=query.key,
        database=query.database,
        sql=query.sql,
        parameter_types=query.parameter_types,
        origins=_origins(query),
        tests=tuple(sorted({place.test for place in query.places if place.test})),
        plans=tuple(plan_entry(plan) for plan in worst_by_sample(planned).values()),
        findings=accepted_from(own, reason),
    )


def accepted_from(findings: Iterable[Finding], reason: str = "") -> tuple[Accepted, ...]:
    """Findings as accepted, and the codes that stood behind them: one may be first next time."""
    best: dict[tuple[str, str | None], Accepted] = {}
    for finding in findings:
        if finding.suppressed is not None:
            continue
        for rule in (finding.rule, *finding.explained_by):
            accepted = Accepted(rule, finding.relation, finding.severity.value, reason)
            best.setdefault((rule, finding.relation), accepted)
    return tuple(sorted(best.values(), key=lambda a: (a.rule, a.relation or "")))


def is_known(entry: Entry | None, rule: str, relation: str | None, severity: Severity) -> bool:
    """Whether the baseline has the finding, at least as bad."""
    if entry is None or rule == REGRESSION:
        return False
    return any(
        accepted.rule == rule
        and accepted.relation == relation
        and Severity(accepted.severity).rank <= severity.rank
        for accepted in entry.findings
    )


def is_accepted(world: World | None, rule: str, origins: Iterable[CodeOrigin]) -> bool:
    """Whether the baseline has what a rule says of all these lines."""
    known = world.connections.get(rule, ()) if world is not None else ()
    return {place_of(origin) for origin in origins} <= set(known)


def accepted_places(
    findings: Iterable[Finding], database: str, old: World | None, *, whole: bool
) -> dict[str, tuple[str, ...]]:
    """What the baseline keeps of findings that mean lines and no query, by rule.

    A migration is judged once: what is said of its lines is accepted beside it, not here.

    Args:
        findings: Of the run; suppressed ones are left out.
        database: Whose baseline it is.
        old: What it holds.
        whole: The run saw all there is: what it did not find is gone.
    """
    places: dict[str, set[str]] = {}
    if old is not None and not whole:
        places = {rule: set(known) for rule, known in old.connections.items()}
    for one in findings:
        of_code = [line for line in one.origins if line.layer is not Layer.MIGRATION]
        if not one.key and one.database == database and one.suppressed is None and of_code:
            places.setdefault(one.rule, set()).update(map(place_of, of_code))
    return {rule: tuple(sorted(found)) for rule, found in sorted(places.items())}


def place_of(origin: CodeOrigin) -> str:
    """``file::function``."""
    return f"{origin.file}::{origin.function}"


def plan_entry(plan: Plan) -> PlanEntry:
    """One plan, as far as it is compared."""
    paths = sorted(plan.access.items())
    return PlanEntry(
        sample=plan.sample.value,
        access={alias: path.access.value for alias, path in paths},
        relations={alias: path.relation for alias, path in paths},
        indexes={alias: tuple(sorted(path.indexes)) for alias, path in paths if path.indexes},
        cost=significant(executed_cost(plan.root)),
        shape=plan.shape,
        sizes=plan.sizes,
    )


def worst_by_sample(planned: Planned) -> dict[tuple[str, str], Plan]:
    """The worst plan of each kind of sample and each class of sizes, by what is executed."""
    worst: dict[tuple[str, str], Plan] = {}
    for plan in sorted(planned.plans, key=lambda one: -executed_cost(one.root)):
        worst.setdefault((plan.sample.value, plan.sizes), plan)
    return dict(sorted(worst.items()))


def world_from(report: DatabaseReport) -> World:
    """What plans in a fixture database depend on besides the SQL."""
    catalog = report.catalog
    sizes = {name: table.rows for name, table in report.tables.items()}
    rows = {name: table.rows for name, table in catalog.tables.items()} | sizes
    tables, indexes = schema_facts(catalog)
    digests = {name: one for name, one in report.statistics_digests.items() if name in tables}
    statistics = {name: one for name, one in report.distributions.items() if name in tables}
    return World(
        server_major=report.server.major,
        collation=report.server.collation,
        settings=dict(sorted(report.server.settings.items())),
        tables=tables,
        indexes=indexes,
        rows={name: significant(count) for name, count in sorted(rows.items())},
        scale_source=report.source.value,
        digests=digests,
        statistics=statistics,
    )


def schema_facts(catalog: Catalog) -> tuple[dict[str, tuple[str, ...]], dict[str, str]]:
    """Tables and indexes as ``World`` keeps them."""
    return (
        {name: _table_facts(table) for name, table in sorted(catalog.tables.items())},
        {name: _definition(index) for name, index in sorted(catalog.indexes.items())},
    )


def _origins(query: Query) -> tuple[Origin, ...]:
    """Of the layer that decides: the application's where it has one."""
    layer = query.layer
    places = {
        (place.origin.file, place.origin.function)
        for place in query.places
        if place.origin.layer is layer
    }
    return tuple(Origin(file, function) for file, function in sorted(places))


def _table_facts(table: Table) -> tuple[str, ...]:
    facts = [_column_fact(column) for column in table.columns]
    facts += sorted(f"constraint {one.name} {one.definition}" for one in table.constraints)
    if table.partition_key:
        facts.append(f"partitioned by {table.partition_key}")
    if table.partition_bound and table.parents:
        facts.append(f"partition of {table.parents[0]} {table.partition_bound}")
    return tuple(facts)


def _column_fact(column: Column) -> str:
    fact = f"column {column.name} {column.type}"
    fact += " not null" if column.not_null else ""
    fact += f" collate {column.collation}" if column.collation else ""
    if column.identity:
        return f"{fact} identity"
    word = "generated" if column.generated else "default"
    return f"{fact} {word} {column.default}" if column.default is not None else fact


def _definition(index: Index) -> str:
    text = index.definition or f"{index.method} on {index.table} ({', '.join(index.keys)})"
    return text if index.valid else text + INVALID
