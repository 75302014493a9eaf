"""The answer key: one small SQL file a case, read into a schema, its scale and what is expected.

A file under ``fixtures/answers/<topic>/`` looks like an example of a rule (see ``fix_rules``), with
the answer in its header::

    -- Free text: what the case is about.
    -- source: PostgreSQL manual, 11.8 Partial Indexes            numbered as for PostgreSQL 18
    -- expect: IDX001 orders             a finding: its rule, and its table where it has one;
                                         IDX001|PLN001 where either is a right answer
    -- explained: QRY001                 that stands in its explained_by
    -- index: orders (customer_id)       what may be advised; several lines: one of them
    -- index: mail (sender) + mail (recipient)         two that only help together
    -- serves: orders (state, placed_at) what no rule advises and the oracle builds all the same
    -- remedy: placed_at >=              words of its remedy
    -- growth: true                      judged with growth = true
    -- rows: orders = 47_000_000         column and setting: as in an example of a rule
    -- loaded: orders = 20_000           how many rows the oracle loads, where its rule won't do
    CREATE TABLE orders (...);
    -- query
    -- types: bigint
    -- values: @orders.customer_id       one the column really has; any other is taken as it is
    SELECT ... WHERE customer_id = $1;
    -- rewrite
    SELECT ...                           what the oracle measures instead of an index
    -- measure
    SELECT ...                           what it measures instead of the query
    -- load
    UPDATE ...                           after the rows are loaded

``expect: silence`` means that the query has no finding of warning or above; information may stand
beside it. ``expect: nothing`` means not even that. A finding that is expected has to be there,
information or not, and no other of warning or above beside it. Where no index is named, none may be
advised; where one is and the case has a rewrite, either will do. An index is compared by method,
keys, predicate and included columns. The direction of its keys counts where the case says it, and
then up to reading the index backwards.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import msgspec
import pglast
from pglast import ast, stream

import fix_rules
from pytest_planguard.model.finding import Finding, Severity
from pytest_planguard.model.statement import Sample, Session, Statement

FOLDER = Path(__file__).parent.parent / "fixtures" / "answers"

_SECTION = re.compile(r"^-- (query|rewrite|measure|load)$", re.MULTILINE)
FACTS = (
    "source", "expect", "explained", "index", "serves", "remedy", "growth", "rows", "column",
    "setting", "loaded",
)  # fmt: skip
"""What a header says; in the sections below it: types and values."""
_HEADER = re.compile(rf"^-- ({'|'.join(FACTS)}): (.+)$", re.MULTILINE)
_CAST = re.compile(r"::\w+(?: with(?:out)? time zone)?")
_MADE_UP = {2950: "6c84fb90-12c4-11e1-840d-7b25c5ee775a"}
"""A captured value for what the oracle draws from the rows, by type; a text otherwise."""


class Index(msgspec.Struct, frozen=True):
    """What of an index matters."""

    table: str
    method: str
    keys: tuple[str, ...]
    """Expressions with the operator class that is named."""
    include: frozenset[str]
    predicate: str
    order: tuple[tuple[bool, bool], ...]
    """Of each key: descending, NULLs first."""
    says_order: bool
    """Any direction is written down."""

    def serves_as(self, wanted: Index) -> bool:
        """Whether it is the one wanted, or reads as that one from its other end."""
        alike = (self.table, self.method, self.keys, self.include, self.predicate) == (
            wanted.table, wanted.method, wanted.keys, wanted.include, wanted.predicate,
        )  # fmt: skip
        backwards = tuple((not down, not first) for down, first in self.order)
        return alike and (not wanted.says_order or wanted.order in (self.order, backwards))


class Case(msgspec.Struct, frozen=True):
    """One file."""

    path: Path
    source: str
    expected: tuple[tuple[str, str], ...]
    """Rule and table, which is empty where the query as a whole is meant."""
    quiet: bool
    """Nothing at all may be said."""
    explained: frozenset[str]
    indexes: tuple[tuple[str, ...], ...]
    """Alternatives; each is what stands behind ``CREATE INDEX ON``."""
    serving: tuple[tuple[str, ...], ...]
    """The same, where the finding itself advises none."""
    remedy: tuple[str, ...]
    schema: str
    query: fix_rules.ExampleQuery
    rows: dict[str, float]
    columns: dict[str, dict[str, Any]]
    settings: dict[str, str]
    loaded: dict[str, float]
    rewrite: fix_rules.ExampleQuery | None = None
    measure: fix_rules.ExampleQuery | None = None
    load: str = ""
    growth: bool = False

    @property
    def name(self) -> str:
        """``topic/case``."""
        return f"{self.path.parent.name}/{self.path.stem}"

    @property
    def namespace(self) -> str:
        """A schema of its own, so that all cases can share a database."""
        return self.name.replace("/", "_")

    @property
    def is_silent(self) -> bool:
        """Nothing of warning or above is to be said."""
        return all(codes == "PLN002" for codes, _ in self.expected)

    @property
    def ddl(self) -> str:
        """Makes the tables in their schema."""
        start = f"CREATE SCHEMA {self.namespace};\nSET search_path = {self.search_path};\n"
        return start + self.schema

    @property
    def search_path(self) -> str:
        return f"{self.namespace}, public"

    @property
    def configuration(self) -> str:
        """Its part of a pyproject.toml."""
        lines = []
        for table, rows in self.rows.items():
            lines += [
                f'[tool.pytest-planguard.tables."{self.namespace}.{table}"]',
                f"rows = {rows}",
            ]
        for name, facts in self.columns.items():
            table, _, column = name.partition(".")
            where = f'tables."{self.namespace}.{table}".columns.{column}'
            lines.append(f"[tool.pytest-planguard.{where}]")
            lines += [f"{key} = {fix_rules.as_toml(value)}" for key, value in facts.items()]
        return "\n".join(lines) + "\n"

    @property
    def statement(self) -> Statement:
        """The query as a run would have captured it."""
        query = self.query
        samples = tuple(
            Sample(tuple(map(_made_up, one.values, query.types))) for one in query.samples
        )
        session = Session("app", "psycopg", search_path=self.search_path, settings=self.settings)
        place = fix_rules.placed(1, query)
        origin = msgspec.structs.replace(place.origin, file=f"{self.name}.py")
        place = msgspec.structs.replace(place, origin=origin)
        return Statement(query.text, query.types, session, samples, (place,), stream=query.stream)

    def mistakes(self, findings: list[Finding]) -> list[str]:
        """What the findings have wrong; empty: they are the answer."""
        wrong: list[str] = []
        unasked = {f"{one.rule} {self._table(one)}".strip(): one for one in findings}
        for number, (codes, table) in enumerate(self.expected):
            names = [f"{code} {table}".strip() for code in codes.split("|")]
            found = [unasked.pop(name) for name in names if name in unasked]
            if not found:
                wrong.append(f"missing: {codes} {table}")
            elif number == 0:
                wrong += self._mistakes_of(found[0])
        return wrong + [
            f"said besides: {name}"
            for name, one in sorted(unasked.items())
            if self.quiet or one.severity is not Severity.INFO
        ]

    def _table(self, finding: Finding) -> str:
        relation = finding.relation or ""
        return relation.removeprefix(f"{self.namespace}.")

    def _mistakes_of(self, finding: Finding) -> list[str]:
        wrong = [f"not explained by {code}" for code in self.explained - {*finding.explained_by}]
        wrong += [f'"{words}" is not in: {finding.remedy}'
                  for words in self.remedy if words not in finding.remedy]  # fmt: skip
        ddl = finding.advice.ddl if finding.advice is not None else ()
        advised = [one for one in map(index_of, ddl) if one is not None]
        advised = [one for one in advised if one.table in self.rows]  # not those of partitions
        wanted = [[index_of(f"CREATE INDEX ON {text}") for text in one] for one in self.indexes]
        allowed = [*wanted, []] if self.rewrite is not None or not wanted else wanted
        if not any(_same(advised, one) for one in allowed):
            wrong.append(f"advised: {'; '.join(ddl) or 'no index'}")
        return wrong


def cases() -> list[Case]:
    """All of them, by name."""
    return [read(path) for path in sorted(FOLDER.glob("*/*.sql"))]


def read(path: Path) -> Case:
    """One file's case."""
    parts = _SECTION.split(path.read_text(encoding="utf-8"))
    schema, sections = parts[0], dict(zip(parts[1::2], parts[2::2], strict=True))
    said: dict[str, list[str]] = {}
    for key, text in _HEADER.findall(schema):
        said.setdefault(key, []).append(text)
    answers = [text for text in said["expect"] if text not in ("silence", "nothing")]
    queries = {key: fix_rules.read_query(text) for key, text in sections.items() if key != "load"}
    return Case(
        path=path,
        source=said["source"][0],
        expected=tuple((code, table) for code, _, table in (one.partition(" ") for one in answers)),
        quiet=said["expect"] == ["nothing"],
        explained=frozenset(said.get("explained", ())),
        indexes=tuple(tuple(text.split(" + ")) for text in said.get("index", ())),
        serving=tuple(tuple(text.split(" + ")) for text in said.get("serves", ())),
        remedy=tuple(said.get("remedy", ())),
        schema=schema,
        query=queries["query"],
        rows=_facts(said.get("rows", [])),
        columns=_facts(said.get("column", [])),
        settings=_facts(said.get("setting", [])),
        loaded=_facts(said.get("loaded", [])),
        rewrite=queries.get("rewrite"),
        measure=queries.get("measure"),
        load=sections.get("load", ""),
        growth=said.get("growth") == ["true"],
    )


