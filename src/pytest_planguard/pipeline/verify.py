"""The captured queries planned here and on a real database: how many plan alike, and why not all.

Nothing is executed there, and nothing is written: see ``planner.elsewhere``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import msgspec

from pytest_planguard.config import Config
from pytest_planguard.conninfo import parameters, without_password
from pytest_planguard.errors import ServerError
from pytest_planguard.model.capture import Capture
from pytest_planguard.model.catalog import Catalog
from pytest_planguard.model.plan import Plan, Planned, Unexplained
from pytest_planguard.model.ports import PostgresServer
from pytest_planguard.model.query import Query
from pytest_planguard.model.statement import Layer
from pytest_planguard.model.tenants import Tenants
from pytest_planguard.model.verification import Comparison, Likeness, Verification, VerifiedQuery
from pytest_planguard.pipeline.databases import databases_of
from pytest_planguard.pipeline.discrepancies import Discrepancies
from pytest_planguard.pipeline.fixtures import Planner, cloned_schema, open_planner
from pytest_planguard.pipeline.tenants import in_schemas_there_are
from pytest_planguard.planner.elsewhere import (
    GUARDS,
    Elsewhere,
    settings_of,
    wire_to,
)
from pytest_planguard.planner.wire import Refused, Wire
from pytest_planguard.sql.definitions import index_meaning
from pytest_planguard.sql.normalise import queries as normalise

OLDEST = 130_000
"""``server_version_num`` of the first server that is supported."""

TIMEOUT = 10.0
"""Seconds a statement may take to plan there; one of 50 joins takes about one."""

Progress = Callable[[str], None]


def verify(
    config: Config,
    capture: Capture,
    conninfo: str,
    database: str = "default",
    *,
    timeout: float = TIMEOUT,
    progress: Progress = lambda _: None,
    server: PostgresServer | None = None,
) -> Verification:
    """Compares the plans of a capture's queries with those of a real database.

    Args:
        config: The configuration.
        capture: What the tests sent.
        conninfo: A libpq connection string or URL of the real database.
        database: The configured database it stands beside.
        timeout: Seconds one statement may take there.
        progress: Told in a few words what is being done.
        server: An embedded server that is open already; None: one is opened.

    Raises:
        ServerError: The real database can't be reached, or is too old.
        PlanguardError: The fixture database can't be had.
    """
    there = catalog_of(conninfo, timeout)  # before anything is built
    with open_planner(config, database, capture, progress, server) as planner:
        return compare(
            config, capture, planner, conninfo, there, database, timeout=timeout, progress=progress
        )


def compare(
    config: Config,
    capture: Capture,
    planner: Planner,
    conninfo: str,
    there: Catalog,
    database: str = "default",
    *,
    timeout: float = TIMEOUT,
    progress: Progress = lambda _: None,
) -> Verification:
    """The same with a fixture database and a catalog that are there already."""
    queries = _queries(config, capture, database, planner.catalog, there)
    plans = planner.explainer.explain(
        [here for here, _ in queries],
        lambda done, of: progress(f"planning {done:,} of {of:,} queries here"),
    )
    names = called_otherwise(planner.catalog, there)
    there = renamed(there, names)
    with Wire(planner.fixture.conninfo) as ours:
        reading = settings_of(ours, "reading")
        here_settings = settings_of(ours)
    with wire_to(conninfo, timeout, {**reading, **_search_path(config, capture, database)}) as wire:
        there_settings = settings_of(wire)
        ((recovery,),) = wire.execute("SELECT pg_is_in_recovery()")
        elsewhere = Elsewhere(wire, there, names)
        differing = _differing(here_settings, there_settings)
        causes = Discrepancies(
            elsewhere, planner.catalog, there, planner.fixture.statistics,
            {name: here for name, here, _ in differing},
        )  # fmt: skip
        found, incomplete = _compared(queries, plans, elsewhere, causes, progress)
    return Verification(
        here=planner.catalog.server.version_text,
        there=there.server.version_text,
        in_recovery=recovery == "t",
        clock=planner.fixture.statistics.clock,
        queries=tuple(found),
        unplanned=dict(Counter(one.reason for one in plans if isinstance(one, Unexplained))),
        settings=differing,
        incomplete=incomplete,
    )


def catalog_of(conninfo: str, timeout: float = TIMEOUT) -> Catalog:
    """Tables, indexes and settings of a real database; only catalogs are read.

    Raises:
        ConfigurationError: The connection string can't be read.
        ServerError: The server can't be reached, or is too old.
    """
    import psycopg

    from pytest_planguard.planner.catalog import read_catalog

    parameters(conninfo, "the connection string")
    limits = {**GUARDS, "statement_timeout": str(round(timeout * 1000))}
    try:
        with psycopg.connect(conninfo, autocommit=True, prepare_threshold=None) as connection:
            for name, value in limits.items():
                connection.execute("SELECT set_config(%s, %s, false)", [name, value])
            catalog = read_catalog(connection)
    except psycopg.Error as error:
        said = str(error).strip().partition("\n")[0]
        raise ServerError(
            f"the database to verify on can't be read: {without_password(said, conninfo)}",
            hint="check --url, PLANGUARD_VERIFY_URL or the libpq service it names",
        ) from None
    if catalog.server.version < OLDEST:
        raise ServerError(
            f"the database to verify on runs PostgreSQL {catalog.server.version_text}",
            hint="verify on PostgreSQL 13 or newer",
        )
    return catalog


def called_otherwise(here: Catalog, there: Catalog) -> dict[str, str]:
    """Indexes there that are the same as one here under another name.

    Returns:
        Schema-qualified name there → the name here, without its schema.
    """
    names: dict[str, str] = {}
    for table in here.tables.keys() & there.tables.keys():
        ours = {index.name: index_meaning(index.definition) for index in here.indexes_of(table)}
        theirs = {index.name: index_meaning(index.definition) for index in there.indexes_of(table)}
        free = {meaning: name for name, meaning in sorted(ours.items()) if name not in theirs}
        for name, meaning in sorted(theirs.items()):
            if ours.get(name) != meaning and meaning in free:
                names[f"{there.tables[table].schema}.{name}"] = free.pop(meaning)
    return names


def renamed(catalog: Catalog, names: Mapping[str, str]) -> Catalog:
    """The catalog with some of its indexes under other names."""
    if not names:
        return catalog
    new = {name: f"{name.partition('.')[0]}.{other}" for name, other in names.items()}
    indexes = {
        new.get(name, name): msgspec.structs.replace(
            index,
            name=names.get(name, index.name),
            parent=new.get(index.parent, index.parent) if index.parent else None,
        )
        for name, index in catalog.indexes.items()
    }
    return msgspec.structs.replace(catalog, indexes=indexes)


_THE_SUITES_OWN = frozenset({Layer.TEST, Layer.MIGRATION})


def _queries(
    config: Config, capture: Capture, database: str, catalog: Catalog, there_catalog: Catalog
) -> list[tuple[Query, Query]]:
    """Each query twice: as it is planned here, at the fixture's clock, and there, at its own.

    What only the suite itself sends says nothing of production, and asks for rights to write.
    """
    database_of = databases_of(config, capture)
    ours = msgspec.structs.replace(
        capture,
        statements=tuple(
            one for one in capture.statements if database_of(one.session.database) == database
        ),
    )
    as_is = {name for name, spec in config.databases.items() if spec.as_is}
    tenants = Tenants(config.tenant_schemas, config.tenant_model)
    sides = []
    for clockless, tables in ((as_is, catalog.tables), ({database}, there_catalog.tables)):
        queries = normalise(
            ours, report_name=lambda _: database, clockless=clockless, tenants=tenants
        )
        sides.append(in_schemas_there_are(queries, tables, tenants))
    here, there = sides
    both = zip(here, there, strict=True)  # keys know nothing of the clock
    return [(one, other) for one, other in both if one.layer not in _THE_SUITES_OWN]


def _search_path(config: Config, capture: Capture, database: str) -> dict[str, str]:
    """What the tests' database had by default, as the fixture's sessions get it."""
    if config.databases[database].schema != "clone":
        return {}
    path = cloned_schema(config, database, capture).search_path
    return {"search_path": path} if path else {}


def _differing(
    here: Mapping[str, str], there: Mapping[str, str]
) -> tuple[tuple[str, str, str], ...]:
    return tuple(
        (name, here[name], there[name])
        for name in sorted(here.keys() & there.keys())
        if here[name] != there[name]
    )


def _compared(
    queries: Sequence[tuple[Query, Query]],
    plans: Sequence[Planned | Unexplained],
    elsewhere: Elsewhere,
    causes: Discrepancies,
    progress: Progress,
) -> tuple[list[VerifiedQuery], str]:
    """One query after the other; when the server is lost, those before it."""
    found: list[VerifiedQuery] = []
    for number, ((here, there), planned) in enumerate(zip(queries, plans, strict=True)):
        if isinstance(planned, Unexplained):
            continue
        progress(f"planning {number:,} of {len(queries):,} queries there")
        try:
            compared = tuple(
                _one(here, there, plan, elsewhere, causes) for plan in comparable(planned)
            )
        except ServerError as lost:
            return found, f"after {len(found):,} queries: {lost.message}"
        found.append(VerifiedQuery(here, compared))
    return found, ""


def comparable(planned: Planned) -> Sequence[Plan]:
    """Without those of common values that are stand-ins: nothing there is called so."""
    kept = [plan for plan in planned.plans if plan.drawn is None or not plan.drawn.stand_in]
    return kept or planned.plans


def _one(
    here: Query, there: Query, plan: Plan, elsewhere: Elsewhere, causes: Discrepancies
) -> Comparison:
    answer = elsewhere.plan(there, plan)
    if isinstance(answer, Refused):
        return Comparison(plan, None, answer.message, tuple(causes.of_refusal(answer)))
    compared = Comparison(plan, answer)
    if compared.likeness is Likeness.IDENTICAL:
        return compared
    reasons = tuple(causes.of(here, there, compared))
    return msgspec.structs.replace(compared, reasons=reasons)
