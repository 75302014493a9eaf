"""What a statement does to its session's settings, read off its text; no server is asked."""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from pytest_planguard.capture import texts
from pytest_planguard.capture.lexing import statements_of
from pytest_planguard.capture.samples import to_text
from pytest_planguard.model.connections import TIMEOUTS

_PLANNER_NAMES = """
allow_in_place_tablespaces constraint_exclusion cpu_index_tuple_cost cpu_operator_cost
cpu_tuple_cost cursor_tuple_fraction debug_parallel_query default_statistics_target
effective_cache_size force_parallel_mode from_collapse_limit geqo geqo_effort
geqo_generations geqo_pool_size geqo_seed geqo_selection_bias geqo_threshold
hash_mem_multiplier jit jit_above_cost jit_inline_above_cost jit_optimize_above_cost
join_collapse_limit max_parallel_workers max_parallel_workers_per_gather
min_parallel_index_scan_size min_parallel_table_scan_size parallel_leader_participation
parallel_setup_cost parallel_tuple_cost plan_cache_mode random_page_cost
recursive_worktable_factor row_security seq_page_cost temp_buffers work_mem
"""
PLANNER = frozenset(_PLANNER_NAMES.split())
"""Settings that planning depends on (PostgreSQL 18, Query Planning, Resource Consumption);
those that begin with ``enable_``, and an application's own, are told by their names."""

_WORDS = frozenset(
    b"set reset discard begin start commit end rollback abort savepoint release prepare".split()
)
REMEMBERED = 1_024
"""Bytes of a text up to which its effects are remembered: nearly all have none."""
SHORT = 4_096
"""Bytes up to which a text is split where it holds several statements."""
_NAME = rb'[\w.]+|"[^"]+"'
_SET = re.compile(
    rb"set\s+(?:(local|session)\s+(?!authorization|characteristics))?"
    rb"(role|session\s+authorization|(?:" + _NAME + rb"))\s*(?:\bto\b|=|\s)\s*(.*?)\s*$",
    re.IGNORECASE | re.DOTALL,
)
_LEVEL = re.compile(
    rb"isolation\s+level\s+(serializable|repeatable\s+read|read\s+(?:un)?committed)", re.IGNORECASE
)
_RESET = re.compile(rb"reset\s+(session\s+authorization|[\w.]+)", re.IGNORECASE)
_SAVEPOINT = re.compile(
    rb"(?:savepoint|release(?:\s+savepoint)?"
    rb"|(?:rollback|abort)(?:\s+(?:work|transaction))?\s+to(?:\s+savepoint)?)"
    rb'\s+("[^"]+"|\w+)',
    re.IGNORECASE,
)
_ARGUMENT = rb"(\$\d+|e?'(?:[^']|'')*'|true|false)(?:\s*::\s*\w+)?"
_CONFIG = re.compile(
    rb"set_config\s*\(\s*" + _ARGUMENT + rb"\s*,\s*" + _ARGUMENT + rb"\s*,\s*" + _ARGUMENT,
    re.IGNORECASE,
)
_ITEM = re.compile(r"""\s*("(?:[^"]|"")*"|'(?:[^']|'')*'|[^,\s]+)\s*""")
_PLAIN = re.compile(r"[a-z_][a-z0-9_$]*$")
_DEFAULT_LEVEL = "read committed"
_QUERIES = frozenset(b"select insert update delete merge with values table".split())
_CALL = re.compile(rb"(\binto\s+)?([\w.\"\x80-\xff]+)\s*\(")
"""What stands before a parenthesis; behind INTO it is a table."""
_SETTING_NOTHING_NAMES = b"""
all and any array array_agg as avg between bool_and bool_or by case cast char character coalesce
concat conflict count cube current_timestamp date_part date_trunc decimal dense_rank distinct else
except exists extract filter floor from generate_series greatest group grouping having if in
intersect interval join json_agg json_build_object jsonb_agg jsonb_build_object key lag lateral
lead least left length like limit lower max min not now ntile nullif numeric offset on or order
over overlaps partition percent_rank position precision rank recursive replace returning right
rollup round row row_number select set sets similar some string_agg substr substring sum then time
timestamp to_char to_date to_timestamp trim union unnest upper using values varchar varying when
where with within
"""
_SETTING_NOTHING = frozenset(_SETTING_NOTHING_NAMES.split())
"""Words and functions of PostgreSQL's that a parenthesis follows (its documentation, Appendix C,
and chapter 9)."""


