"""A statement's clauses: which columns and which values stand in one condition or assignment."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

Column: TypeAlias = tuple[str, ...]
"""Its name, behind those that qualify it; ``*`` stands for all columns of what qualifies it."""

_INDEX = "infer"
"""What ON CONFLICT says of the index it means."""
_SKIPPED = frozenset({"typeName", "typmods", "funcname", "name", "objname", _INDEX})
"""What has no values and no columns: names."""
_CONDITIONS = frozenset({"whereClause", "havingClause", "quals", "joinCondition", "condition"})
_LISTS = frozenset({"groupClause", "sortClause", "distinctClause", "windowClause"})
"""Of expressions, each by itself."""
_LIMITS = frozenset({"limitCount", "limitOffset"})
_LIKE = frozenset({"AEXPR_LIKE", "AEXPR_ILIKE"})
_ACCESSORS = frozenset({"->", "->>", "#>", "#>>"})
"""Operators whose right side says which part of a document is meant."""
_SHAPING = {
    **dict.fromkeys(("date_trunc", "date_part", "extract", "timezone", "nextval", "currval",
                     "setval"), (0,)),
    **dict.fromkeys(("to_char", "to_date", "to_timestamp", "to_number", "left", "right", "round",
                     "trunc", "setweight"), (1,)),
    **dict.fromkeys(("substr", "substring", "split_part"), (1, 2)),
    **dict.fromkeys(("jsonb_extract_path", "jsonb_extract_path_text", "json_extract_path",
                     "json_extract_path_text"), tuple(range(1, 10))),
}  # fmt: skip
"""Functions, and which of their arguments say what is done: a unit, a format, a position, a key."""
_SEARCHES = frozenset({
    "to_tsvector", "to_tsquery", "plainto_tsquery", "phraseto_tsquery", "websearch_to_tsquery",
    "ts_headline",
})  # fmt: skip
"""Functions whose first argument of several names a configuration."""


@dataclass(frozen=True)
class Value:
    """A parameter or a literal."""

    number: int = 0
    """Of the parameter; 0: a literal."""
    location: int = 0
    """The byte a literal begins at."""
    is_pattern: bool = False


@dataclass
class Clause:
    """What stands together."""

    columns: list[Column] = field(default_factory=list)
    values: list[Value] = field(default_factory=list)
    target: tuple[str, str] | None = None
    """Table and column that are given the value; the table may be unknown, and empty."""
    joins: bool = False
    """Tables are joined by columns of the same name here."""
    is_opaque: bool = False
    """Its values go where the text doesn't tell."""
    is_rest: bool = False
    """All that a statement says, its limits left out; nothing stands together there."""


@dataclass
class Statement:
    """What was read of one statement."""

    clauses: list[Clause] = field(default_factory=list)
    tables: dict[str, set[str]] = field(default_factory=dict)
    """By alias, over all levels: the names of the tables it may mean."""
    kept: set[int] = field(default_factory=set)
    """Where the literals begin that name an index by its predicate: it is not found by others."""
    derived: dict[str, Any] = field(default_factory=dict)
    """By alias: sub-selects, CTEs and functions that are read like tables."""

    def outputs(self, node: Any, name: str) -> Iterator[Column]:
        """The columns that a derived table's column of that name is made of."""
        query = node.get("subquery") or node.get("ctequery") or {}
        names = _alias_names(node)
        for select in _selects(query.get("SelectStmt", {})):
            for position, item in enumerate(select.get("targetList", ())):
                target = item["ResTarget"]
                columns = _columns(target.get("val", {}))
                given = names[position] if position < len(names) else target.get("name")
                plain = columns[0][-1] if len(columns) == 1 else ""
                if plain == "*":
                    yield (name,)
                elif name in {given or plain, "*"}:
                    yield from columns


def read(tree: Any) -> Statement:
    """What a statement's tree says; the tree is the parser's JSON, decoded."""
    statement = Statement()
    _find_tables(tree, statement, _cte_names(tree))
    statement.kept = {one.location for node in _nodes(tree, _INDEX) for one in values_in(node)}
    _Reader(statement).read(tree)
    return statement


