"""Masked statistics on real servers: orders of real collations, and plans like the real ones."""

import random
from contextlib import contextmanager

import msgspec
import psycopg
import pytest

from pytest_planguard.fixturedb.inflate.database import inflate
from pytest_planguard.fixturedb.inflate.files import relation_files
from pytest_planguard.fixturedb.inflate.statistics import inject
from pytest_planguard.fixturedb.scale.mask import masked, without_values
from pytest_planguard.fixturedb.scale.observed import observe
from pytest_planguard.model.statistics import (
    ColumnStatistics,
    ScaleSource,
    Statistics,
    TableStatistics,
    TypeFacts,
)
from pytest_planguard.planner.catalog import read_catalog
from pytest_planguard.planner.selfcheck import check_scale

MAJORS = (15, 16, 18)


def collate_on(connection):
    def collate(texts, collation):
        order = f"COLLATE {collation}" if collation else ""
        query = f"SELECT x FROM unnest(%s::text[]) x ORDER BY x {order}"
        return [row[0] for row in connection.execute(query, [list(texts)])]

    return collate


@pytest.fixture(scope="module", params=MAJORS)
def server(request, shared_project):
    with shared_project(request.param).open() as found:
        yield found


@contextmanager
def database(server, name, template=None):
    name = f"planguard_{name}_{server.run_token}"
    server.create_database(name, template)
    try:
        yield name
    finally:
        server.drop_database(name)


LANGUAGES = ("en", "da", "cs", "hu", "et", "hr", "cy", "sq", "lt", "sv", "tr", "az", "haw", "ig")
PIECES = (
    "a",
    "aa",
    "B",
    "ch",
    "dz",
    "h",
    "Ll",
    "ng",
    "s",
    "sz",
    "W",
    "v",
    "y",
    "Z",
    "é",
    "9",
    "10",
)


def collations(connection):
    """Those at hand that sort differently, by name."""
    found = [""]
    wanted = ["C", "C.utf8", "en_US.utf8", "ucs_basic", "unicode", "pg_c_utf8"]
    wanted += [f"{name}-x-icu" for name in LANGUAGES]
    known = {row[0] for row in connection.execute("SELECT collname FROM pg_collation")}
    if "en-x-icu" in known:  # numbers by size, capitals first, punctuation ignored
        for name in ("en-u-kn-true", "en-u-kf-upper", "en-u-ka-shifted"):
            connection.execute(f"CREATE COLLATION \"{name}\" (provider = icu, locale = '{name}')")
            wanted.append(name)
            known.add(name)
    for name in wanted:
        try:
            connection.execute(f"SELECT 'a' < 'b' COLLATE \"{name}\"")
        except psycopg.Error:
            continue  # this server has no such collation, or was built without its library
        found.append(f'"{name}"')
    return found


def test_stand_ins_are_in_the_order_of_every_collation_of_the_server(server):
    chance = random.Random(3)
    values = {"".join(chance.choices(PIECES, k=chance.randint(1, 7))) for _ in range(2000)}
    with (
        database(server, "order") as name,
        psycopg.connect(server.conninfo(name), autocommit=True) as connection,
    ):
        collate = collate_on(connection)
        names = collations(connection)
        assert len(names) > 2
        assert server.version >= 160000 or len(names) > len(LANGUAGES)  # where Debian's has ICU
        for collation in names:
            column = ColumnStatistics(histogram_bounds=tuple(collate(sorted(values), collation)))
            table = TableStatistics(
                9, 1, columns={"c": column}, types={"c": "text"}, collations={"c": collation}
            )
            before = Statistics({"public.t": table}, "2026-01-01", ScaleSource.PRODUCTION)
            after = masked(before, keep=frozenset(), collate=collate)
            made = list(after.tables["public.t"].columns["c"].histogram_bounds)
            assert made == collate(sorted(made), collation), collation
            assert made == sorted(made), collation  # and of C, which the fixture may have
            assert len(set(made)) == len(values)


