"""What of a source could not be seen, or is not repeated: few sentences, however many tables."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from pytest_planguard.fixturedb.scale.heights import Trees
from pytest_planguard.fixturedb.scale.pulled import Facts, tablespace_costs

_NAMED = 4
"""Names a sentence gives before it counts."""
_PAGE = 8192


def sentences(facts: Facts, trees: Trees) -> tuple[str, ...]:
    """One sentence a kind of thing."""
    return (
        *_hidden_columns(facts),
        *_extended(facts),
        *_ranges(facts),
        *_own_analyze(facts),
        *_sizes(facts),
        *_trees(facts, trees),
        *_invalid(facts),
        *_dotted(facts),
        *_settings(facts),
    )


def besides(facts: Facts) -> tuple[str, ...]:
    """The same of what no plan depends on."""
    if not facts.standby:
        return ()
    return ("when tables were analysed: the server is a standby, its primary knows",)


def listed(names: Sequence[str]) -> str:
    """A few names, and how many more there are.

    >>> listed(["a", "b"]), listed(list("abcdef"))
    ('a, b', 'a, b, c, d and 2 more')
    """
    shown = ", ".join(names[:_NAMED])
    return shown if len(names) <= _NAMED else f"{shown} and {len(names) - _NAMED:,} more"


def _hidden_columns(facts: Facts) -> Iterator[str]:
    secured, whole, some, indexes = [], [], [], []
    for name, is_index, row_security, all_hidden, columns in facts.rows["hidden"]:
        if is_index:
            indexes.append(name)
        elif row_security:
            secured.append(name)
        elif all_hidden:
            whole.append(name)
        else:
            some += [f"{name}.{column}" for column in columns]
    if whole:
        yield (
            f"columns of {_counted(whole, 'table')} without the right to SELECT (or "
            f"pg_read_all_data): {listed(whole)}"
        )
    if some:
        yield f"{_counted(some, 'column')} without the right to SELECT: {listed(some)}"
    if secured:
        yield f"columns of {_counted(secured, 'table')} under row security: {listed(secured)}"
    if indexes:
        yield (
            f"expressions of {_counted(indexes, 'index', 'indexes')}, which only an owner or "
            f"pg_read_all_data sees: {listed(indexes)}"
        )


def _extended(facts: Facts) -> Iterator[str]:
    seen = {
        name
        for name, _, *numbers in facts.rows["extended_numbers"]
        if any(number is not None for number in numbers)
    } | {name for name, *_ in facts.rows["extended_expressions"]}
    lacking = [name for _, name, *_ in facts.rows["extended"] if name not in seen]
    if lacking and not facts.superuser:
        yield (
            f"extended statistics never analysed, or for their table's owner only: "
            f"{listed(lacking)}"
        )


def _ranges(facts: Facts) -> Iterator[str]:
    version = facts.rows["database"][0][0]
    if version >= 170000 or facts.may_read_statistic:
        return
    columns = [f"{t}.{c}" for t, c, kind, _ in facts.rows["columns"] if "range" in kind]
    if columns:
        yield f"histograms of ranges, which pg_stats shows since 17 only: {listed(columns)}"


def _own_analyze(facts: Facts) -> Iterator[str]:
    found = facts.rows["own_analyze"]
    if found:
        kinds = ", ".join(sorted({kind for *_, kind in found}))
        yield (
            f"what types with an analyze function of their own ({kinds}) keep, which no view "
            f"shows: {listed([f'{relation}.{column}' for relation, column, _ in found])}"
        )


def _sizes(facts: Facts) -> Iterator[str]:
    sized = {name for name, *_ in facts.rows["sizes"]}
    stored = [name for name, kind, *_ in facts.rows["tables"] if kind in {"r", "m"}]
    lacking = [name for name in stored if name not in sized]
    if lacking:
        yield f"file sizes and definitions of what others had locked: {listed(lacking)}"
    block = facts.rows["database"][0][6]
    if block != _PAGE:
        yield f"the server's pages have {block:,} bytes, those of a fixture {_PAGE:,}"


def _trees(facts: Facts, trees: Trees) -> Iterator[str]:
    by_method: dict[str, list[str]] = defaultdict(list)
    for _, name, method, valid, *_, schema in facts.rows["indexes"]:
        qualified = f"{schema}.{name}"
        if valid and qualified not in trees.heights and qualified not in trees.gin:
            by_method[method].append(qualified)
    if by_method["btree"]:
        found = by_method["btree"]
        yield f"heights of {_counted(found, 'btree')}, they are derived: {listed(found)}"
    if by_method["gin"]:
        found = by_method["gin"]
        yield f"page counters of {_counted(found, 'GIN index', 'GIN indexes')}: {listed(found)}"


def _invalid(facts: Facts) -> Iterator[str]:
    names = [f"{row[8]}.{row[1]}" for row in facts.rows["indexes"] if not row[3]]
    if names:
        yield f"invalid indexes at the source serve no query and are left out: {listed(names)}"


def _dotted(facts: Facts) -> Iterator[str]:
    schemas = [
        f'"{name}" ({count:,} table{"s" if count > 1 else ""})'
        for name, count in facts.rows["dotted"]
    ]
    if schemas:
        yield f"schemas with a dot in their name are left out: {listed(schemas)}"


def _settings(facts: Facts) -> Iterator[str]:
    own = [f"{name} = {value}" for name, value, personal in facts.rows["settings"] if personal]
    if own:
        yield f"settings as the role that read them has them: {listed(own)}"
    others = [f"{role}: {name} = {value}" for role, name, value in facts.rows["roles"]]
    if others:
        yield f"settings of roles, which a fixture does not repeat: {listed(others)}"
    spaces = [
        f"{name}: {key} = {value} ({count:,} relations)"
        for name, options, count in facts.rows["tablespaces"]
        for key, value in tablespace_costs(options).items()
    ]
    if spaces:
        yield f"costs of tablespaces, which a fixture does not repeat: {listed(spaces)}"


def _counted(names: Sequence[str], noun: str, plural: str = "") -> str:
    return f"{len(names):,} {noun if len(names) == 1 else plural or noun + 's'}"
