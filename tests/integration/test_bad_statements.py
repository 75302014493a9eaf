"""What real schemas and suites hold: nothing of it stops the run, what is not judged is counted.

One database and one run for all of it; each test looks at its own part of the report.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from fix_servers import need_major
from pytest_planguard.config import load
from pytest_planguard.fixturedb.providers import open_server
from pytest_planguard.model.capture import Capture, Ddl
from pytest_planguard.model.finding import Finding
from pytest_planguard.model.plan import Planned, Unexplained
from pytest_planguard.model.report import Report
from pytest_planguard.model.silence import Remark, Silence
from pytest_planguard.model.spec import DatabaseSpec
from pytest_planguard.model.statement import Origin, Phase, Place, Sample, Session, Statement
from pytest_planguard.pipeline import run
from pytest_planguard.sql.statement_text import analyse

COLUMNS = ", ".join(f"c{number} integer" for number in range(1, 1601))

SCHEMA = f'''
CREATE TABLE orders (
    id bigint PRIMARY KEY, parent_id bigint, customer_id bigint NOT NULL,
    total integer NOT NULL, created_at timestamptz NOT NULL
);
CREATE VIEW dear_orders AS SELECT * FROM orders WHERE total > 5;
CREATE VIEW dear_of_customers AS SELECT customer_id, total, id FROM dear_orders;
CREATE TABLE documents (id bigint PRIMARY KEY, tenant_id bigint NOT NULL, title text NOT NULL);
ALTER TABLE documents ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON documents TO app USING (tenant_id = current_setting('app.tenant_id')::bigint);
CREATE INDEX documents_tenant_id_idx ON documents (tenant_id);
CREATE SCHEMA tenant_a;
CREATE SCHEMA tenant_b;
CREATE TABLE tenant_a.notes (id bigint PRIMARY KEY, body text NOT NULL, author bigint NOT NULL);
CREATE TABLE tenant_b.notes (id bigint PRIMARY KEY, body text NOT NULL, author bigint NOT NULL);
CREATE INDEX notes_author_idx ON tenant_b.notes (author);
CREATE TABLE "Straßen ""alt""" (id bigint PRIMARY KEY, "Größe m²" bigint NOT NULL, "select" text);
CREATE TABLE nothing_yet (id bigint PRIMARY KEY, name text);
CREATE TABLE wide ({COLUMNS});
CREATE FOREIGN DATA WRAPPER elsewhere;
CREATE SERVER branch FOREIGN DATA WRAPPER elsewhere;
CREATE FOREIGN TABLE sales (id bigint, amount integer) SERVER branch;
'''

SIZES = """
[tool.pytest-planguard]
[tool.pytest-planguard.database]
version = 18
schema = "schema.sql"
[tool.pytest-planguard.tables.orders]
rows = 47_000_000
columns.customer_id = { distinct = 4_500_000 }
columns.parent_id = { distinct = 40_000_000 }
columns.total = { distinct = 9_000_000 }
[tool.pytest-planguard.tables.'Straßen "alt"']
rows = 5_000_000
columns."Größe m²" = { distinct = 500_000 }
[tool.pytest-planguard.tables]
documents = { rows = 9_000_000, columns.tenant_id = { distinct = 4_000 } }
"tenant_a.notes" = { rows = 3_000_000 }
"tenant_b.notes" = { rows = 3_000_000 }
nothing_yet = { rows = 0 }
wide = { rows = 1_000_000 }
"""


def deep(levels: int) -> str:
    """Sub-selects within each other that the planner can't pull up."""
    text = "SELECT id FROM orders WHERE total = 7"
    for _ in range(levels):
        text = f"SELECT id FROM ({text} OFFSET 0) AS one WHERE id > 0"
    return text


JOINS = " ".join(f"JOIN orders o{n} ON o{n}.id = o{n - 1}.parent_id" for n in range(1, 50))

STATEMENTS: Mapping[str, str] = {
    "view": "SELECT id FROM dear_orders WHERE customer_id = 7",
    "view of a view": "SELECT total FROM dear_of_customers WHERE customer_id = 7",
    "view and table": "SELECT 1 FROM dear_orders d JOIN orders o ON o.id = d.id "
    "WHERE o.customer_id = 7",
    "row security": "SELECT title FROM documents WHERE title LIKE '%a'",
    "as superuser": "SELECT id FROM documents WHERE title LIKE '%a'",
    "missing function": "SELECT price_of(id) FROM orders WHERE id = 7",
    "temporary table": "SELECT b.id FROM basket b JOIN orders o ON o.id = b.id",
    "search path": "SELECT body FROM notes WHERE author = 7",
    "quoted": 'SELECT "select" FROM "Straßen ""alt""" WHERE "Größe m²" = 7',
    "self-join": "SELECT a.id FROM orders a JOIN orders b ON b.parent_id = a.id "
    "WHERE a.customer_id = 7",
    "fifty joins": f"SELECT o0.id FROM orders o0 {JOINS} WHERE o0.customer_id = 7",
    "long list": f"SELECT total FROM orders WHERE id IN ({', '.join(map(str, range(5000)))})",
    "long array": "SELECT total FROM orders WHERE id = ANY($1)",
    "recursive": "WITH RECURSIVE up AS (SELECT id, parent_id FROM orders WHERE id = 7 UNION ALL "
    "SELECT o.id, o.parent_id FROM orders o JOIN up ON o.id = up.parent_id) SELECT id FROM up",
    "merge": "MERGE INTO orders o USING (SELECT 7 AS id, 9 AS total) n ON o.id = n.id "
    "WHEN MATCHED THEN UPDATE SET total = n.total WHEN NOT MATCHED THEN DO NOTHING",
    "writing CTE": "WITH gone AS (DELETE FROM orders WHERE customer_id = 7 RETURNING id) "
    "SELECT count(*) FROM gone",
    "foreign table": "SELECT amount FROM sales WHERE id = 7",
    "empty table": "SELECT id FROM nothing_yet WHERE name = 'a'",
    "wide table": "SELECT * FROM wide WHERE c1600 = 7",
    "deep plan": deep(200),
    "silenced in SQL": "SELECT /* planguard: ignore[IDX001] once a year */ parent_id FROM orders "
    "WHERE total = 9",
    "silenced on its line": "SELECT created_at FROM orders WHERE total = 9",
    "not SQL": "SELEC 1",
    "procedure": "CALL settle_up(7)",
}
PATHS = {"search path": "tenant_b, public"}
ARRAYS = {"long array": Sample(("{" + ",".join(map(str, range(5000))) + "}",))}


BASKET = Ddl(
    "CREATE TEMP TABLE basket (id bigint)", "app",
    Place(Origin("app/odd.py", 1, "fill"), "tests/t.py::test", Phase.CALL),
)  # fmt: skip
LINES = {name: line for line, name in enumerate(STATEMENTS, start=1)}
ONCE = Silence(("IDX001",), "once a month")
REMARKS = tuple(
    Remark("app/odd.py", LINES[name], LINES[name], LINES[name], ONCE)
    for name in ("silenced on its line", "recursive")
)


def statement(line: int, name: str) -> Statement:
    is_guarded = name == "row security"
    session = Session(
        "app", "psycopg", search_path=PATHS.get(name), role="app" if is_guarded else None,
        settings={"app.tenant_id": "7"} if is_guarded else {},
    )  # fmt: skip
    place = Place(Origin("app/odd.py", line, name), "tests/t.py::test", Phase.CALL)
    sample = ARRAYS.get(name)
    types, samples = ((1016,), (sample,)) if sample else ((), ())
    return Statement(STATEMENTS[name], types, session, samples, (place,))


@pytest.fixture(scope="module")
def report(tmp_path_factory: Any) -> Iterator[Report]:
    need_major(18)
    root: Path = tmp_path_factory.mktemp("odd")
    (root / "pyproject.toml").write_text(SIZES)
    (root / "schema.sql").write_text(SCHEMA)
    asked = tuple(statement(line, name) for name, line in LINES.items())
    with open_server(DatabaseSpec(version=18, cache=root / "cache")) as server:
        capture = Capture(asked, ddl=(BASKET,), remarks=REMARKS)
        yield run(load(root, environ={}), capture, server=server).report


def outcome(report: Report, name: str) -> Planned | Unexplained:
    (found,) = (
        one.outcome
        for one in report.queries
        if name in {place.origin.function for place in one.query.places}
    )
    return found


def findings(report: Report, name: str) -> list[Finding]:
    return [
        one
        for one in report.findings
        if name in {origin.function for origin in one.origins} and one.severity != "info"
    ]


def test_everything_is_planned_or_counted_with_its_reason(report):
    assert report.totals.queries == len(STATEMENTS)
    reasons = {
        name: found.reason
        for name in STATEMENTS
        if isinstance(found := outcome(report, name), Unexplained)
    }
    assert reasons == {
        "missing function": "the server says: function price_of(bigint) does not exist",
        "temporary table": "it reads basket, a temporary table of the tests' own session",
        "foreign table": 'the server says: foreign-data wrapper "elsewhere" has no handler',
        "not SQL": 'the parser rejects it: syntax error at or near "SELEC"',
        "procedure": "CALL runs a procedure; what it does inside is not planned",
    }
    assert report.totals.unexplained == len(reasons)


@pytest.mark.parametrize(
    ("name", "view"),
    [("view", "public.dear_orders"), ("view of a view", "public.dear_of_customers")],
)
def test_a_finding_through_a_view_names_the_table_and_the_view(report, name, view):
    (found,) = findings(report, name)
    assert found.relation == "public.orders"
    assert found.message.endswith(f"; read through view {view}")


def test_a_table_that_is_named_itself_is_not_called_read_through_a_view(report):
    assert {one.relation for one in findings(report, "view and table")} == {"public.orders"}
    assert "view" not in " ".join(one.message for one in findings(report, "view and table"))


def test_policies_are_in_the_plans_of_the_role_they_are_for_and_said_to_be_in_no_others(report):
    guarded, as_superuser = outcome(report, "row security"), outcome(report, "as superuser")
    assert isinstance(guarded, Planned)
    assert isinstance(as_superuser, Planned)
    assert guarded.worst.access["documents"].indexes == ("documents_tenant_id_idx",)
    assert as_superuser.worst.access["documents"].access == "seq"
    note, *_ = report.notes
    assert note.startswith("row-level security of public.documents is not in the plans of 1 query")


@pytest.mark.parametrize(
    ("name", "reason"),
    [("silenced in SQL", "once a year"), ("silenced on its line", "once a month")],
)
def test_a_comment_silences_its_finding_with_its_reason(report, name, reason):
    (found,) = findings(report, name)
    assert found.suppressed is not None
    assert found.suppressed.reason == reason
    assert not found.fails


def test_a_comment_that_silences_nothing_is_named(report):
    line = LINES["recursive"]
    assert [note for note in report.notes if "silences" in note] == [
        f"the comment of app/odd.py:{line} silences nothing: remove it"
    ]


def test_a_search_path_decides_which_tenants_table_is_planned(report):
    found = outcome(report, "search path")
    assert isinstance(found, Planned)
    (path,) = found.worst.access.values()
    assert (path.relation, path.access) == ("tenant_b.notes", "bitmap")


def test_quoted_and_unicode_names_come_out_quoted(report):
    (found,) = findings(report, "quoted")
    assert found.relation == 'public.Straßen "alt"'
    assert found.advice is not None
    (ddl,) = found.advice.ddl
    assert ' ON public."Straßen ""alt""" ("Größe m²");' in ddl
    assert len(analyse(ddl)) == 1


@pytest.mark.parametrize("name", ["self-join", "fifty joins"])
def test_a_table_that_is_joined_with_itself_is_one_finding(report, name):
    found = findings(report, name)
    assert [one.relation for one in found if one.relation] == ["public.orders"]


def test_a_list_of_thousands_is_told_apart_from_an_array(report):
    told = {origin.function for one in report.findings if one.rule == "QRY012"
            for origin in one.origins}  # fmt: skip
    assert told == {"long list"}


@pytest.mark.parametrize("name", ["recursive", "merge", "empty table", "long array"])
def test_what_is_sound_is_silent_however_odd(report, name):
    assert findings(report, name) == []


@pytest.mark.parametrize("name", ["writing CTE", "wide table", "deep plan"])
def test_a_missing_index_is_seen_however_odd(report, name):
    assert {one.rule for one in findings(report, name)} == {"IDX001"}