DDL = """
CREATE DOMAIN address AS text CHECK (length(VALUE) > 5);
CREATE DOMAIN handle AS text CHECK (VALUE ~ '^@');
CREATE TYPE level AS ENUM ('low', 'high');
CREATE TABLE users (
  id int PRIMARY KEY, email address NOT NULL UNIQUE, country char(2) NOT NULL,
  role varchar(12) NOT NULL CHECK (role IN ('member', 'admin')), token uuid NOT NULL UNIQUE,
  ip inet, net cidr, avatar bytea, profile jsonb, tags text[], level level, words tsvector,
  handle handle);
CREATE INDEX users_lower ON users (lower(email));
CREATE INDEX users_tags ON users USING gin (tags);
CREATE TABLE logins (
  id bigint PRIMARY KEY, email varchar(60) NOT NULL, token uuid NOT NULL, ip inet NOT NULL,
  country text NOT NULL, mac macaddr, agent text NOT NULL, at timestamptz NOT NULL);
CREATE INDEX logins_email ON logins (email);
CREATE INDEX logins_token ON logins (token);
CREATE INDEX logins_ip ON logins (ip);
CREATE INDEX logins_agent ON logins (agent) WHERE agent <> 'bot';
"""
ROWS = """
INSERT INTO users
SELECT i, 'person.' || md5(i::text) || '@example.' || (ARRAY['org','com','net'])[1 + i % 3],
       (ARRAY['DE','FR','US','US','US','GB','NL','SE'])[1 + i % 8],
       CASE i % 50 WHEN 0 THEN 'admin' ELSE 'member' END, md5('t' || i)::uuid,
       '10.3.1.1'::inet + (i * 7) % 900, set_masklen('10.0.0.0'::cidr + 65536 * (i % 40), 16),
       CASE WHEN i % 3 > 0 THEN decode(md5((i % 70)::text), 'hex') END,
       jsonb_build_object('name', 'n' || i % 60), ARRAY['tag' || i % 7, 'sub' || (i * i) % 90],
       (ARRAY['low','low','high'])[1 + i % 3]::level,
       to_tsvector('simple', 'word' || i % 9 || ' common'), '@person' || i % 40
FROM generate_series(1, 4000) i;
INSERT INTO logins
SELECT i, u.email, u.token, u.ip, u.country, ('08:00:2b:01:02:' || to_hex(16 + i % 90))::macaddr,
       CASE WHEN i % 5 = 0 THEN 'bot' ELSE 'Browser ' || (i % 13) * (i % 7) END,
       timestamptz '2025-01-01' + i * interval '1 minute'
FROM generate_series(1, 40000) i
JOIN users u ON u.id = 1 + (i::bigint * i % 4000) / (1 + i % 4);
"""
QUERIES = (
    ("SELECT * FROM users WHERE email = %s", "users.email"),
    ("SELECT * FROM users WHERE lower(email) = %s", "users_lower.lower"),
    ("SELECT * FROM users WHERE email BETWEEN %s AND %s", "users.email"),
    ("SELECT * FROM users WHERE country = %s ORDER BY email LIMIT 20", "users.country"),
    ("SELECT * FROM users WHERE token > %s", "users.token"),
    ("SELECT * FROM users WHERE avatar = %s AND role = 'admin'", "users.avatar"),
    ("SELECT * FROM users WHERE profile = %s", "users.profile"),
    ("SELECT * FROM users WHERE tags @> ARRAY[%s]", "users.tags"),
    ("SELECT * FROM users WHERE net = %s", "users.net"),
    ("SELECT * FROM logins WHERE ip = %s", "logins.ip"),
    ("SELECT * FROM logins WHERE ip > %s", "logins.ip"),
    ("SELECT * FROM logins WHERE mac < %s AND agent <> 'bot'", "logins.mac"),
    ("SELECT * FROM logins WHERE agent = %s", "logins.agent"),
    ("SELECT agent, count(*) FROM logins WHERE agent >= %s GROUP BY 1", "logins.agent"),
    ("SELECT country, count(*) FROM logins GROUP BY 1", ""),
    ("SELECT * FROM users u JOIN logins l ON l.email = u.email WHERE u.id < 50", ""),
    ("SELECT * FROM users u JOIN logins l USING (token) WHERE u.country = %s", "users.country"),
    ("SELECT count(*) FROM users u JOIN logins l ON l.country = u.country", ""),
    ("SELECT count(*) FROM users JOIN logins l USING (ip) WHERE agent = %s", "logins.agent"),
    (
        "SELECT * FROM users WHERE email IN (SELECT email FROM logins WHERE agent = %s)",
        "logins.agent",
    ),
    ("SELECT * FROM users WHERE role = 'member' AND level = 'high'", ""),
)  # fmt: skip

TYPES = """
SELECT n.nspname || '.' || c.relname, c.relkind::text, a.attname,
       format_type(a.atttypid, a.atttypmod)
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = 'public' AND c.relkind IN ('r', 'i') AND a.attnum > 0
"""


