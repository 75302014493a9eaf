"""Schemas made on a real server, and cloned: what comes back is what was there."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

psycopg = pytest.importorskip("psycopg")

from pytest_planguard.errors import SchemaError  # noqa: E402 -- needs psycopg
from pytest_planguard.fixturedb.schema import build_schema  # noqa: E402
from pytest_planguard.fixturedb.schema.clone import read_schema  # noqa: E402
from pytest_planguard.fixturedb.schema.restore import restore  # noqa: E402
from pytest_planguard.model.schema import Schema, SchemaObject  # noqa: E402
from pytest_planguard.model.spec import DatabaseSpec  # noqa: E402

HERE = Path(__file__).parent
SHOP = Path(__file__).parents[2] / "fixtures" / "shop"


class Server:
    """Obeys as much of the server's protocol as schemas need."""

    def __init__(self, url: str, provider: str) -> None:
        self._url = url
        self.provider = provider

    def conninfo(self, database: str) -> str:
        return self._url

    url = conninfo


@pytest.fixture
def make(database_url: str, tmp_path: Path) -> Callable[..., tuple[str, ...]]:
    """Makes a schema in the test's own database; returns what is lacking."""

    def make(
        how: str, root: Path = tmp_path, schema: Schema | None = None, provider: str = "url"
    ) -> tuple[str, ...]:
        spec = DatabaseSpec(schema=how, root=root)
        return build_schema(spec, Server(database_url, provider), "ignored", schema).lacking

    return make


