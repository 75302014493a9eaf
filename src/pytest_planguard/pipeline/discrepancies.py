"""Why a query is planned otherwise on a real database, as far as can be known from outside."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping

from pytest_planguard.model.catalog import Catalog, Index
from pytest_planguard.model.plan import Plan
from pytest_planguard.model.query import Query
from pytest_planguard.model.statistics import Statistics
from pytest_planguard.model.verification import Comparison, Likeness
from pytest_planguard.pipeline.apart import (
    MOVED,
    conditions_of,
    distance,
    estimates,
    first_difference,
    indexes_of,
    later,
    relations_of,
    table_moved,
    visibility,
)
from pytest_planguard.planner.elsewhere import Elsewhere, Size
from pytest_planguard.planner.wire import Refused
from pytest_planguard.sql.definitions import index_meaning, type_meaning

MOST_SIZES = 4
"""Tables whose sizes are told, those that moved most first; a plan may read hundreds of parts."""

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
        if (node := first_difference(compared.here.root, compared.there.root)) is not None:
            yield estimates(*node)

    def _known(self, here: Query, there: Query, compared: Comparison) -> Iterator[str]:
        """What differs between the two databases in what the plans look at."""
        relations = relations_of(compared)
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
            moved += table_moved(table, facts, size)
            for name in sorted(indexes_of(compared, self._here, self._there)):
                schema = table.partition(".")[0]
                if (known := facts.indexes.get(name)) is None:
                    continue  # another table's
                size = self._size(self._elsewhere.called_there(f"{schema}.{name}"))
                if size is None:
                    continue
                pages = known.pages if known.file_pages is None else known.file_pages
                if (by := distance(pages, size.pages)) > MOVED:
                    said = f"index {name}: {size.pages:,} pages there, {pages:,} here"
                    moved.append((by, said))
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
        if size is not None and later(size.analyzed, facts.analyzed):
            yield f"{table} was analysed again there ({size.analyzed[:10]})"
        conditions = conditions_of(compared.here.root, table)
        yield from visibility(table, facts, size, compared)
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


def _valid(catalog: Catalog, table: str) -> dict[str, Index]:
    """A table's indexes the planner may use, by meaning."""
    return {index_meaning(one.definition): one for one in catalog.indexes_of(table) if one.valid}


def _plannable(query: Query, plan: Plan) -> str:
    return query.variants[plan.variant].plannable
