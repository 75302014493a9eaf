from __future__ import annotations

from pathlib import Path

import msgspec

import fix_reports
from pytest_planguard.config import load
from pytest_planguard.model.capture import Capture
from pytest_planguard.model.catalog import Catalog, Column, Server, Table
from pytest_planguard.model.finding import Finding
from pytest_planguard.model.query import Query, Variant
from pytest_planguard.model.statement import Session, Statement
from pytest_planguard.pipeline.confidential import unknown_columns, without_values

SESSION = Session("app", "psycopg", settings={"app.user": "5"})


def told(message: str, plannable: str, *types: str) -> Finding:
    (finding,) = fix_reports.one_finding().findings
    finding = msgspec.structs.replace(finding, message=message, remedy=message)
    variant = Variant(plannable, types, SESSION, plannable=plannable)
    query = Query(finding.key, finding.database, "", (), (variant,), ())
    (found,) = without_values([finding], {(query.database, query.key): query})
    return found


def test_a_value_the_query_was_sent_with_is_not_quoted() -> None:
    message = "COALESCE(email, 'it''s secret'::text) can't serve, E'sec\\\\ret' won't"
    found = told(message, "SELECT 1 FROM users WHERE coalesce(email, $1) = $2", "25", "25")
    assert found.message == "COALESCE(email, '…'::text) can't serve, '…' won't"
    assert found.remedy == found.message


def test_what_stands_in_the_sql_itself_is() -> None:
    message = "COALESCE(email, 'none'::text)"
    for types in ((), ("25",)):
        assert (
            told(message, "SELECT 1 WHERE coalesce(email, 'none') = $1", *types).message == message
        )


def test_a_stand_in_for_what_the_sql_says_is_not_quoted() -> None:
    (finding,) = fix_reports.one_finding().findings
    finding = msgspec.structs.replace(finding, message="state <> 'zoii'::text, kind = 'a'::text")
    sent = "SELECT 1 FROM t WHERE state <> 'open' AND kind = 'a'"
    variant = Variant(sent, (), SESSION, plannable=sent.replace("open", "zoii"))
    query = Query(finding.key, finding.database, "", (), (variant,), ())
    (found,) = without_values([finding], {(query.database, query.key): query})
    assert found.message == "state <> '…'::text, kind = 'a'::text"


def test_ddl_stays_as_it_was_proven() -> None:
    (finding,) = fix_reports.one_finding().findings
    assert finding.advice is not None
    ddl = f"{finding.advice.ddl[0]} WHERE state = 'open'"
    advice = msgspec.structs.replace(finding.advice, ddl=(ddl,))
    finding = msgspec.structs.replace(finding, advice=advice, remedy=f"{ddl}\nnot 'this'")
    variant = Variant("SELECT $1", ("25",), SESSION, plannable="SELECT $1")
    query = Query(finding.key, finding.database, "", (), (variant,), ())
    (found,) = without_values([finding], {(query.database, query.key): query})
    assert found.remedy == f"{ddl}\nnot '…'"


def test_patterns_that_hide_nothing_are_told(tmp_path: Path) -> None:
    patterns = ["users.email", "user.email", "*.token", "*.emial", "app.user", "*"]
    (tmp_path / "pyproject.toml").write_text(f"[tool.pytest-planguard]\nredact = {patterns}\n")
    config = load(tmp_path, environ={})
    column = Column("email", "text", 1)
    users = Table("public", "users", "r", (column, Column("api_token", "text", 2)))
    catalog = Catalog(Server(180006, "18.6", "C", {}), {"public.users": users}, {})
    facts = msgspec.structs.replace(fix_reports.one_finding().databases["default"], catalog=catalog)
    capture = Capture((Statement("SELECT 1", (), SESSION),))
    notes = unknown_columns(config, {"default": facts}, capture)
    assert [note.split('"')[1] for note in notes] == ["user.email", "*.token", "*.emial"]
    assert notes[0] == (
        'redact: "user.email" names no column of the schema and no setting: it hides nothing'
    )
    assert unknown_columns(config, {}, capture) == ()