@pytest.fixture
def run(database_url: str) -> Iterator[Callable[[str], Any]]:
    """Sends one text to the test's own database."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield lambda text: connection.execute(text.encode())


@pytest.fixture
def other_url(server_url: str) -> Iterator[str]:
    """A second empty database."""
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS restored")
        connection.execute("CREATE DATABASE restored")
        yield server_url.replace("/postgres?", "/restored?")
        connection.execute("DROP DATABASE IF EXISTS restored WITH (FORCE)")


def cloned(url: str, settings: str = "SELECT 1") -> Schema:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(settings.encode())
        return read_schema(lambda text: rows_of(connection.execute(text.encode())))


def rows_of(cursor: Any) -> Any:
    return cursor.fetchall() if cursor.description else []


def shown(schema: Schema) -> list[str]:
    return [f"{item.kind} {item.name}: {item.ddl}" for item in schema.objects]


def tables(run: Callable[[str], Any]) -> list[tuple[str, int]]:
    return run(
        "SELECT relname, pg_relation_size(oid) FROM pg_class"
        " WHERE relkind IN ('r', 'm') AND relnamespace = 'public'::regnamespace ORDER BY 1"
    ).fetchall()


@pytest.mark.parametrize("script", [HERE / "every_kind.sql", SHOP / "schema.sql"])
def test_a_restored_schema_is_the_one_that_was_cloned(
    script: Path, database_url: str, other_url: str, run: Callable[[str], Any]
):
    run(script.read_text(encoding="utf-8"))
    taken = cloned(database_url)
    with psycopg.connect(other_url, autocommit=True) as connection:
        assert restore(connection, taken) == taken.lacking
    again = cloned(other_url)
    assert shown(again) == shown(taken)
    assert again.digest == taken.digest


def test_every_kind_of_object_is_cloned(database_url: str, run: Callable[[str], Any]):
    run((HERE / "every_kind.sql").read_text(encoding="utf-8"))
    taken = cloned(database_url)
    assert {item.kind for item in taken.objects} == {
        "aggregate", "cast", "collation", "constraint", "default", "function", "index",
        "index partition", "inheritance", "materialized view", "operator", "partition", "policy",
        "procedure", "row security", "rule", "schema", "sequence", "sequence owner", "statistics",
        "statistics target", "table", "trigger", "type", "view",
    }  # fmt: skip
    assert taken.search_path == "sales, public"
    assert taken.encoding == "UTF8"
    assert not [item for item in taken.objects if "planguard" in item.name or "tmp" in item.name]
    assert [text.split(":")[0] for text in taken.lacking] == [
        "text search configuration sales.eng is left out"
    ]


def test_indexes_keep_their_order_whether_a_constraint_made_them_or_not(
    database_url: str, run: Callable[[str], Any]
):
    run("CREATE TABLE t (a int, b int); CREATE INDEX z ON t (a);")
    run("ALTER TABLE t ADD CONSTRAINT y UNIQUE (b); CREATE INDEX x ON t (a, b)")
    taken = cloned(database_url)
    names = [item.name for item in taken.objects if item.kind in {"index", "constraint"}]
    assert names == ["public.z", "public.y", "public.x"]


def test_a_lock_of_a_test_is_not_waited_for(database_url: str, run: Callable[[str], Any]):
    run("CREATE TABLE t (a int); CREATE VIEW v AS SELECT a FROM t")
    with psycopg.connect(database_url) as test:
        test.execute("LOCK TABLE t IN ACCESS EXCLUSIVE MODE")

        with pytest.raises(psycopg.errors.LockNotAvailable):
            cloned(database_url, "SET lock_timeout = '10ms'")


def test_what_cannot_be_restored_is_told_and_the_rest_is_made(
    make: Callable[..., tuple[str, ...]], run: Callable[[str], Any]
):
    schema = Schema(
        (
            SchemaObject("view", "v", "CREATE VIEW public.v AS SELECT a FROM public.t"),
            SchemaObject("table", "t", "CREATE TABLE public.t (a int)"),
            SchemaObject("table", "u", "CREATE TABLE public.u (a public.nothing)"),
        )
    )
    assert make("clone", schema=schema) == (
        'table u is left out: type "public.nothing" does not exist',
    )
    assert tables(run) == [("t", 0)]
    assert run("SELECT count(*) FROM v").fetchone() == (0,)


def test_statements_of_a_file_that_cannot_share_a_transaction_are_sent_alone(make, run, tmp_path):
    (tmp_path / "schema.sql").write_text(
        "CREATE TYPE mood AS ENUM ('ok');\n"
        "CREATE TABLE people (id bigint, mood mood -- of today\n) -- all of them\n;\n"
        "ALTER TYPE mood ADD VALUE 'sad';\n"
        "CREATE INDEX sad ON people (id) WHERE mood = 'sad';\n"
        "CREATE INDEX CONCURRENTLY ids ON people (id);\n"
        "SET search_path = pg_catalog;\n"
        "CREATE TABLE public.pets (id bigint);\n",
        encoding="utf-8",
    )
    assert make("schema.sql") == ()
    found = run(
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace"
    ).fetchall()
    assert sorted(name for (name,) in found) == ["ids", "people", "pets", "sad"]


def test_a_statement_that_fails_among_many_is_told_with_its_line_and_those_before_it(
    make, run, tmp_path
):
    (tmp_path / "schema.sql").write_text(
        "CREATE TABLE a (id bigint);\nCREATE TABLE b (id bigin);\nCREATE TABLE c (id bigint);\n",
        encoding="utf-8",
    )
    with pytest.raises(SchemaError, match=r'schema\.sql:2: type "bigin" does not exist'):
        make("schema.sql")
    assert run("SELECT to_regclass('a') IS NOT NULL, to_regclass('c')").fetchone() == (True, None)


def test_functions_stand_in_for_extensions_the_server_lacks(
    make: Callable[..., tuple[str, ...]], run: Callable[[str], Any]
):
    schema = Schema(
        (
            SchemaObject("schema", "x", "CREATE SCHEMA IF NOT EXISTS x"),
            SchemaObject(
                "extension", "pgcrypto", "CREATE EXTENSION IF NOT EXISTS pgcrypto SCHEMA x"
            ),
            SchemaObject("extension", "nowhere", "CREATE EXTENSION IF NOT EXISTS nowhere"),
            SchemaObject("table", "t", "CREATE TABLE public.t (a text, b text)"),
            SchemaObject("index", "i", "CREATE INDEX i ON public.t (x.digest(a, 'sha1'))"),
        )
    )
    first, second = make("clone", schema=schema)
    assert first.startswith("the extension pgcrypto is not on the server: functions")
    assert second.startswith("the extension nowhere is left out: the server does not have it")
    query = "SELECT provolatile, proisstrict, procost FROM pg_proc WHERE proname = 'digest'"
    assert run(query).fetchall() == [("i", True, 1.0)] * 2


def test_an_icu_collation_the_server_lacks_is_stood_in_for(
    make: Callable[..., tuple[str, ...]], tmp_path: Path, run: Callable[[str], Any]
):
    (tmp_path / "schema.sql").write_text(
        "CREATE COLLATION de (provider = icu, locale = 'de-DE');"
        'CREATE TABLE t (a text COLLATE de, b text COLLATE "fr-x-icu", c text COLLATE "de-x-icu")'
    )
    lacking = make("schema.sql")
    assert tables(run) == [("t", 0)]
    if run("SELECT FROM pg_collation WHERE collname = 'fr-x-icu' AND collprovider = 'c'").rowcount:
        assert len(lacking) == 2
        assert all("stands in for it" in sentence for sentence in lacking)


DUMP = r"""
\restrict aBc
SET transaction_timeout = 0;
SELECT pg_catalog.set_config('search_path', '', false);
CREATE SCHEMA public;
ALTER SCHEMA public OWNER TO nobody_here;
CREATE ROLE not_made;
CREATE TABLE public.a (id int, note text);
ALTER TABLE public.a OWNER TO nobody_here;
COPY public.a (id, note) FROM stdin;
1	it's; \N
\.
INSERT INTO public.a VALUES (2, 'ü');
CREATE TABLE public.b AS SELECT generate_series(1, 10) AS i;
CREATE MATERIALIZED VIEW public.m AS SELECT i FROM public.b;
GRANT SELECT ON public.a TO nobody_here;
CREATE POLICY p ON public.a TO nobody_here USING (true);
\unrestrict aBc
"""


def test_a_dump_is_made_without_rows_owners_and_roles(
    make: Callable[..., tuple[str, ...]], tmp_path: Path, run: Callable[[str], Any]
):
    (tmp_path / "dump.sql").write_text(DUMP)
    (sentence,) = make("dump.sql")
    assert sentence.startswith('a policy is left out: role "nobody_here" does not exist')
    assert tables(run) == [("a", 0), ("b", 0), ("m", 0)]
    assert run("SELECT FROM pg_roles WHERE rolname = 'not_made'").rowcount == 0


def test_on_a_server_of_ours_roles_are_made_for_policies(
    make: Callable[..., tuple[str, ...]], tmp_path: Path, run: Callable[[str], Any]
):
    roles = [f'"{name} {os.getpid()}"' for name in ("reader", "Schreiber ü")]
    policy = f"CREATE POLICY p ON a TO {', '.join(roles)} USING (true)"
    (tmp_path / "made.sql").write_text(f"CREATE TABLE a (); {policy};")
    try:
        assert make("made.sql", provider="embedded") == ()
        ((names,),) = run("SELECT roles FROM pg_policies")
        assert len(names) == 2
        assert not run("SELECT FROM pg_roles WHERE rolcanlogin AND rolname ~ 'reader'").rowcount
    finally:
        run(f"DROP POLICY IF EXISTS p ON a; DROP ROLE IF EXISTS {', '.join(roles)}")


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("CREATE TABLE a ();\n\nCREATE VIEW v AS\n  SELECT 'ü',\n  x FROM users;", "5: relation"),
        ("-- é\nCREATE TABLE a (id int,\n  b nothing);", '3: type "nothing" does not exist'),
        ("SELECT 1;\nSELEC 2;", '2: syntax error at or near "SELEC"'),
        ("SELECT 1;\nCREATE TABLE a (b int;\nSELECT 2;", '2: syntax error at or near ";"'),
        ("SELECT 1;\nSELECT 'abc", "2: unterminated quoted string"),
    ],
)
def test_a_failing_file_is_told_with_its_line_and_the_servers_message(
    script: str, message: str, make: Callable[..., tuple[str, ...]], tmp_path: Path
):
    (tmp_path / "schema.sql").write_text(script)
    with pytest.raises(SchemaError) as caught:
        make("schema.sql")
    assert caught.value.message.startswith(f"schema.sql:{message}")


def test_a_type_of_a_missing_extension_names_the_extension(
    make: Callable[..., tuple[str, ...]], tmp_path: Path
):
    (tmp_path / "schema.sql").write_text("CREATE EXTENSION nowhere; CREATE TABLE a (b nowhere);")
    with pytest.raises(SchemaError) as caught:
        make("schema.sql")
    assert "the server has no extension nowhere" in caught.value.hint


def test_a_command_fills_the_database_of_its_environment_and_rows_go(
    make: Callable[..., tuple[str, ...]], tmp_path: Path, run: Callable[[str], Any]
):
    (tmp_path / "migrate.py").write_text(
        "import os, psycopg\n"
        "with psycopg.connect(os.environ['DATABASE_URL']) as connection:\n"
        "    connection.execute('CREATE TABLE made AS SELECT 1')\n"
    )
    assert make("command: python migrate.py") == ()
    assert tables(run) == [("made", 0)]


MODELS = """
from sqlalchemy import MetaData
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

