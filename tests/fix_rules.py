"""Examples of rules: one SQL file each, read into a schema, its scale and what is captured.

Under ``fixtures/rules/<CODE>/`` every ``bad*.sql`` must fire and every ``good*.sql`` be silent:
``bad.sql``, ``bad-2.sql`` and so on. A file is plain SQL. What is not SQL stands in comments::

    -- Free text: what the example shows.
    -- rows: orders = 47_000_000
    -- column: orders.status = { values = { shipped = 0.75, open = 0.25 } }
    -- setting: work_mem = "64MB"
    -- budget: { origin = "app/*", max-cost = 1000 }
    -- marker: { max_cost = 1000 }     of the test that sends the queries
    -- option: growth = true           of [tool.pytest-planguard] itself
    -- fixed: countries                does not grow
    -- pool: { place = "app/db.py:9 make_engine", maker = "sqlalchemy", most = 10, … }
    -- opened: { place = "app/db.py:9 make_engine", maker = "sqlalchemy", timeouts = [] }
    -- held: { hold = "connection", place = "app/db.py:12 report", maker = "sqlalchemy" }
    -- statistics: {"clock": "TODAY", "tables": {...}}     production's file; several lines are one
    CREATE TABLE orders (...);
    -- baseline
    CREATE INDEX ...;                  only in the world the baseline was accepted in
    -- query
    -- types: numeric, text            what the driver sent the parameters as
    -- values: 5, open                 one line a sample; NULL is null
    -- stream                          read through a server-side cursor
    -- sent: 7 with 5 by application   how often, with how many different values, by which layer
    SELECT ... WHERE legacy_number = $1 AND status = $2;

    -- migration
    ALTER TABLE orders ...;            a migration in SQL that starts from the schema
    -- way back
    ALTER TABLE orders ...;            its downgrade

The schema ends at ``-- baseline`` or the first ``-- query``; ``-- query`` may come several times.
Rows, columns, settings and budgets are TOML, as in the configuration. In production's statistics
TODAY, VERSION and COLLATION stand for what the day and the server of the test are.
"""

from __future__ import annotations

import datetime as dt
import json
import re
import tomllib
from pathlib import Path
from typing import Any

import msgspec

from pytest_planguard.model.capture import Budget, Capture
from pytest_planguard.model.connections import Held, Hold, Maker, Opened, Pool
from pytest_planguard.model.statement import Layer, Origin, Phase, Place, Sample, Session, Statement

_TEST = "tests/test_app.py::test"
FOLDER = Path(__file__).parent.parent / "fixtures" / "rules"

_OIDS = {
    "boolean": 16, "smallint": 21, "integer": 23, "bigint": 20, "text": 25, "double precision": 701,
    "varchar": 1043, "date": 1082, "timestamp": 1114, "timestamptz": 1184, "numeric": 1700,
    "jsonb": 3802, "uuid": 2950, "unknown": 0,
}  # fmt: skip
_SECTION = re.compile(r"^-- (baseline|query|migration|way back)[ ]*$", re.MULTILINE)
_BUDGET = re.compile(r"^-- budget: (.+)$", re.MULTILINE)
_MARKER = re.compile(r"^-- marker: (.+)$", re.MULTILINE)
_FACT = re.compile(r"^-- (rows|column|setting|option): (.+)$", re.MULTILINE)
_HEARD = re.compile(r"^-- (pool|opened|held): (.+)$", re.MULTILINE)
_FIXED = re.compile(r"^-- fixed: (\w+)$", re.MULTILINE)
_TIMES = re.compile(r"^-- sent: (\d+) with (\d+) by (\w+)$", re.MULTILINE)
_STATISTICS = re.compile(r"^-- statistics: (.+)$", re.MULTILINE)
_SENT = re.compile(r"^-- (types|values): (.+)$", re.MULTILINE)