def _cte_names(node: Any) -> set[str]:
    return {item["ctename"] for item in _nodes(node, "CommonTableExpr")}


def _find_tables(node: Any, statement: Statement, ctes: set[str]) -> None:
    for item in _dicts(node):
        if "relname" in item and "relpersistence" in item:
            alias = item.get("alias", {}).get("aliasname", item["relname"])
            if item["relname"] in ctes and "schemaname" not in item:
                continue
            names = statement.tables.setdefault(alias, set())
            names.add(".".join(filter(None, (item.get("schemaname"), item["relname"]))))
        for tag in ("RangeSubselect", "RangeFunction", "RangeTableFunc", "JsonTable"):
            if isinstance(item.get(tag), dict):
                alias = item[tag].get("alias", {}).get("aliasname") or f" {len(statement.derived)}"
                statement.derived[alias] = item[tag]
        if "CommonTableExpr" in item:
            statement.derived[item["CommonTableExpr"]["ctename"]] = item["CommonTableExpr"]
    for item in _nodes(node, "RangeVar"):
        if item["relname"] in ctes and "alias" in item and "schemaname" not in item:
            found = statement.derived.get(item["relname"])
            statement.derived.setdefault(item["alias"]["aliasname"], found)


class _Reader:
    """Reads clauses off a tree."""

    def __init__(self, statement: Statement) -> None:
        self._statement = statement
        self._relation = ""
        """What is written to."""
        self._visits: dict[str, Callable[[Any, _Clauses], None]] = {
            "A_Const": self._constant,
            "ParamRef": self._parameter,
            "ColumnRef": self._column,
            "A_Expr": self._expression,
            "FuncCall": self._function,
            "NamedArgExpr": self._named,
            "ResTarget": self._selected,
            "InsertStmt": self._insert,
            "UpdateStmt": self._update,
            "MergeStmt": self._merge,
            "onConflictClause": self._assignments,
            "MergeWhenClause": self._merge_when,
            "RangeSubselect": self._aliased,
            "RangeFunction": self._aliased,
            "CommonTableExpr": self._aliased,
            "JoinExpr": self._join,
            **dict.fromkeys(_CONDITIONS, self._condition),
            **dict.fromkeys(_LISTS, self._each),
            **dict.fromkeys(_LIMITS, self._limit),
            "VariableSetStmt": self._setting,
            "ExecuteStmt": self._opaque,
            "DoStmt": self._block,
        }

    def read(self, tree: Any) -> None:
        """All of it."""
        self._walk(tree, (self._clause(is_rest=True),))

    def _clause(self, **facts: Any) -> Clause:
        clause = Clause(**facts)
        self._statement.clauses.append(clause)
        return clause

    def _walk(self, node: Any, clauses: _Clauses) -> None:
        if isinstance(node, list):
            for item in node:
                self._walk(item, clauses)
        elif isinstance(node, dict):
            for key, value in node.items():
                if key not in _SKIPPED and isinstance(value, dict | list):
                    self._visits.get(key, self._walk)(value, clauses)

    def _each(self, items: list[Any], _: _Clauses) -> None:
        for item in items:
            if not _is_position(item):
                self._walk(item, (self._clause(),))

    def _limit(self, node: Any, _: _Clauses) -> None:
        self._walk(node, ())

    def _condition(self, node: Any, outside: _Clauses) -> None:
        """What AND, OR and NOT join are conditions by themselves."""
        if isinstance(node, dict) and "BoolExpr" in node:
            for item in node["BoolExpr"]["args"]:
                self._condition(item, outside)
        else:
            self._walk(node, (self._clause(),))

    # What stands in clauses

    def _constant(self, node: Any, clauses: _Clauses) -> None:
        if "isnull" not in node:
            self._add(Value(location=node.get("location", 0)), clauses)

    def _parameter(self, node: Any, clauses: _Clauses) -> None:
        self._add(Value(number=node.get("number", 0)), clauses)

    @staticmethod
    def _add(value: Value, clauses: _Clauses) -> None:
        for clause in clauses:
            clause.values.append(value)

    def _column(self, node: Any, clauses: _Clauses) -> None:
        for clause in clauses:
            clause.columns.append(_name(node))

    def _expression(self, node: Any, clauses: _Clauses) -> None:
        operator = node["name"][-1]["String"].get("sval", "") if node.get("name") else ""
        if operator in _ACCESSORS and _columns(node.get("lexpr", {})):
            self._walk(node.get("lexpr", {}), clauses)
            self._columns_of(node.get("rexpr", {}), clauses)
            return
        if node.get("kind") not in _LIKE:
            self._walk([node.get("lexpr", {}), node.get("rexpr", {})], clauses)
            return
        self._walk(node.get("lexpr", {}), clauses)
        for value in values_in(node.get("rexpr", {})):
            self._add(Value(value.number, value.location, is_pattern=True), clauses)
        self._columns_of(node.get("rexpr", {}), clauses)

    def _function(self, node: Any, clauses: _Clauses) -> None:
        name = node["funcname"][-1]["String"].get("sval", "")
        args = node.get("args", [])
        if name == "set_config" and args and (setting := _text(args[0])):
            table, _, column = setting.rpartition(".")
            clauses = (*clauses, self._clause(target=(table, column)))
            args = args[1:2]
        shaping = (0,) if name in _SEARCHES and len(args) > 1 else _SHAPING.get(name, ())
        said = [item for number, item in enumerate(args) if number not in shaping]
        self._walk({**node, "args": said}, clauses)

    def _setting(self, node: Any, clauses: _Clauses) -> None:
        table, _, column = str(node.get("name", "")).rpartition(".")
        clauses = (*clauses, self._clause(target=(table, column)))
        self._walk(node.get("args", []), clauses)

    def _named(self, node: Any, clauses: _Clauses) -> None:
        """An argument's name is taken for a column's."""
        self._walk(node.get("arg", {}), (*clauses, self._clause(target=("", node["name"]))))

    def _columns_of(self, node: Any, clauses: _Clauses) -> None:
        for clause in clauses:
            clause.columns += _columns(node)

    def _selected(self, node: Any, clauses: _Clauses) -> None:
        """An expression that is selected; its name is taken for a column's."""
        target = ("", node["name"]) if "name" in node else None
        self._walk(node.get("val", {}), (*clauses, self._clause(target=target)))

    # What is written

    def _insert(self, node: Any, clauses: _Clauses) -> None:
        table = _table(node["relation"])
        columns = [item["ResTarget"]["name"] for item in node.get("cols", ())]
        source = node.get("selectStmt", {})
        select = source.get("SelectStmt", {})
        rows = [item["List"]["items"] for item in select.get("valuesLists", ())]
        targets = select.get("targetList", [])
        has_star = any(column[-1] == "*" for column in _columns(targets))
        if not columns or has_star or "larg" in select:
            for column in columns or ["*"]:
                self._whole(source, table, column)
        for row in (*rows, targets):
            for column, item in zip(columns, row, strict=False):
                value = item["ResTarget"].get("val", {}) if "ResTarget" in item else item
                self._walk(value, (self._clause(target=(table, column)),))
        self._within(node, table, clauses, "relation", "cols")

    def _whole(self, source: Any, table: str, column: str) -> None:
        """All of a query may go into a column."""
        clause = self._clause(target=(table, column))
        clause.values += values_in(source)

    def _update(self, node: Any, clauses: _Clauses) -> None:
        table = _table(node["relation"])
        self._assigned(node.get("targetList", ()), table)
        self._within(node, table, clauses, "relation", "targetList")

    def _merge(self, node: Any, clauses: _Clauses) -> None:
        self._within(node, _table(node["relation"]), clauses, "relation")

    def _within(self, node: Any, table: str, clauses: _Clauses, *done: str) -> None:
        """The rest of a statement, whose parts may assign to its table too."""
        before, self._relation = self._relation, table
        self._walk({key: value for key, value in node.items() if key not in done}, clauses)
        self._relation = before

    def _assignments(self, node: Any, clauses: _Clauses) -> None:
        self._assigned(node.get("targetList", ()), self._relation)
        self._walk({key: value for key, value in node.items() if key != "targetList"}, clauses)

    def _merge_when(self, node: Any, clauses: _Clauses) -> None:
        targets = node.get("targetList", ())
        self._assigned([item for item in targets if "val" in item["ResTarget"]], self._relation)
        names = [item["ResTarget"]["name"] for item in targets] or ["*"] * len(
            node.get("values", ())
        )
        for column, item in zip(names, node.get("values", ()), strict=False):
            self._walk(item, (self._clause(target=(self._relation, column)),))
        self._walk({"condition": node.get("condition", {})}, clauses)

    def _assigned(self, targets: Sequence[Any], table: str) -> None:
        for item in targets:
            target = item["ResTarget"]
            self._walk(target.get("val", {}), (self._clause(target=(table, target["name"])),))

    # Where values come from

    def _aliased(self, node: Any, clauses: _Clauses) -> None:
        """A derived table whose columns were named."""
        for column in _alias_names(node):
            alias = node.get("ctename") or node.get("alias", {}).get("aliasname", "")
            clause = self._clause(target=(alias, column))
            clause.values += values_in(node)
        self._walk(node, clauses)

    def _join(self, node: Any, clauses: _Clauses) -> None:
        using = [(item["String"]["sval"],) for item in node.get("usingClause", ())]
        if node.get("isNatural"):
            using.append(("*",))
        if using:
            self._clause(columns=list(using), joins=True)
        self._walk(node, clauses)

    def _opaque(self, node: Any, clauses: _Clauses) -> None:
        self._walk(node, (*clauses, self._clause(is_opaque=True)))

    def _block(self, node: Any, _: _Clauses) -> None:
        self._clause(is_opaque=True, values=list(_blocks(node)))


