"""SQLAlchemy over a driver that is not listened to: its statements are heard above the driver."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from pytest_planguard.capture.connection import ConnectionParameters
from pytest_planguard.capture.psycopg_public import numbered
from pytest_planguard.capture.recorder import Recorder
from pytest_planguard.capture.sessions import Connections, Known, is_own
from pytest_planguard.capture.values import written

if TYPE_CHECKING:
    from pytest_planguard.capture.origin import Site

HEARD = frozenset(("psycopg", "psycopg_async", "psycopg2", "asyncpg"))
"""SQLAlchemy's names of the drivers that are listened to themselves."""

_NAMES = {
    "host": "host", "port": "port", "username": "user", "database": "dbname",
    "password": "password",
}  # fmt: skip
"""libpq's names of the parts of an engine's URL."""

Converted = tuple[bytes, list[Sequence[Any] | None]]


class Level:
    """Records what engines over unknown drivers send.

    Args:
        recorder: Where it goes.
    """

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._connections: Connections[Known] = Connections(lambda _: None)
        """By the driver's own connection."""

    def said(self, connection: Any, text: bytes) -> None:
        """A connection begins or ends a transaction by itself."""
        known = self._known(connection)
        if known is not None:
            known.follower.follow(text)

    def _known(self, connection: Any) -> Known | None:
        raw = connection.connection.dbapi_connection
        entry = self._connections.find(id(raw))
        if entry is not None:
            return entry[1]
        known = _meet(connection.engine.url, connection.dialect)
        with suppress(TypeError):  # no weak reference can be made: its settings are not followed
            self._connections.add(raw, known)
        return known

    def follow(self, connection: Any, statement: str, parameters: Any) -> None:
        """Hears only what a statement does to its session."""
        known = self._known(connection)
        if known is not None:
            text, (values, *_) = converted(
                statement, _rows(parameters), connection.dialect.paramstyle
            )
            found = written(values) if values else None
            known.follower.follow(text, found[0] if found else None)

    def record(
        self,
        connection: Any,
        statement: str,
        parameters: Any,
        *,
        many: bool,
        before: Site | None,
    ) -> Site | None:
        """Counts one execution with its rows.

        Args:
            connection: SQLAlchemy's.
            statement: As the driver is given it.
            parameters: Likewise; a list of them where there are many rows.
            many: The rows of one call.
            before: Where the same call came from, if some of it was counted already.

        Returns:
            Where it came from; None where it is not counted.
        """
        known = self._known(connection)
        if known is None:
            return None
        driver = connection.dialect.driver
        self._recorder.note(
            f"planguard does not know the driver {driver}: what SQLAlchemy gave it was captured, "
            "what the application gives it directly was not"
        )
        text, values = converted(statement, _rows(parameters), connection.dialect.paramstyle)
        first = written(values[0]) if values and values[0] else None
        state = known.follower.follow(text, first[0] if first else None)
        session = known.sessions.get(state) or known.session(
            self._recorder, driver, state, state, state.path
        )
        site = before
        for row in values:
            found = written(row) if row else None
            params, formats = found or (None, None)
            site = self._recorder.record(
                text, (0,) * len(row or ()), params, formats, session, many=many, site=site
            ) or site  # fmt: skip
        return site


def is_heard(dialect: Any) -> bool:
    """Whether what a dialect sends is heard at its driver."""
    return dialect.driver in HEARD and dialect.name == "postgresql"


def is_unknown(dialect: Any) -> bool:
    """Whether what a dialect sends to PostgreSQL is heard here, and nowhere else."""
    return dialect.name == "postgresql" and dialect.driver not in HEARD


def is_batch(context: Any) -> bool:
    """Whether a statement holds rows of an insert that may be sent in several."""
    style = getattr(context, "execute_style", None)
    return getattr(style, "name", "") == "INSERTMANYVALUES"


def converted(statement: str, rows: Sequence[Any], style: str) -> Converted:
    """A text with ``$n`` placeholders, and the values of each row in their order.

    >>> converted("select %s, '%%'", [(5,)], "format")
    (b"select $1, '%'", [[5]])
    >>> converted("select %(a)s", [{"a": 5}, {"a": 6}], "pyformat")
    (b'select $1', [[5], [6]])
    >>> converted("select $1", [(5,)], "numeric_dollar")
    (b'select $1', [(5,)])
    """
    if style not in {"format", "pyformat"}:
        return statement.encode(errors="replace"), [
            row if isinstance(row, list | tuple) else None for row in rows
        ]
    text, order = numbered(statement)
    return text.encode(errors="replace"), [
        [row[key] for key in order] if row is not None and order else None for row in rows
    ]


def _rows(parameters: Any) -> Sequence[Any]:
    """The rows of what a statement was given; of one, itself."""
    is_list = isinstance(parameters, list) and bool(parameters)
    return parameters if is_list and _is_row(parameters[0]) else [parameters]


def _is_row(value: Any) -> bool:
    return isinstance(value, list | tuple | Mapping)


def _meet(url: Any, dialect: Any) -> Known | None:
    """What an engine's URL says of its connections; None for planguard's own."""
    values = {ours: str(getattr(url, name)) for name, ours in _NAMES.items() if getattr(url, name)}
    query = {name: str(value) for name, value in url.query.items()}
    if is_own(query.get("application_name", "")):
        return None
    values = {**query, **values}
    values.setdefault("dbname", values.get("user", ""))
    if "unix_sock" in values:  # pg8000's
        values["host"], _, name = values.pop("unix_sock").rpartition("/")
        values["port"] = name.rpartition(".")[2]
    return Known(
        ConnectionParameters(values, dialect.driver, {"connect": lambda: _connect(url, dialect)}),
        reports_path=False,
    )


def _connect(url: Any, dialect: Any) -> Any:
    """A connection of the driver itself, that no engine knows of."""
    arguments, options = dialect.create_connect_args(url)
    return dialect.loaded_dbapi.connect(*arguments, **options)
