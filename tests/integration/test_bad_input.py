"""What is wrong outside of planguard gets one clear sentence: what was found, and what would do."""

from __future__ import annotations

import pytest

from fix_small import TESTS, project, refused, small_folder

__all__ = ["project", "small_folder"]


# No PostgreSQL


def test_without_postgresql_the_tests_pass_and_the_session_fails(project, database_url):
    (project.root / "nothing").mkdir()
    project.configure(
        "[tool.pytest-planguard.database]", "[tool.pytest-planguard.database]\nbindir = 'nothing'"
    )
    ran = project.pytest(SUITE_URL=database_url)
    refused(ran, 1, "error: no PostgreSQL", 'pip install "pytest-planguard[embedded]"')
    assert "nothing/postgres" in ran.out
    assert "2 passed, 1 planguard error in" in ran.out


def test_without_postgresql_a_suite_without_a_database_is_told_at_its_fixture(project):
    (project.root / "nothing").mkdir()
    project.configure(
        "[tool.pytest-planguard.database]", "[tool.pytest-planguard.database]\nbindir = 'nothing'"
    )
    ran = project.pytest("-k", "customer")
    assert ran.status == 1
    assert ran.out.count("\nplanguard_database_url: no PostgreSQL") == 1
    refused(project.command("explain", "SELECT 1 AS one"), 3, "error: no PostgreSQL", "pip install")


# The schema and the configuration


def test_a_schema_that_fails_is_told_with_the_servers_message_and_the_line(project, database_url):
    project.replace("schema.sql", "(customer_id)", "(custmer_id)")
    sentence = 'column "custmer_id" does not exist'
    ran = project.pytest(SUITE_URL=database_url)
    refused(ran, 1, sentence, "schema.sql:6", "2 passed, 1 planguard error in")
    refused(project.command("db", "build"), 3, sentence, "schema.sql:6")


def test_a_configured_table_that_does_not_exist_is_a_mistake_with_a_guess(project, database_url):
    project.configure("tables.orders", "tables.ordres")
    ran = project.pytest(SUITE_URL=database_url)
    sentences = ('tables.ordres: the schema has no such table (did you mean "orders"?)',)
    refused(ran, 4, *sentences, "the tests need not run again: pytest-planguard check ")
    before, _, _ = ran.out.partition("2 passed")
    assert "planguard: tables.ordres: schema.sql has no such table (did you mean" in before
    refused(project.command("db", "build"), 2, *sentences)


def test_all_unknown_keys_are_told_at_once_before_any_test_runs(project):
    project.configure("rows =", "row =")
    project.configure("schema =", "shema =")
    project.configure(
        "[tool.pytest-planguard.database]",
        "[tool.pytest-planguard]\nfail_on = 'error'\n[tool.pytest-planguard.database]",
    )
    sentences = (
        'fail_on: unknown key; did you mean "fail-on"?',
        'database.shema: unknown key; did you mean "schema"?',
        'tables.orders.row: unknown key; did you mean "rows"?',
    )
    ran = project.pytest()
    refused(ran, 4, "3 mistakes in ", *sentences)
    assert "collected" not in ran.out
    refused(project.command("check"), 2, "3 mistakes in ", *sentences)


# Suppressions


def test_a_comment_silences_the_line_that_asks_and_a_malformed_one_is_a_mistake(
    project, database_url
):
    line = '"SELECT * FROM orders WHERE number = %s", [number]).fetchall()'
    commented = f"{line}  # planguard: ignore[IDX001]"
    project.replace("app.py", line, f"{commented} asked once a year")
    ran = project.pytest("--planguard-report=json", "--planguard-report=term", "-v")
    assert ran.status == 0, ran.out
    (finding,) = (one for one in project.report()["findings"] if one["rule"] == "IDX001")
    assert finding["suppressed"] == {"reason": "asked once a year"}
    assert "- IDX001 public.orders suppressed: asked once a year" in ran.out
    project.replace("app.py", f"{commented} asked once a year", commented)
    ran = project.pytest(SUITE_URL=database_url)
    refused(ran, 4, "the comment of app.py:9: a reason is missing behind ignore[IDX001]")
    assert "2 passed" in ran.out


# Statements


def test_a_statement_the_parser_rejects_is_counted_with_its_reason(project):
    project.write(
        test_app__py=TESTS + "\n\ndef test_typo(connection):\n    app.mistyped(connection)\n"
    )
    ran = project.pytest("--planguard-report=json", "--planguard-report=term", "-v")
    assert ran.status == 0, ran.out
    assert "3 tests, 3 queries, 1 not plannable" in ran.out
    report = project.report()
    assert (report["totals"]["explained"], report["totals"]["unexplained"]) == (2, 1)
    reason = 'the parser rejects it: syntax error at or near "SELEC"'
    assert [one["unexplained"] for one in report["queries"] if one["unexplained"]] == [reason]
    assert f"not planned: {reason}" in ran.out
    refused(project.command("explain", "SELEC * FROM orders"), 2, reason)