class Effect(NamedTuple):
    """One thing a statement does."""

    verb: str
    """``set``, ``local`` (until the transaction ends), ``reset``, ``config``, ``begin``,
    ``commit``, ``rollback``, ``savepoint``, ``release``, ``return`` (to a savepoint)."""
    name: str = ""
    """Of the setting or savepoint; empty: all."""
    value: str = ""
    arguments: tuple[bytes, ...] = ()
    """Of ``config``: as they are written, ``$n`` for a parameter."""


@functools.lru_cache(maxsize=10_000)
def effects_of(text: bytes) -> tuple[Effect, ...]:
    """What a text does to its session.

    Args:
        text: As it is sent; ``__wrapped__`` is for long ones, which are not to be remembered.
    """
    controls = texts.first_word(text) in _WORDS
    if not controls and (b";" not in text or len(text) > SHORT):
        return _configs(text)
    parts = statements_of(text)
    return tuple(effect for part in parts for effect in (*_control(part), *_configs(part)))


def is_plain(text: bytes) -> bool:
    """Whether a text changes nothing of its session, whatever values a client writes into it."""
    effects = effects_of(text) if len(text) <= REMEMBERED else effects_of.__wrapped__(text)
    return not effects and b"set_config" not in text.lower()


def is_query(text: bytes) -> bool:
    """Whether a statement is one that reads or writes rows, by its first word."""
    return texts.first_word(text) in _QUERIES


def may_set(text: bytes) -> bool:
    """Whether a statement may change settings without saying so: a function that it calls could.

    Of PostgreSQL's own functions ``set_config`` alone does, and the most usual ones are known here;
    that a trigger may is left aside, until something else of the session's is sent.

    >>> may_set(b"SELECT count(*) FROM a WHERE b IN (1)"), may_set(b"SELECT enter_tenant(5)")
    (False, True)
    """
    return len(text) > SHORT or _is_call(text.lower())


def _is_call(low: bytes) -> bool:
    if not is_query(low) or b";" in low:
        return True
    return any(name not in _SETTING_NOTHING for into, name in _CALL.findall(low) if not into)


def _configs(text: bytes) -> tuple[Effect, ...]:
    if b"set_config" not in text and b"SET_CONFIG" not in text:
        return ()
    return tuple(Effect("config", arguments=found.groups()) for found in _CONFIG.finditer(text))


def _control(text: bytes) -> list[Effect]:
    word = texts.first_word(text)
    if word not in _WORDS:
        return []
    text = text[text.lower().index(word) :].rstrip(b"; \t\r\n")
    if word == b"set":
        return _set(text)
    if word == b"reset":
        found = _RESET.match(text)
        return [Effect("reset", _name(found[1]))] if found else []
    if word == b"discard":
        return [Effect("reset", "all")] if re.search(rb"\ball\b", text, re.IGNORECASE) else []
    if word in {b"begin", b"start"}:
        return [Effect("begin"), *_level(text, "local")]
    if word in {b"commit", b"end"} or word == b"prepare":
        prepares = word != b"prepare" or text[7:].strip()[:11].lower() == b"transaction"
        return [Effect("commit")] if prepares else []
    found = _SAVEPOINT.match(text)
    if word in {b"rollback", b"abort"}:
        return [Effect("return", to_text(found[1]))] if found else [Effect("rollback")]
    verb = "savepoint" if word == b"savepoint" else "release"
    return [Effect(verb, to_text(found[1]))] if found else []