class ExampleQuery(msgspec.Struct, frozen=True):
    """One statement as the application sends it."""

    text: str
    types: tuple[int, ...] = ()
    samples: tuple[Sample, ...] = ()
    stream: bool = False
    executions: int = 1
    distinct: int = 1
    layer: Layer = Layer.APPLICATION


class Example(msgspec.Struct, frozen=True):
    """One file."""

    path: Path
    schema: str
    baseline_schema: str
    """More DDL, of the world the baseline was accepted in; empty: there is none."""
    queries: tuple[ExampleQuery, ...]
    rows: dict[str, float]
    columns: dict[str, dict[str, Any]]
    """By ``table.column``: as in the configuration."""
    settings: dict[str, str]
    options: dict[str, Any]
    fixed: frozenset[str] = frozenset()
    """Tables that do not grow."""
    statistics: str = ""
    """JSON; empty: there is no file."""
    budgets: tuple[dict[str, Any], ...] = ()
    markers: tuple[dict[str, Any], ...] = ()
    connections: tuple[tuple[str, dict[str, Any]], ...] = ()
    """What was heard of connections: pools, connections that were opened, what is held."""
    migration: str | None = None
    """SQL; the example is about it, and the queries are the baseline's."""
    way_back: str = ""

    @property
    def code(self) -> str:
        return self.path.parent.name

    @property
    def is_bad(self) -> bool:
        return self.path.stem.startswith("bad")

    def configuration(self, version: int) -> str:
        """A pyproject.toml for it."""
        lines = ["[tool.pytest-planguard]"]
        lines += [f"{key} = {as_toml(value)}" for key, value in self.options.items()]
        lines.append("[tool.pytest-planguard.database]")
        lines += ['provider = "embedded"', f"version = {version}", 'schema = "schema.sql"']
        settings = ", ".join(f"{name} = {json.dumps(text)}" for name, text in self.settings.items())
        lines += [f"settings = {{ {settings} }}"] if settings else []
        lines += ['statistics = "statistics.json"'] if self.statistics else []
        for table, rows in self.rows.items():
            lines += [f"[tool.pytest-planguard.tables.{table}]", f"rows = {rows:.0f}"]
            lines += ["grows = false"] if table in self.fixed else []
        for name, facts in self.columns.items():
            table, _, column = name.partition(".")
            lines.append(f"[tool.pytest-planguard.tables.{table}.columns.{column}]")
            lines += [f"{key} = {as_toml(value)}" for key, value in facts.items()]
        for budget in self.budgets:
            lines.append("[[tool.pytest-planguard.budget]]")
            lines += [f"{key} = {as_toml(value)}" for key, value in budget.items()]
        return "\n".join(lines) + "\n"

    def statistics_on(self, server: Any) -> str:
        """The statistics file, for a test on this server today."""
        import psycopg

        from pytest_planguard.planner.catalog import read_catalog

        with psycopg.connect(server.conninfo("")) as connection:
            known = read_catalog(connection).server
        facts = {
            "TODAY": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
            '"VERSION"': str(known.version),
            "COLLATION": known.collation,
        }
        text = self.statistics.replace("{", '{"schema": 1, ', 1)
        for name, value in facts.items():
            text = text.replace(name, value)
        return text

    def capture(self) -> Capture:
        """What a run of the application's tests would have captured."""
        session = Session("app", "psycopg")
        statements = tuple(
            Statement(
                query.text, query.types, session, query.samples, (placed(line, query),),
                stream=query.stream,
            )
            for line, query in enumerate(self.queries, start=1)
        )  # fmt: skip
        budgets = tuple(Budget(_TEST, **one) for one in self.markers)
        return Capture(
            statements, collected=(_TEST,), finished=(_TEST,), budgets=budgets,
            pools=tuple(Pool(database="app", **placed_at(one)) for one in self._heard("pool")),
            opened=tuple(
                Opened(database="app", **placed_at(one)) for one in self._heard("opened")
            ),
            held=tuple(
                Held(database="app", test=test, **placed_at(one))
                for one in self._heard("held")
                for test in one.pop("tests", [_TEST])
            ),
        )  # fmt: skip

    def _heard(self, kind: str) -> list[dict[str, Any]]:
        return [dict(facts) for one, facts in self.connections if one == kind]


