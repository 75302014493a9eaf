"""Why a query is planned otherwise on a real database, as far as can be known from outside."""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter
from collections.abc import Iterator, Mapping

from pytest_planguard.model.catalog import Catalog, Index
from pytest_planguard.model.plan import Plan, PlanNode
from pytest_planguard.model.query import Query
from pytest_planguard.model.statistics import ScaleSource, Statistics, TableStatistics
from pytest_planguard.model.verification import Comparison, Likeness
from pytest_planguard.planner.elsewhere import Elsewhere, Size
from pytest_planguard.planner.wire import Refused
from pytest_planguard.report._numbers import rows
from pytest_planguard.sql.definitions import index_meaning, type_meaning
from pytest_planguard.sql.relations import index_names

MOVED = 0.005
"""By which a size must differ to be named: half of what a cost may (model.verification)."""

MOST_SIZES = 4
"""Tables whose sizes are told, those that moved most first; a plan may read hundreds of parts."""

_SOURCES = {
    ScaleSource.PRODUCTION: "when the statistics were read",
    ScaleSource.AS_IS: "here",
    ScaleSource.DECLARED: "declared",
    ScaleSource.GENERATED: "generated",
    ScaleSource.ASSUMED: "assumed",
}
_REFUSALS = {
    "42501": "grant the role what the statement needs (a write's plan needs the right to write); "
    "nothing is executed",
    "42P01": "the schema there lacks it: not migrated yet, or in another search path",
    "42703": "the schema there lacks it: not migrated yet",
    "42883": "the schema there lacks it, or a column is of another type there",
    "42704": "the schema there lacks it: not migrated yet, or in another search path",
    "57014": "planning took too long there; give it more with --timeout",
    "55P03": "somebody holds a lock on a table of it; try again",
    "40001": "a standby's replay needed what planning held; try again",
}
_RANGE = re.compile(r"(\w+)\)?(?:::[\w ]+)? (?:<|>|<=|>=) ")