def _facts(texts: list[str]) -> dict[str, Any]:
    pairs = (text.partition(" = ") for text in texts)
    return {name.strip(): tomllib.loads(f"it = {value}")["it"] for name, _, value in pairs}


def _made_up(value: str | None, oid: int) -> str | None:
    """A value of a test for one that is drawn from the rows."""
    if value is None or not value.startswith("@"):
        return value
    return _MADE_UP.get(oid, "of a test")


def index_of(ddl: str) -> Index | None:
    """What a statement makes; None where that is no index.

    >>> index_of("CREATE INDEX ON a.orders USING btree (customer_id, placed_at DESC)").keys
    ('customer_id', 'placed_at')
    """
    (parsed,) = pglast.parse_sql(_CAST.sub("", ddl))
    made = parsed.stmt
    if not isinstance(made, ast.IndexStmt):
        return None
    directions = [(key.ordering.name, key.nulls_ordering.name) for key in made.indexParams]
    down = [order == "SORTBY_DESC" for order, _ in directions]
    return Index(
        table=made.relation.relname,
        method=made.accessMethod,
        keys=tuple(_key(key) for key in made.indexParams),
        include=frozenset(key.name for key in made.indexIncludingParams or ()),
        predicate=stream.RawStream()(made.whereClause) if made.whereClause else "",
        order=tuple(
            (is_down, is_down if nulls.endswith("DEFAULT") else nulls.endswith("FIRST"))
            for is_down, (_, nulls) in zip(down, directions, strict=True)
        ),
        says_order=any(not name.endswith("DEFAULT") for pair in directions for name in pair),
    )


def _key(key: ast.IndexElem) -> str:
    text = key.name or stream.RawStream()(key.expr)
    return " ".join([text, *(part.sval for part in key.opclass or ())])


def _same(advised: list[Index], wanted: list[Index | None]) -> bool:
    """Whether each that is advised is one that is wanted, and the reverse."""
    return len(advised) == len(wanted) and all(
        any(one.serves_as(other) for one in advised) for other in wanted if other is not None
    )
