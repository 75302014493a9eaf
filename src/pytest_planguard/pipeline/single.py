"""One statement at scale, without the suite around it."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from pytest_planguard.baseline.matching import under_todays_keys
from pytest_planguard.config import Config
from pytest_planguard.errors import ConfigurationError
from pytest_planguard.model.baseline import Baseline, Entry
from pytest_planguard.model.capture import Capture
from pytest_planguard.model.report import QueryReport, Report
from pytest_planguard.model.statement import Origin, Phase, Place, Session, Statement
from pytest_planguard.model.tenants import Tenants
from pytest_planguard.pipeline.databases import databases_of
from pytest_planguard.pipeline.run import judged
from pytest_planguard.sql.deep import room_for_deep_trees
from pytest_planguard.sql.normalise import queries as normalise
from pytest_planguard.sql.statement_text import Kind, analyse

COMMAND_LINE = "<command line>"
"""The file a statement of nobody's code comes from."""


def explain(
    config: Config,
    sql_or_key: str,
    capture: Capture | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> Report:
    """One statement at scale, with findings, advice and how it grows; nothing about the run.

    There is no baseline.

    Args:
        config: The configuration.
        sql_or_key: A statement, or the key of a captured query.
        capture: Where the key, or a cloned schema, comes from.
        progress: Told in a few words what is being done.

    Raises:
        ConfigurationError: The key is not in the capture, or the text is not one statement
            that can be planned.
    """
    one = _of_key(config, sql_or_key, capture) if capture is not None else None
    config = msgspec.structs.replace(config, growth=True)
    report = judged(config, one or _of_text(config, sql_or_key, capture), None, progress)
    return msgspec.structs.replace(
        report, findings=tuple(finding for finding in report.findings if finding.key)
    )


class Compared(msgspec.Struct, frozen=True):
    """A query as the baseline has it and as it is planned now."""

    entry: Entry
    report: Report
    """Of the query alone."""
    now: QueryReport


def compared(
    config: Config,
    key: str,
    capture: Capture,
    baseline: Baseline,
    progress: Callable[[str], None] = lambda _: None,
) -> Compared:
    """One captured query beside its entry; it may have been edited since.

    Args:
        config: The configuration.
        key: Of the query, or of its entry.
        capture: Of the whole run: which queries were edited shows in all of them.
        baseline: As read.
        progress: Told in a few words what is being done.

    Raises:
        ConfigurationError: The capture or the baseline has no such query.
    """
    tenants = Tenants(config.tenant_schemas, config.tenant_model)
    database_of = databases_of(config, capture)
    with room_for_deep_trees():
        queries = normalise(
            capture, report_name=lambda name: database_of(name) or name, tenants=tenants
        )
        known = under_todays_keys(baseline, queries, capture)
    entries = {
        query.key: entry
        for query in queries
        if (entry := known.entries.get((query.database, query.key))) is not None
    }
    now = next((new for new, entry in entries.items() if key in (new, entry.key)), None)
    one = _of_key(config, now, capture) if now is not None else None
    if now is None or one is None:
        seen = any(query.key == key for query in queries)
        where = "the baseline" if seen else "the capture"
        raise ConfigurationError(
            f'{where} has no query "{key}"', hint="see pytest-planguard baseline diff for keys"
        )
    report = judged(config, one, known, progress)
    planned = next(query for query in report.queries if query.query.key == now)
    return Compared(entries[now], report, planned)


def _of_key(config: Config, key: str, capture: Capture) -> Capture | None:
    """The capture with the statements of one query only; None where it has no such query."""
    tenants = Tenants(config.tenant_schemas, config.tenant_model)
    database_of = databases_of(config, capture)
    queries = normalise(
        capture, report_name=lambda name: database_of(name) or name, tenants=tenants
    )
    for query in queries:
        if query.key == key:
            texts = {variant.text for variant in query.variants}
            kept = tuple(one for one in capture.statements if one.text in texts)
            return msgspec.structs.replace(capture, statements=kept, partial=True)
    return None


def _of_text(config: Config, text: str, capture: Capture | None) -> Capture:
    """A capture of one statement that was typed in."""
    if not text.strip():
        raise ConfigurationError("there is no statement", hint="give one, or a query's key")
    if " " not in text.strip():
        nothing = "" if capture is not None else "nothing is captured yet: "
        raise ConfigurationError(
            f'{nothing}no captured query has the key "{text}"',
            hint="run the tests with --planguard first, or give a whole statement",
        )
    parameters = _parameters(text)
    base = capture or Capture(statements=())
    name = next(iter(sorted(base.databases)), next(iter(config.databases)))
    place = Place(Origin(COMMAND_LINE, 1, ""), "", Phase.OUTSIDE)
    unknown = (0,) * parameters  # the server takes their types from the statement
    session = Session(name, "command line", prepares=parameters > 0)
    statement = Statement(text, unknown, session, (), (place,))
    return msgspec.structs.replace(base, statements=(statement,), partial=True)


def _parameters(text: str) -> int:
    """How many parameters the one statement of a text has.

    Raises:
        ConfigurationError: It has several or none, or one that has no plan.
    """
    with room_for_deep_trees():
        found = analyse(text)
    if len(found) != 1:
        count = f"{len(found)} statements" if found else "no statement"
        raise ConfigurationError(
            f"found {count}, wanted one", hint="explain each statement by itself"
        )
    (one,) = found
    if one.kind is Kind.UTILITY:
        reason = f"the statement has no plan: {' '.join(text.split())}"
    elif one.kind is Kind.UNPLANNABLE:
        reason = f"the statement cannot be planned: {one.reason}"
    else:
        return max(one.parameters, default=0)
    raise ConfigurationError(reason, hint="give a SELECT, INSERT, UPDATE, DELETE or MERGE")