def with_types(connection, statistics):
    """What was observed, with what a pull would add."""
    rows = connection.execute(TYPES).fetchall()
    checks = connection.execute(
        "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint"
        " WHERE connamespace = 'public'::regnamespace AND contype = 'c'"
    ).fetchall()
    definitions = dict(connection.execute("SELECT indexname, indexdef FROM pg_indexes").fetchall())
    tables = {}
    for name, table in statistics.tables.items():
        indexes = {
            key: msgspec.structs.replace(
                index,
                definition=definitions[key],
                types={column: kind for at, _, column, kind in rows if at == f"public.{key}"},
            )
            for key, index in table.indexes.items()
        }
        tables[name] = msgspec.structs.replace(
            table,
            types={column: kind for at, _, column, kind in rows if at == name},
            constraints={key: text for at, key, text in checks if f"public.{at}" == name},
            indexes=indexes,
        )
    domains = dict(
        connection.execute(
            "SELECT contypid::regtype::text, array_agg(pg_get_constraintdef(oid))"
            " FROM pg_constraint WHERE contypid <> 0 AND contype = 'c' GROUP BY 1"
        ).fetchall()
    )
    types = {name: TypeFacts("text", tuple(checks)) for name, checks in domains.items()}
    types["level"] = TypeFacts("enum")
    return msgspec.structs.replace(statistics, tables=tables, types=types, encoding="UTF8")


def facts_of(statistics, name):
    holder, column = name.split(".")
    for table in statistics.tables.values():
        if holder in table.indexes:
            return table.indexes[holder].expressions[column]
    return statistics.tables[f"public.{holder}"].columns[column]