def examples() -> list[Example]:
    """All of them, by path."""
    return [read(path) for path in sorted(FOLDER.glob("*/*.sql"))]


def read(path: Path) -> Example:
    """One file's example."""
    parts = _SECTION.split(path.read_text(encoding="utf-8"))
    schema, sections = parts[0], list(zip(parts[1::2], parts[2::2], strict=True))
    facts = _FACT.findall(schema)
    pairs = {kind: {} for kind in ("rows", "column", "setting", "option")}
    for kind, text in facts:
        name, _, value = text.partition(" = ")
        pairs[kind][name.strip()] = tomllib.loads(f"it = {value}")["it"]
    return Example(
        path=path,
        schema=schema,
        baseline_schema="".join(text for kind, text in sections if kind == "baseline"),
        queries=tuple(read_query(text) for kind, text in sections if kind == "query"),
        rows=pairs["rows"],
        columns=pairs["column"],
        settings=pairs["setting"],
        options=pairs["option"],
        fixed=frozenset(_FIXED.findall(schema)),
        statistics="\n".join(_STATISTICS.findall(schema)),
        budgets=_tables(_BUDGET.findall(schema)),
        markers=_tables(_MARKER.findall(schema)),
        connections=tuple((kind, *_tables([text])) for kind, text in _HEARD.findall(schema)),
        migration=next((text for kind, text in sections if kind == "migration"), None),
        way_back="".join(text for kind, text in sections if kind == "way back"),
    )


def _tables(texts: list[str]) -> tuple[dict[str, Any], ...]:
    return tuple(tomllib.loads(f"it = {one}")["it"] for one in texts)


def placed_at(facts: dict[str, Any]) -> dict[str, Any]:
    """Facts with the line they are of as an origin."""
    rest = {name: value for name, value in facts.items() if name != "place"}
    rest["maker"] = Maker(rest["maker"])
    if "hold" in rest:
        rest["hold"] = Hold(rest["hold"])
    if "timeouts" in rest:
        rest["timeouts"] = tuple(rest["timeouts"])
    if "first" in rest:
        rest["first"] = _origin(rest["first"])
    return {"origin": _origin(facts["place"]), **rest}


def _origin(text: str) -> Origin:
    place, _, function = text.partition(" ")
    file, _, line = place.partition(":")
    return Origin(file, int(line), function)


def read_query(text: str) -> ExampleQuery:
    """One query's section, without the line that begins it."""
    found = _SENT.findall(text)
    types = [one for kind, names in found if kind == "types" for one in names.split(", ")]
    samples = [
        Sample(tuple(None if one == "NULL" else one for one in values.split(", ")))
        for kind, values in found
        if kind == "values"
    ]
    times = _TIMES.search(text)
    executions, distinct, layer = times.groups() if times else ("1", "1", "application")
    body = "\n".join(line for line in text.splitlines() if not line.startswith("--"))
    return ExampleQuery(
        text=body.strip().removesuffix(";"),
        types=tuple(_OIDS[name.strip()] for name in types),
        samples=tuple(samples),
        stream="\n-- stream\n" in text,
        executions=int(executions),
        distinct=int(distinct),
        layer=Layer(layer),
    )


def placed(line: int, query: ExampleQuery) -> Place:
    """Where the application asks it."""
    origin = Origin("app/queries.py", line, "ask", query.layer)
    return Place(origin, _TEST, Phase.CALL, query.executions, query.distinct)


def as_toml(value: Any) -> str:
    """A value as the configuration has it."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{json.dumps(k)} = {as_toml(v)}" for k, v in value.items()) + " }"
    return json.dumps(value)
