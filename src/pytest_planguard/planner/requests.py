"""What is sent to the planner for a query: deciding, without a server."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from pytest_planguard.model.plan import Drawn, Plan, SampleKind
from pytest_planguard.model.query import Query, Variant
from pytest_planguard.model.statement import Sample
from pytest_planguard.planner.common import Common
from pytest_planguard.planner.parameters import (
    LIMIT_CLASSES,
    Choice,
    Values,
    readable,
    sizes_of,
    to_class,
)
from pytest_planguard.planner.wire import Prepare, Run, Step, literal
from pytest_planguard.sql.statement_text import inline
from pytest_planguard.sql.types import BOOLEAN

DEFAULT_SEARCH_PATH = '"$user", public'
"""PostgreSQL's own; what the fixture's sessions start with."""

EXPLAIN = "EXPLAIN (FORMAT JSON, VERBOSE, SETTINGS)"


Preparation = tuple[str, tuple[str | None, ...], str | None, tuple[tuple[str, str], ...]]
"""A text, its types, and the session it is analysed in."""


class Request(msgspec.Struct, frozen=True):
    """One statement to plan, once or with several lists of values."""

    query: int
    """Position of the query among those asked for."""
    variant: int
    sample: SampleKind
    text: str
    types: tuple[str | None, ...]
    search_path: str | None
    settings: Mapping[str, str]
    values: tuple[Values, ...]
    """One plan for each; for a generic plan a single list of NULLs."""
    sizes: tuple[str, ...] = ("",)
    """As ``Plan.sizes``, for each list of values."""
    drawn: tuple[Drawn | None, ...] = (None,)
    """As ``Plan.drawn``, for each list of values."""

    @property
    def preparation(self) -> Preparation:
        """What is prepared for it; requests with the same one can share it."""
        return self.text, self.types, self.search_path, tuple(sorted(self.settings.items()))


class Steps(msgspec.Struct, frozen=True):
    """A unit to send, and which of its answers are plans."""

    unit: tuple[Step, ...]
    plans: tuple[int, ...]


def generic(position: int, number: int, variant: Variant) -> Request:
    """The request for a plan without values.

    LIMIT, OFFSET and booleans stay literal, as the tests sent them: without its LIMIT a page of
    20 rows is planned as a tenth of the table (measured: cost 32,227 against 1.24), and a
    boolean decides whether a partial index serves. A list sent as one array is what the server
    makes of it: ten items (``estimate_array_length``), by which it decides against or for this
    plan; one that is written out has its length in the text.
    """
    text, types = variant.plannable, variant.parameter_types
    sizes = ""
    if types:
        wanted = {*variant.literal, *(n for n, name in enumerate(types, 1) if name == BOOLEAN)}
        values = _largest(variant.samples, types, wanted)
        text = inline(text, variant.spans, values)
        limits = [values[n].strip("'") for n in variant.literal if n in values]
        sizes = ", ".join(f"limit {value}" for value in limits)
        # an untyped parameter that is no longer used would have no type at all
        types = tuple(name or ("25" if n in values else None) for n, name in enumerate(types, 1))
    return Request(
        position, number, SampleKind.GENERIC, text, types, variant.session.search_path,
        variant.session.settings, (tuple(None for _ in types),), (sizes,),
    )  # fmt: skip


def unpruned(request: Request) -> Request:
    """The same with every partition in its plan.

    A plan without values is shown as it would run with NULLs: where the partition key is a
    parameter no partition is left, and none of the conditions on them.
    """
    settings = {**request.settings, "enable_partition_pruning": "off"}
    return msgspec.structs.replace(request, settings=settings)


def as_sent(position: int, query: Query) -> list[Request]:
    """Requests for a query's texts as the client sent them, with its values in them."""
    return [
        Request(
            position, number, SampleKind.CAPTURED, variant.as_sent, (),
            variant.session.search_path, variant.session.settings, ((),),
        )
        for number, variant in enumerate(query.variants)
        if variant.as_sent
    ]  # fmt: skip