class Discrepancies:
    """Looks for what differs between two databases, query by query.

    Args:
        elsewhere: The real database.
        here: Catalog of the fixture database.
        there: Of the real one, with the names indexes have here.
        statistics: What the fixture database was given.
        settings: Planner settings that differ, with their values here.
    """

    def __init__(
        self,
        elsewhere: Elsewhere,
        here: Catalog,
        there: Catalog,
        statistics: Statistics,
        settings: Mapping[str, str],
    ) -> None:
        self._elsewhere = elsewhere
        self._here = here
        self._there = there
        self._statistics = statistics
        self._settings = settings
        self._sizes: dict[str, Size | None] = {}

    def of_refusal(self, refused: Refused) -> Iterator[str]:
        """What would help."""
        if (help_ := _REFUSALS.get(refused.sqlstate)) is not None:
            yield help_

    def of(self, here: Query, there: Query, compared: Comparison) -> Iterator[str]:
        """The reasons of one difference, the surest first.

        Raises:
            ServerError: The server there was lost.
        """
        assert compared.there is not None
        if self._settings and self._are_settings_it(there, compared.here):
            names = ", ".join(sorted(self._settings))
            yield f"settings: with those of here ({names}) it is identical"
            return
        known = list(self._known(here, there, compared))
        yield from known or ["nothing is known to differ: catalogs do not tell it"]
        if (node := _first_difference(compared.here.root, compared.there.root)) is not None:
            yield _estimates(*node)

    def _known(self, here: Query, there: Query, compared: Comparison) -> Iterator[str]:
        """What differs between the two databases in what the plans look at."""
        relations = _relations(compared)
        yield from self._majors()
        yield from self._partitions(relations)
        for table in sorted({self._root(one) for one in relations}):
            yield from self._schema(table)
        yield from self._moved(relations, compared)
        yield from (one for table in sorted(relations) for one in self._facts(table, compared))
        if here.variants[compared.here.variant].plannable != _plannable(there, compared.here):
            yield (
                f"it asks for the time: here it is {self._statistics.clock[:10]}, "
                "the statistics' day, there it is today"
            )

    def _are_settings_it(self, there: Query, plan: Plan) -> bool:
        answer = self._elsewhere.plan(there, plan, self._settings)
        return isinstance(answer, Plan) and Comparison(plan, answer).likeness is Likeness.IDENTICAL

    def _majors(self) -> Iterator[str]:
        here, there = self._here.server.major, self._there.server.major
        if here != there:
            yield f"PostgreSQL {there} plans there, {here} here"

    def _root(self, relation: str) -> str:
        """The partitioned table it belongs to, by the catalog that has it."""
        catalog = self._here if relation in self._here.tables else self._there
        return catalog.root_of(relation)

    def _partitions(self, relations: set[str]) -> Iterator[str]:
        """Partitions one side has alone, counted by their root."""
        for side, catalog in (("here", self._here), ("there", self._there)):
            missing = Counter(
                root
                for one in relations - catalog.tables.keys()
                if (root := self._root(one)) != one
            )
            for root, number in sorted(missing.items()):
                noun = "1 partition" if number == 1 else f"{number:,} partitions"
                yield f"{noun} of {root} missing {side}"

    def _schema(self, table: str) -> Iterator[str]:
        """Indexes and columns one side has alone."""
        ours, theirs = self._here.tables.get(table), self._there.tables.get(table)
        if ours is None or theirs is None:
            yield f"{table} is missing {'here' if ours is None else 'there'}"
            return
        mine, other = _valid(self._here, table), _valid(self._there, table)
        for meaning in sorted(mine.keys() ^ other.keys()):
            index = mine.get(meaning) or other[meaning]
            side = "there" if meaning in mine else "here"
            yield f"an index is missing {side}: {index.definition}"
        types = {one.name: one.type for one in ours.columns}
        for column in theirs.columns:
            known = types.get(column.name, column.type)
            if type_meaning(known) != type_meaning(column.type):
                yield f"{table}.{column.name} is {column.type} there, {known} here"

    def _moved(self, relations: set[str], compared: Comparison) -> Iterator[str]:
        """Tables and indexes of another size, those that differ most first."""
        moved: list[tuple[float, str]] = []
        for table in sorted(relations):
            facts, size = self._statistics.tables.get(table), self._size(table)
            if facts is None or size is None:
                continue
            moved += _table_moved(table, facts, size)
            for name in sorted(_indexes_of(compared, self._here, self._there)):
                known = facts.indexes.get(name)
                schema = table.partition(".")[0]
                size = self._size(self._elsewhere.called_there(f"{schema}.{name}"))
                if known is None or size is None:
                    continue
                pages = known.pages if known.file_pages is None else known.file_pages
                if (apart := _apart(pages, size.pages)) > MOVED:
                    said = f"index {name}: {size.pages:,} pages there, {pages:,} here"
                    moved.append((apart, said))
        moved.sort(key=lambda one: (-one[0], one[1]))
        yield from (said for _, said in moved[:MOST_SIZES])
        if len(moved) > MOST_SIZES:
            yield f"and {len(moved) - MOST_SIZES:,} more tables and indexes of another size"

    def _facts(self, table: str, compared: Comparison) -> Iterator[str]:
        """What else is known of a table."""
        size, facts = self._size(table), self._statistics.tables.get(table)
        if size is not None and size.row_security:
            yield f"{table}: row-level security applies to the role there"
        if facts is None:
            return
        if size is not None and _later(size.analyzed, facts.analyzed):
            yield f"{table} was analysed again there ({size.analyzed[:10]})"
        conditions = _conditions(compared.here.root, table)
        yield from _visibility(table, facts, size, compared)
        columns = {**facts.columns, **facts.inherited}
        masked = sorted(
            name
            for name, column in columns.items()
            if column.masked and re.search(rf"\b{re.escape(name)}\b", conditions)
        )
        if masked:
            yield f"{table}: values of {', '.join(masked)} are stand-ins here (masked)"
        ends = sorted(set(_RANGE.findall(conditions)) & self._leading(table) & columns.keys())
        if ends and compared.there is not None and compared.here.rows != compared.there.rows:
            yield (
                f"{table}: for ranges of {', '.join(ends)} the planner there may have read the "
                "column's real ends off an index (get_actual_variable_range)"
            )

    def _leading(self, table: str) -> set[str]:
        """Columns a btree begins with."""
        return {one.keys[0] for one in self._here.indexes_of(table) if one.method == "btree"}

    def _size(self, relation: str) -> Size | None:
        if relation not in self._sizes:
            self._sizes[relation] = self._elsewhere.size(relation)
        return self._sizes[relation]


