"""What a report must not hold: values, and the belief that a slip of the pen protects some."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import msgspec

from pytest_planguard.config import Config
from pytest_planguard.model.capture import Capture
from pytest_planguard.model.finding import Finding
from pytest_planguard.model.query import Query
from pytest_planguard.model.report import DatabaseReport

_LITERAL = re.compile(r"(?<![\w$'])E?'(?:[^']|'')*'(?![\w'])")


def without_values(
    findings: Iterable[Finding], queries: Mapping[tuple[str, str], Query]
) -> tuple[Finding, ...]:
    """Findings that quote no value a query was sent with.

    A plan made with values has them in its expressions, where a rule may quote one; and where
    statistics are masked it has a stand-in for what the SQL says, which nobody knows. What stands
    in the SQL itself is the application's own text and stays, and so does DDL.
    """
    return tuple(_without(one, queries.get((one.database, one.key))) for one in findings)


def _without(finding: Finding, query: Query | None) -> Finding:
    variants = query.variants if query is not None else ()
    sent = "\n".join(variant.text for variant in variants)
    planned = "\n".join(variant.plannable or variant.text for variant in variants)
    if sent == planned and not any(variant.parameter_types for variant in variants):
        return finding
    ddl = frozenset(finding.advice.ddl if finding.advice is not None else ())

    def hidden(text: str) -> str:
        return "\n".join(
            line
            if line in ddl
            else _LITERAL.sub(lambda found: _shown(found[0], sent, planned), line)
            for line in text.split("\n")
        )

    return msgspec.structs.replace(
        finding, message=hidden(finding.message), remedy=hidden(finding.remedy)
    )


def _shown(literal: str, sent: str, planned: str) -> str:
    """The literal where it is the SQL's: what a client wrote into a text became a parameter."""
    return literal if literal in sent and literal in planned else "'…'"


def unknown_columns(
    config: Config, databases: Mapping[str, DatabaseReport], capture: Capture
) -> tuple[str, ...]:
    """A note, where patterns of columns name none: what they were to hide is not hidden.

    Nothing is said where a database was not looked at: it may have them.
    """
    if not config.redaction.columns or len(databases) < len(config.databases):
        return ()
    known = {
        (name, column.name)
        for database in databases.values()
        for name, table in database.catalog.tables.items()
        for column in table.columns
    }
    for statement in capture.statements:
        for name in statement.session.settings:
            table, _, column = name.rpartition(".")
            known.add((table, column))
    return tuple(
        f'redact: "{one}" names no column of the schema and no setting: it hides nothing'
        for one in config.redaction.without_columns(known)
    )