def test_two_statements_in_one_string_are_planned_each_by_itself(project):
    project.write(
        test_app__py=TESTS + "\n\ndef test_two(connection):\n    app.two_at_once(connection)\n"
    )
    assert project.pytest("--planguard-report=json").status == 0
    asked = {one["sql"]: one for one in project.report()["queries"]}
    for sql in ("UPDATE orders SET number = $1 WHERE id = $2", "DELETE FROM orders"):
        assert asked[sql]["unexplained"] is None
        assert asked[sql]["executions"] == 1
    plans = asked["DELETE FROM orders"]["plans"]
    assert {plan["access"]["orders"] for plan in plans} == {"seq"}


def test_two_statements_are_not_explained(project):
    ran = project.command("explain", "SELECT 1 AS one; DELETE FROM orders")
    refused(ran, 2, "found 2 statements, wanted one")


# The baseline's files

BROKEN = {
    "broken JSON": ('{"schema": 1, "key": ', "is no JSON", "restore it from git"),
    "a newer schema": ('{"schema": 99}', "has schema 99, this planguard reads up to 3", "upgrade"),
    "merge conflict": (
        "<<<<<<< ours\n{}\n=======\n{}\n>>>>>>> theirs\n",
        "holds merge-conflict markers (line 1)",
        "git checkout",
    ),
}


UPDATE = ("--planguard-update", "--planguard-reason=it has to be")


@pytest.mark.parametrize(
    ("what", "options"),
    [("broken JSON", ()), *((what, UPDATE) for what in BROKEN)],
    ids=["read", *BROKEN],
)
def test_a_baseline_that_cannot_be_read_is_never_written(project, database_url, what, options):
    content, *sentences = BROKEN[what]
    file = project.root / "planguard" / "baseline" / "queries" / "app" / "find-0123.json"
    file.parent.mkdir(parents=True)
    file.write_text(content)
    ran = project.pytest("-k", "customer", *options, SUITE_URL=database_url)
    refused(ran, 1, f"error: {file} {sentences[0]}", sentences[1])
    assert "1 passed" in ran.out
    files = [path for path in (project.root / "planguard").rglob("*") if path.is_file()]
    assert files == [file]
    assert file.read_text() == content


# Folders that refuse


def test_a_folder_that_cannot_be_written_is_told_and_the_verdict_shown(project, database_url):
    (project.root / "taken").write_text("")
    (project.root / "planguard").write_text("")
    ran = project.pytest(
        "--planguard-report=term",
        "--planguard-report=json:taken/report.json",
        "--planguard-capture-file=taken/capture.json.gz",
        SUITE_URL=database_url,
    )
    refused(ran, 1, "taken/report.json cannot be written: ", "make the folder writable")
    assert "taken/capture.json.gz cannot be written: " in ran.out
    assert "E IDX001 missing-index  public.orders" in ran.out
    assert "2 passed, 1 planguard error in" in ran.out
    ran = project.pytest("--planguard-update", SUITE_URL=database_url)
    refused(ran, 1, "cannot be opened: Not a directory", "--planguard-baseline")
    assert "E IDX001 missing-index  public.orders" in ran.out


# Servers of others


def test_databases_planguard_did_not_make_stay_as_they_are(project, database_url, server_url):
    psycopg = pytest.importorskip("psycopg")
    with psycopg.connect(database_url) as connection:
        connection.execute("CREATE TABLE mine AS SELECT 1 AS n")
    before = _databases(server_url)
    ran = project.pytest(f"--planguard-db={database_url}", "--planguard-report=json")
    assert ran.status == 0, ran.out
    assert project.report()["databases"]["default"]["server"]["provider"] == "url"
    made = _databases(server_url) - before
    assert len(made) == 1
    (template,) = made
    assert template.startswith("planguard_template_")
    with psycopg.connect(database_url) as connection:
        assert connection.execute("SELECT n FROM mine").fetchall() == [(1,)]
    _spoil(server_url, template)
    refused(project.command("db", "build", "--db", database_url), 3, template, "no readable record")
    assert template in _databases(server_url)
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {template}")


def _databases(url: str) -> set[str]:
    import psycopg

    with psycopg.connect(url) as connection:
        return {name for (name,) in connection.execute("SELECT datname FROM pg_database")}


def _spoil(url: str, template: str) -> None:
    """Makes the template look like somebody else's database."""
    import psycopg

    with psycopg.connect(url.replace("/postgres?", f"/{template}?"), autocommit=True) as connection:
        connection.execute("COMMENT ON SCHEMA planguard IS NULL")
