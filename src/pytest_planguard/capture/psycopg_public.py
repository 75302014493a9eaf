"""psycopg's public methods, for versions whose internals are not the ones we know."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from pytest_planguard.capture import psycopg_templates
from pytest_planguard.capture.alarms import let_pass
from pytest_planguard.capture.traces import leave_no_trace

_PLACEHOLDER = re.compile(r"%(?:\((?P<name>[^)]+)\))?(?P<format>[sbt%])")
_RAW = re.compile(r"\$(\d{1,5})")

Dumped: TypeAlias = tuple[tuple[int, ...], Sequence[Any] | None, Sequence[int] | None]


def patch(listener: Any, replace: Callable[[type, str, Any], None]) -> None:
    """Wraps ``execute``, ``executemany``, ``stream`` and ``copy`` of the cursor classes.

    Args:
        listener: A ``psycopg.Listener``; it stands for whose module imports this one.
        replace: Puts a wrapper in place of a class's attribute.
    """
    import psycopg

    kinds = (
        psycopg.Cursor, psycopg.AsyncCursor, psycopg.ServerCursor, psycopg.AsyncServerCursor,
    )  # fmt: skip
    for owner in kinds:
        for name in ("execute", "executemany", "stream", "copy"):
            if name in vars(owner):
                replace(owner, name, functools.partial(_wrap, listener, name))


def _wrap(listener: Any, name: str, original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def heard(cursor: Any, query: Any, params: Any = None, *args: Any, **kwargs: Any) -> Any:
        listener.hear_given(cursor, name, query, params)
        try:
            if params is None:
                return original(cursor, query, *args, **kwargs)
            return original(cursor, query, params, *args, **kwargs)
        except BaseException as error:
            leave_no_trace(error)
            raise

    return heard


def is_stream(cursor: Any, name: str) -> bool:
    """Whether nobody holds the whole result of a method: a server's cursor is fetched from."""
    import psycopg

    servers = (psycopg.ServerCursor, psycopg.AsyncServerCursor)
    return name in {"stream", "copy"} or isinstance(cursor, servers)


def is_raw(cursor: Any) -> bool:
    """Whether a cursor takes PostgreSQL's own placeholders (psycopg 3.2 and later)."""
    import psycopg

    names = ("RawCursor", "AsyncRawCursor", "RawServerCursor", "AsyncRawServerCursor")
    kinds = tuple(getattr(psycopg, name) for name in names if hasattr(psycopg, name))
    return isinstance(cursor, kinds)


def converted(cursor: Any, query: Any, params: Any, *, many: bool = False) -> tuple[bytes, Dumped]:
    """The text with ``$n`` placeholders, and the values as psycopg would send them.

    Of many rows the values are the first one's; an iterator's are left to psycopg.

    Where they cannot be dumped the types are untyped and the values are not kept.
    """
    if psycopg_templates.is_template(query):
        return _of_template(cursor, query)
    if many:
        params = params[0] if isinstance(params, Sequence) and len(params) > 0 else ()
    text = query.as_string(cursor) if hasattr(query, "as_string") else query
    text = text.decode(errors="replace") if isinstance(text, bytes) else str(text)
    if params is None:
        return text.encode(), ((), None, None)
    text, order = (text, _positions(text)) if is_raw(cursor) else numbered(text)
    try:
        values = [params[key] for key in order]
        return text.encode(), _dumped(cursor, values)
    except Exception as error:  # noqa: BLE001 -- psycopg itself will say what is wrong with them
        let_pass(error)
        return text.encode(), ((0,) * len(order), None, None)


def _of_template(cursor: Any, query: Any) -> tuple[bytes, Dumped]:
    try:
        text, values = psycopg_templates.converted(cursor, query)
        return text.encode(), _dumped(cursor, values) if values else ((), None, None)
    except Exception as error:  # noqa: BLE001 -- psycopg itself will say what is wrong with it
        let_pass(error)
        return b"", ((), None, None)


def _positions(text: str) -> list[Any]:
    """The keys of values that a text has PostgreSQL's own placeholders for."""
    return list(range(max((int(number) for number in _RAW.findall(text)), default=0)))


def numbered(text: str) -> tuple[str, list[Any]]:
    """The placeholders of psycopg as PostgreSQL's, and the key of each value.

    >>> numbered("select %(a)s, %(b)s, %(a)s, '%%'")
    ("select $1, $2, $1, '%'", ['a', 'b'])
    >>> numbered("select %s + %s")
    ('select $1 + $2', [0, 1])
    """
    order: list[Any] = []

    def replaced(found: re.Match[str]) -> str:
        if found["format"] == "%" and not found["name"]:
            return "%"
        key: Any = found["name"] or len(order)
        if key not in order:
            order.append(key)
        return f"${order.index(key) + 1}"

    return _PLACEHOLDER.sub(replaced, text), order


def _dumped(cursor: Any, values: Sequence[Any]) -> Dumped:
    from psycopg.adapt import PyFormat, Transformer

    transformer = Transformer(cursor)
    params = transformer.dump_sequence(values, [PyFormat.AUTO] * len(values))
    return tuple(transformer.types or ()), params, transformer.formats