class Base(DeclarativeBase):
    pass

class Item(Base):
    __tablename__ = "items"
    __table_args__ = {"schema": "stock"}
    id: Mapped[int] = mapped_column(primary_key=True)

empty = MetaData()
number = 1
"""


@pytest.mark.parametrize("folder", ["", "src"])
@pytest.mark.parametrize("attribute", ["Base", "Base.metadata"])
def test_tables_of_metadata_are_made_with_their_schemas(
    folder: str,
    attribute: str,
    make: Callable[..., tuple[str, ...]],
    tmp_path: Path,
    run: Callable[[str], Any],
):
    pytest.importorskip("sqlalchemy")
    (tmp_path / folder).mkdir(exist_ok=True)
    (tmp_path / folder / "shop_models.py").write_text(MODELS)
    assert make(f"metadata: shop_models:{attribute}") == ()
    assert run("SELECT to_regclass('stock.items')::text").fetchone() == ("stock.items",)


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("shop_models:Bsae", 'shop_models has no "Bsae" (did you mean "Base"?)'),
        ("shop_models:number", "shop_models:number is int, wanted a Base or MetaData"),
        ("shop_models:empty", "has no tables"),
        ("no_such_module:Base", "no module no_such_module"),
    ],
)
def test_metadata_that_is_not_there_is_told(
    target: str, said: str, make: Callable[..., tuple[str, ...]], tmp_path: Path
):
    pytest.importorskip("sqlalchemy")
    (tmp_path / "shop_models.py").write_text(MODELS)
    with pytest.raises(SchemaError) as caught:
        make(f"metadata: {target}")
    assert said in caught.value.hint