def parameters(statistics, name, marks):
    """A common value and a rare one (or elements), at the same places in all statistics."""
    facts = facts_of(statistics, name)
    listed = [values for values in (facts.most_common_elems, facts.most_common_values,
                                    facts.histogram_bounds) if values]  # fmt: skip
    if marks == 2:
        bounds = listed[-1]
        return [(bounds[len(bounds) // 3], bounds[len(bounds) // 2])]
    return [(values[n],) for values in listed for n in (0, len(values) // 2)]


def plan(connection, query, values):
    cursor = psycopg.ClientCursor(connection)
    return cursor.execute(f"EXPLAIN (FORMAT JSON) {query}", values).fetchone()[0][0]["Plan"]


def shape(node):
    facts = tuple(node.get(key) for key in ("Node Type", "Relation Name", "Index Name", "Alias"))
    return facts, [shape(child) for child in node.get("Plans", ())]


EXTENSIONS = ("citext", "hstore", "ltree")
ODD = """
CREATE TABLE odd (id int, c citext, h hstore, l ltree, m macaddr8, n name, a jsonb[], d citext[]);
INSERT INTO odd
SELECT i, CASE i % 2 WHEN 0 THEN 'Name' ELSE 'name' END || i % 50,
       hstore('k' || i % 9, 'v' || i % 30), ('top.a' || i % 40)::ltree,
       ('08:00:2b:01:02:03:04:' || to_hex(16 + i % 90))::macaddr8, 'user' || i % 30,
       ARRAY[to_jsonb('x' || i % 20), '{}'], ARRAY['Tag' || i % 7, 'tag' || i % 11]::citext[]
FROM generate_series(1, 3000) i;
ANALYZE odd;
"""


def test_stand_ins_of_less_usual_types_are_taken_by_the_server(server):
    with (
        database(server, "odd") as name,
        psycopg.connect(server.conninfo(name), autocommit=True) as connection,
    ):
        known = {row[0] for row in connection.execute("SELECT name FROM pg_available_extensions")}
        text = ODD
        for extension in EXTENSIONS:
            if extension in known:
                connection.execute(f"CREATE EXTENSION {extension}")
            else:  # not part of every build: another type stands for it, so the rest is tried
                text = text.replace("hstore('k' || i % 9,", "('k' || i % 9 ||")
                text = text.replace(extension, "text")
        connection.execute(text)
        catalog = read_catalog(connection)
        found = observe(connection, catalog, clock="2026-01-01", source=ScaleSource.PRODUCTION)
        before = with_types(connection, found)
        before = msgspec.structs.replace(
            before, types={extension: TypeFacts(extension) for extension in EXTENSIONS}
        )
        after = masked(before, keep=frozenset(), collate=collate_on(connection))
        assert after.unseen == ()
        columns = after.tables["public.odd"].columns
        assert {name for name, facts in columns.items() if facts.masked} == set("chlmnad")
        assert inject(connection, catalog, after, server.version) == []
        again = observe(connection, catalog, clock="2026-01-01", source=ScaleSource.PRODUCTION)
        for column, facts in again.tables["public.odd"].columns.items():
            assert set(facts.most_common_values) == set(columns[column].most_common_values), column
            kind = before.tables["public.odd"].types[column]
            ordered = connection.execute(
                f"SELECT array_agg(x::text ORDER BY x) FROM unnest(%s::text[]::{kind}[]) x",
                [list(facts.histogram_bounds)],
            ).fetchone()[0]
            assert (ordered or []) == list(facts.histogram_bounds), column


@contextmanager
def virtual(server, name, statistics):
    """An empty database at the scale of the statistics; all of them must be taken."""
    with database(server, f"{name}_t") as template:
        with psycopg.connect(server.conninfo(template), autocommit=True) as connection:
            connection.execute(DDL)
            catalog = read_catalog(connection)
            assert inject(connection, catalog, statistics, server.version) == []
            files = relation_files(connection, statistics)
        with database(server, name, template) as copy:
            with psycopg.connect(server.conninfo(""), autocommit=True) as connection:
                inflate(connection, server, copy, files)
            with psycopg.connect(server.conninfo(copy)) as connection:
                check_scale(connection, statistics)
                yield connection


@pytest.fixture(scope="module")
def loaded(server):
    with (
        database(server, "real") as name,
        psycopg.connect(server.conninfo(name), autocommit=True) as connection,
    ):
        connection.execute(DDL + ROWS)
        # 300 rows a unit are sampled: all of them, so that every run has the same statistics.
        connection.execute("SET default_statistics_target = 150")
        connection.execute("REINDEX TABLE users")
        connection.execute("REINDEX TABLE logins")
        connection.execute("VACUUM ANALYZE")
        connection.execute("CHECKPOINT")  # heights are read from the files
        found = observe(
            connection, read_catalog(connection), clock="2026-01-01", source=ScaleSource.PRODUCTION
        )
        yield connection, with_types(connection, found)


def test_masked_statistics_plan_as_the_rows_do(server, loaded):
    real, before = loaded
    after = masked(before, keep=frozenset(), collate=collate_on(real))
    assert after.unseen == (
        (
            "values of public.users.handle (handle) were left out:"
            " a check of the domain may refuse stand-ins"
        ),
    )
    planned = 0
    with virtual(server, "masked", after) as connection:
        for query, column in QUERIES:
            marks = query.count("%s")
            samples = [
                parameters(item, column, marks) if marks else [()] for item in (before, after)
            ]
            for value, standin in zip(*samples, strict=True):
                one, other = plan(real, query, value), plan(connection, query, standin)
                assert shape(one) == shape(other), (query, value)
                assert other["Plan Rows"] == pytest.approx(one["Plan Rows"], rel=0.03, abs=2), query
                assert other["Total Cost"] == pytest.approx(one["Total Cost"], rel=0.02), query
                planned += 1
    assert planned > 40


def test_masked_statistics_hold_nothing_of_the_rows(loaded):
    real, before = loaded
    after = masked(before, keep=frozenset({"users.country"}), collate=collate_on(real))
    text = msgspec.json.encode(after).decode()
    for secret in ("example.", "Browser", "10.3.", "08:00:2b", "tag1", "sub1", "word1", '"n1'):
        assert secret in msgspec.json.encode(before).decode()
        assert secret not in text, secret
    columns = after.tables["public.users"].columns
    assert set(columns["role"].most_common_values) == {"member", "admin"}
    assert set(columns["level"].most_common_values) == {"low", "high"}
    assert "US" in columns["country"].most_common_values
    assert "US" not in after.tables["public.logins"].columns["country"].most_common_values
    assert "bot" in after.tables["public.logins"].columns["agent"].most_common_values


def test_statistics_without_values_are_taken_whole(server, loaded):
    real, before = loaded
    query = "SELECT agent, country, count(*) FROM logins GROUP BY 1, 2"
    with virtual(server, "none", without_values(before)) as connection:
        one, other = plan(real, query, ()), plan(connection, query, ())
        assert one["Plan Rows"] == other["Plan Rows"] > 10  # distinct values are counts
        assert shape(one) == shape(other)