def _table_moved(name: str, facts: TableStatistics, size: Size) -> Iterator[tuple[float, str]]:
    pages = facts.pages if facts.file_pages is None else facts.file_pages
    count = facts.rows * pages / facts.pages if facts.pages else facts.rows
    apart = max(_apart(count, size.rows), _apart(pages, size.pages))
    if apart <= MOVED:
        return
    there = "never analysed" if size.rows < 0 else f"{rows(size.rows)} rows"
    before = f"{rows(count)} in {pages:,} {_SOURCES[facts.source]}"
    yield apart, f"{name}: {there} in {size.pages:,} pages there, {before}"


def _visibility(
    name: str, facts: TableStatistics, size: Size | None, compared: Comparison
) -> Iterator[str]:
    """Index-only scans are charged for the pages that are not known to be visible to all."""
    roots = [one.root for one in (compared.here, compared.there) if one is not None]
    index_only = {
        node.relation for root in roots for node in root.walk() if "Only" in node.node_type
    }
    if size is None or name not in index_only:
        return
    here = facts.all_visible / facts.pages if facts.pages else 0.0
    if abs(here - size.visible) > MOVED:
        yield f"{name}: {size.visible:.0%} of its pages are all-visible there, {here:.0%} here"


def _estimates(mine: PlanNode, theirs: PlanNode) -> str:
    name = mine.alias or mine.relation_name or mine.index or ""
    where = f"{mine.node_type} {name}".strip()
    estimates = f"{mine.rows:,.0f} rows here, {theirs.rows:,.0f} there"
    return f"the first estimate to differ: {where}, {estimates}"


def _apart(one: float, other: float) -> float:
    return abs(one - other) / max(one, other, 1.0)


def _relations(compared: Comparison) -> set[str]:
    roots = [compared.here.root, *([compared.there.root] if compared.there else [])]
    return {node.relation for root in roots for node in root.walk() if node.relation is not None}


def _indexes_of(compared: Comparison, here: Catalog, there: Catalog) -> set[str]:
    """Indexes either plan uses, by their names here."""
    names = {
        name
        for node in compared.here.root.walk()
        for name in (node.index, *index_names(node, here))
    }
    if compared.there is not None:
        names |= {
            name
            for node in compared.there.root.walk()
            for name in (node.index, *index_names(node, there))
        }
    return {name for name in names if name is not None}


def _valid(catalog: Catalog, table: str) -> dict[str, Index]:
    """A table's indexes the planner may use, by meaning."""
    return {index_meaning(one.definition): one for one in catalog.indexes_of(table) if one.valid}


def _plannable(query: Query, plan: Plan) -> str:
    return query.variants[plan.variant].plannable


def _conditions(root: PlanNode, table: str) -> str:
    """All conditions of scans of a table and of what lies directly below them."""
    parts: list[str] = []
    for node in root.walk():
        if node.relation == table:
            for one in (node, *node.children):
                parts += filter(None, (one.index_cond, one.filter, one.recheck_cond))
    return " ".join(parts)


def _first_difference(here: PlanNode, there: PlanNode) -> tuple[PlanNode, PlanNode] | None:
    """The deepest, leftmost pair of nodes whose estimated rows differ; shapes must agree there."""
    if here.node_type != there.node_type or here.relation != there.relation:
        return None
    for mine, theirs in zip(here.children, there.children, strict=False):
        if (found := _first_difference(mine, theirs)) is not None:
            return found
    return (here, there) if here.rows != there.rows else None


def _later(there: str, here: str) -> bool:
    """Whether it was analysed after the statistics were read, by more than a second."""
    if not there or not here:
        return False
    seconds = (_instant(there) - _instant(here)).total_seconds()
    return seconds > 1


def _instant(text: str) -> dt.datetime:
    found = dt.datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=dt.UTC)