_Clauses: TypeAlias = tuple[Clause, ...]


def _dicts(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, list):
        for item in node:
            yield from _dicts(item)
    elif isinstance(node, dict):
        yield node
        for value in node.values():
            if isinstance(value, dict | list):
                yield from _dicts(value)


def _nodes(node: Any, tag: str) -> Iterator[Any]:
    return (item[tag] for item in _dicts(node) if isinstance(item.get(tag), dict))


def values_in(node: Any) -> Iterator[Value]:
    """All values of a part but the ones that limit it."""
    if isinstance(node, list):
        for item in node:
            yield from values_in(item)
        return
    if not isinstance(node, dict):
        return
    for key, value in node.items():
        if key == "A_Const" and "isnull" not in value:
            yield Value(location=value.get("location", 0))
        elif key == "ParamRef":
            yield Value(number=value.get("number", 0))
        elif key in _LISTS:
            yield from values_in([item for item in value if not _is_position(item)])
        elif key not in _SKIPPED and key not in _LIMITS:
            yield from values_in(value)


def _is_position(item: Any) -> bool:
    """``ORDER BY 1`` names a column by its number."""
    return "A_Const" in item.get("SortBy", {}).get("node", item)


def _blocks(node: Any) -> Iterator[Value]:
    """The text of a DO is a string."""
    for item in _nodes(node, "DefElem"):
        if item["defname"] == "as":
            yield Value(location=item.get("location", 0))


def _columns(node: Any) -> list[Column]:
    return [_name(item) for item in _nodes(node, "ColumnRef")]


def _name(node: Any) -> Column:
    return tuple(
        part["String"].get("sval", "") if "String" in part else "*" for part in node["fields"]
    )


def _table(node: Any) -> str:
    return ".".join(filter(None, (node.get("schemaname"), node["relname"])))


def _text(node: Any) -> str:
    found: str = node.get("A_Const", {}).get("sval", {}).get("sval", "")
    return found


def _alias_names(node: Any) -> list[str]:
    names = node.get("aliascolnames") or node.get("alias", {}).get("colnames", ())
    return [item["String"]["sval"] for item in names]


def _selects(select: Any) -> Iterator[Any]:
    """A query, or the ones that UNION and its kin put together."""
    if "larg" in select:
        yield from _selects(select["larg"])
        yield from _selects(select["rarg"])
    else:
        yield select