def captured(
    position: int, number: int, variant: Variant, choices: Sequence[Choice]
) -> list[Request]:
    """The requests for plans with captured values: one for each list of types."""
    by_types: dict[tuple[str | None, ...], list[Values]] = {}
    for choice in choices:
        by_types.setdefault(choice.types, []).append(choice.values)
    return [
        _with_values(position, number, variant, SampleKind.CAPTURED, types, values)
        for types, values in by_types.items()
    ]


def common(position: int, number: int, variant: Variant, found: Sequence[Common]) -> list[Request]:
    """The requests for plans with common values."""
    return [
        msgspec.structs.replace(
            _with_values(
                position, number, variant, SampleKind.COMMON, one.choice.types, [one.choice.values]
            ),
            drawn=(one.drawn,),
        )
        for one in found
    ]


def _with_values(
    position: int,
    number: int,
    variant: Variant,
    sample: SampleKind,
    types: tuple[str | None, ...],
    values: Sequence[Values],
) -> Request:
    return Request(
        position, number, sample, variant.plannable, types,
        variant.session.search_path, variant.session.settings, tuple(values),
        tuple(sizes_of(one, variant.literal) for one in values), (None,) * len(values),
    )  # fmt: skip


def again(position: int, query: Query, plan: Plan) -> Request:
    """The request that made a plan, once more."""
    variant = query.variants[plan.variant]
    if plan.values is None:
        return generic(position, plan.variant, variant)
    types = plan.types or variant.parameter_types
    text = variant.plannable
    if variant.as_sent and not plan.types:  # the server had refused the text with parameters
        text, types = variant.as_sent, ()
    return Request(
        position, plan.variant, plan.sample, text, types,
        variant.session.search_path, variant.session.settings, (plan.values,), (plan.sizes,),
        (plan.drawn,),
    )  # fmt: skip


def steps(request: Request, name: str, oids: Mapping[str, int], *, prepared: bool = False) -> Steps:
    """The unit of wire steps for a request.

    Args:
        request: What to plan.
        name: Of the prepared statement.
        oids: Types that are not built in, by name; unknown ones are left to the server.
        prepared: The session has it already, made under the same ``search_path``; else the name
            must be unused so far.
    """
    unit: list[Step] = []
    if request.search_path and request.search_path != DEFAULT_SEARCH_PATH:
        unit.append(_set("search_path", request.search_path))
    unit += [_set(key, value) for key, value in sorted(request.settings.items())]
    if not request.types:
        unit.append(Run(f"{EXPLAIN} {request.text}"))
        return Steps(tuple(unit), (len(unit) - 1,))
    if not prepared:
        unit.append(Prepare(name, request.text, tuple(_oid(item, oids) for item in request.types)))
    first = len(unit)
    for values in request.values:
        arguments = ", ".join(literal(value) for value in values)
        unit.append(Run(f"{EXPLAIN} EXECUTE {name}({arguments})"))
    return Steps(tuple(unit), tuple(range(first, len(unit))))


def _set(name: str, value: str) -> Run:
    return Run(f"SELECT set_config({literal(name)}, {literal(value)}, true)")


def _oid(name: str | None, oids: Mapping[str, int]) -> int:
    if name is None:
        return 0
    return int(name) if name.isdigit() else oids.get(name, 0)


def _largest(
    samples: Sequence[Sample], types: Sequence[str | None], wanted: set[int]
) -> dict[int, str]:
    """The largest captured value of each parameter that is to be a literal."""
    found: dict[int, str] = {}
    for sample in samples:
        values = readable(sample, types)
        for number in wanted:
            value = values[number - 1] if values and number <= len(values) else None
            value = to_class(value, LIMIT_CLASSES) if types[number - 1] != BOOLEAN else value
            if value is None:
                continue
            best = found.get(number)
            if best is None or (len(value), value) > (len(best), best):
                found[number] = value
    return {
        number: f"{literal(value)}::boolean" if types[number - 1] == BOOLEAN else literal(value)
        for number, value in found.items()
    }
