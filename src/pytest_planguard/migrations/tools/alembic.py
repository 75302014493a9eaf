"""``python -m pytest_planguard.migrations.tools.alembic before|record RANGE [JOURNAL]``.

``before`` brings the database to the revision the range starts at; ``record`` goes from there to
its end, writes down what is sent, and then tries the way back.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import event
from sqlalchemy.engine import Engine, make_url

from pytest_planguard.migrations.tools.journal import SETTINGS, Journal
from pytest_planguard.sql.bound import with_literals

_FILES = ("alembic.ini", "migrations/alembic.ini", "alembic/alembic.ini")

_KEPT = ("options", "server_settings")
"""What a project opens its connections with that is not an address."""


def main(arguments: list[str]) -> int:
    """The exit status; what was wrong goes to standard error."""
    verb, wanted, *rest = arguments
    sys.path.insert(0, "")
    config = Config(configuration())
    url = os.environ["PLANGUARD_DATABASE_URL"]
    config.set_main_option("sqlalchemy.url", url.replace("%", "%%"))
    only_to(url)
    script = ScriptDirectory.from_config(config)
    start, end = bounds(script, wanted)
    if verb == "before":
        if start != "base":
            command.upgrade(config, start)
        return 0
    journal = Journal(rest[0], Path.cwd())
    journal.folders = list({Path(one.path).resolve().parent for one in script.walk_revisions()})
    record(config, script, journal, start, end)
    return 0


def configuration() -> str:
    """The project's file: as Alembic's own variable names it, or where projects have it."""
    if named := os.environ.get("ALEMBIC_CONFIG"):
        return named
    found = next((one for one in _FILES if Path(one).is_file()), None)
    if found is None:
        raise SystemExit(f"no configuration of Alembic: looked for {', '.join(_FILES)}")
    return found


def bounds(script: ScriptDirectory, wanted: str) -> tuple[str, str]:
    """Where the range starts and ends; empty: the last revision alone."""
    start, colon, end = wanted.partition(":")
    heads = script.get_heads()
    if len(heads) > 1 and end in ("", "head") and (colon or not start):
        raise SystemExit(
            f"there are several heads, {', '.join(sorted(heads))}: merge them, or name the one "
            "that is meant, --alembic REV:REV"
        )
    if colon:
        return start or "base", end or "heads"
    head = script.get_revision(wanted or "head")
    if head is None:
        return "base", "head"
    below = head.down_revision
    if isinstance(below, tuple):
        raise SystemExit(
            f"the revision {head.revision} merges {', '.join(below)}: name a range, "
            "--alembic REV:REV"
        )
    return str(below or "base"), head.revision


def only_to(url: str) -> None:
    """Whatever address a project's settings have, connections go to one database."""

    @event.listens_for(Engine, "do_connect")
    def _connect(dialect: Any, _: Any, arguments: list[Any], parameters: dict[str, Any]) -> None:
        if dialect.name != "postgresql":
            raise SystemExit(f"the migrations are for {dialect.name}, not for PostgreSQL")
        target = make_url(url).set(drivername=f"postgresql+{dialect.driver}")
        new_arguments, new = dialect.create_connect_args(target)
        kept = {name: parameters[name] for name in _KEPT if name in parameters}
        arguments[:] = new_arguments
        parameters.clear()
        parameters.update({**new, **kept})


def record(config: Config, script: ScriptDirectory, journal: Journal, start: str, end: str) -> None:
    """The way there, written down, and the way back."""
    if start != "base":
        command.stamp(config, start, purge=True)
    listening = _Listening(journal, script)
    try:
        command.upgrade(config, end)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever a migration raises
        listening.over()
        journal.said(failure=_first_line(error))
        return
    listening.over()
    try:
        command.downgrade(config, start)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - likewise
        journal.said(irreversible=_first_line(error))
    else:
        journal.said(returned=True)


class _Listening:
    """Hears what every engine of this process sends."""

    def __init__(self, journal: Journal, script: ScriptDirectory) -> None:
        self._journal = journal
        self._on = True
        journal.place = (journal.relative(Path(script.dir) / "env.py"), 0, "")
        event.listen(Engine, "before_cursor_execute", self._statement)
        event.listen(Engine, "commit", self._commit)
        event.listen(Engine, "rollback", self._rollback)

    def _commit(self, _: Any) -> None:
        if self._on:
            self._journal.commit()

    def _rollback(self, _: Any) -> None:
        if self._on:
            self._journal.rollback()

    def over(self) -> None:
        """What follows is not written down."""
        self._journal.commit()
        self._on = False

    def _statement(
        self, connection: Any, cursor: Any, text: str, values: Any, _: Any, many: bool
    ) -> None:
        if not self._on or _is_the_tools(text):
            return
        raw = connection.connection.dbapi_connection
        self._journal.settings(_settings(raw))
        sets = values if many else [values]
        for one in sets:
            self._journal.statement(
                with_values(connection, cursor, text, one),
                autocommit=bool(getattr(raw, "autocommit", False)),
            )


def _is_the_tools(text: str) -> bool:
    """Alembic's own table, and questions about the catalog."""
    lowered = text.lstrip().lower()
    asks = lowered.startswith(("select", "show")) and (
        "pg_catalog" in lowered or lowered.startswith("show")
    )
    return "alembic_version" in lowered or asks


def _settings(raw: Any) -> dict[str, str]:
    """As the session has them, through a cursor of its own."""
    cursor = raw.cursor()
    found = {}
    for name in SETTINGS:
        cursor.execute(f"SHOW {name}")
        found[name] = str(cursor.fetchone()[0])
    cursor.close()
    return found


def with_values(connection: Any, cursor: Any, text: str, values: Any) -> str:
    """The statement as one text; the driver's own words where it has them.

    Where it has none, parameters whose values have no literal stay: it is told and not traced.
    """
    doubled = "format" in connection.dialect.paramstyle
    if not values:
        return text.replace("%%", "%") if doubled else text
    driver = connection.dialect.driver
    if driver == "psycopg2":
        return str(cursor.mogrify(text, values).decode())
    if driver == "psycopg":
        return _by_psycopg(connection.connection.driver_connection, text, values)
    if doubled or isinstance(values, dict):
        return text
    found = ((number, _literal(one)) for number, one in enumerate(values, 1))
    return with_literals(text, {number: one for number, one in found if one is not None})


def _by_psycopg(raw: Any, text: str, values: Any) -> str:
    import psycopg

    is_async = isinstance(raw, psycopg.AsyncConnection)
    cursor = psycopg.AsyncClientCursor(raw) if is_async else psycopg.ClientCursor(raw)
    return cursor.mogrify(text, values)


def _literal(value: Any) -> str | None:
    """As psycopg writes it; None: it knows no such type."""
    import psycopg
    from psycopg import sql

    try:
        return sql.Literal(value).as_string(None)
    except psycopg.Error:
        return None


def _first_line(error: BaseException) -> str:
    original = getattr(error, "orig", None) or error
    return (str(original).strip() or type(error).__name__).splitlines()[0]


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