def _set(text: bytes) -> list[Effect]:
    low = b" ".join(text[:60].lower().split())
    if low.startswith(b"set transaction"):
        return _level(text, "local")
    if low.startswith(b"set session characteristics"):
        return _level(text, "set")
    found = _SET.match(text)
    if found is None:
        return []
    scope, raw, value = found.groups()
    name = _name(raw)
    verb = "local" if scope and scope.lower() == b"local" else "set"
    if name == "search_path":
        return [Effect(verb, name, path_of(to_text(value)))] if _is_value(value) else [
            Effect("reset", name)]  # fmt: skip
    if not _is_value(value) or (name == "role" and value.lower() == b"none"):
        return [Effect("reset" if verb == "set" else "local", name)]
    return [Effect(verb, name, unquoted(to_text(value)))]


def _level(text: bytes, verb: str) -> list[Effect]:
    found = _LEVEL.search(text)
    return [Effect(verb, "isolation", to_text(found[1]))] if found else []


def _is_value(value: bytes) -> bool:
    return value.lower() != b"default"


def _name(raw: bytes) -> str:
    """A setting's name; who a session acts as has two ways of being said."""
    name = " ".join(to_text(raw).strip('"').lower().split())
    return {"session authorization": "role", "default_transaction_isolation": "isolation"}.get(
        name, name
    )


def unquoted(value: str) -> str:
    """The value a literal, a name or a number stands for.

    >>> unquoted("'64MB'"), unquoted("on"), unquoted("'it''s'"), unquoted('"App"')
    ('64MB', 'on', "it's", 'App')
    """
    if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"":
        return value[1:-1].replace(value[0] * 2, value[0])
    return value


def path_of(value: str) -> str:
    """A search_path as ``set_config`` takes it, of what ``SET`` was given.

    >>> path_of("tenant_a,public"), path_of("'tenant_a', '$user'"), path_of('"Tenant A"')
    ('tenant_a, public', 'tenant_a, "$user"', '"Tenant A"')
    """
    items = []
    for item in _ITEM.findall(value):
        name = unquoted(item) if item[0] == "'" else item
        plain = item[0] != "'" or _PLAIN.match(name)
        items.append(name if plain else '"{}"'.format(name.replace('"', '""')))
    return ", ".join(items)


def arguments(effect: Effect, params: Sequence[Any] | None) -> tuple[str, str, bool] | None:
    """Name, value and whether it is local, of a call of ``set_config``.

    Returns:
        None where a value is not known.
    """
    found = []
    for argument in effect.arguments:
        if argument[:1] != b"$":
            found.append(unquoted(to_text(argument).removeprefix("E").removeprefix("e")))
            continue
        number = int(argument[1:])
        value = params[number - 1] if params and number <= len(params) else None
        if value is None:
            return None
        found.append(to_text(bytes(value)))
    name, value, local = found
    return _name(name.encode()), value, local.lower() in {"true", "t", "\x01"}


def matters(name: str) -> bool:
    """Whether plans may depend on a setting.

    >>> matters("work_mem"), matters("enable_sort"), matters("app.tenant"), matters("timezone")
    (True, True, True, False)
    """
    return name in PLANNER or name.startswith("enable_") or "." in name


def limits(name: str, value: str) -> bool:
    """Whether a setting ends what takes too long; of all units 0 is none.

    >>> limits("statement_timeout", "30s"), limits("lock_timeout", "0ms"), limits("work_mem", "1MB")
    (True, False, False)
    """
    return name in TIMEOUTS and value.strip().rstrip("abcdefghijklmnopqrstuvwxyz ") not in {"", "0"}


def isolation_of(value: str) -> str | None:
    """A level as the report names it; None for PostgreSQL's own default."""
    level = " ".join(value.lower().replace("_", " ").split())
    return None if level in {"", _DEFAULT_LEVEL, "default"} else level
