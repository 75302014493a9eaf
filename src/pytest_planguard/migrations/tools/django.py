"""``python -m pytest_planguard.migrations.tools.django before|record [APP[:FROM[:TO]]] [JOURNAL]``.

``before`` brings the database to the migration FROM of the app (to the one before its last, where
none is named); ``record`` goes from there to TO, or to the app's last one, writes down what is
sent, and then tries the way back. Without an app, every app of the project is meant that has a last
one. FROM may be ``zero``, as in Django: nothing of the app is there.
"""

from __future__ import annotations

import ast
import os
import re
import sys
from pathlib import Path
from typing import Any

from pytest_planguard.migrations.tools.journal import SETTINGS, Journal

_SETTINGS_MODULE = re.compile(r"DJANGO_SETTINGS_MODULE[\"']?\s*[,=]\s*[\"']?([\w.]+)")
_WHERE = ("manage.py", "pyproject.toml", "pytest.ini", "tox.ini", "setup.cfg")

Node = tuple[str, str]
"""App and migration."""

_ZERO: Any = None
"""In place of a migration: none of the app's."""


def main(arguments: list[str]) -> int:
    """The exit status; what was wrong goes to standard error."""
    verb, wanted, *rest = arguments
    sys.path.insert(0, str(Path.cwd()))
    connection = opened(os.environ["PLANGUARD_DATABASE_URL"])
    from django.db.migrations.executor import MigrationExecutor

    executor = MigrationExecutor(connection)
    app, start, end = [*wanted.split(":"), "", ""][:3]
    last = chosen(executor.loader, app, end)
    first = before(executor.loader, last, start)
    if verb == "before":
        executor.migrate(first)
        return 0
    applied(executor, first)
    record(connection, first, last, Journal(rest[0], Path.cwd()))
    return 0


def opened(url: str) -> Any:
    """The default connection, led to one database, whatever the settings say of it."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", _settings_module())
    import django
    from django.conf import settings
    from psycopg.conninfo import conninfo_to_dict

    known = conninfo_to_dict(url)
    address = {
        "NAME": known.get("dbname", ""),
        "USER": known.get("user", ""),
        "PASSWORD": known.get("password", ""),
        "HOST": known.get("host", ""),
        "PORT": str(known.get("port", "")),
    }
    for name, values in settings.DATABASES.items():
        if "postgresql" in values.get("ENGINE", "") or "postgis" in values.get("ENGINE", ""):
            values.update(address)
        elif name == "default":
            raise SystemExit(f"the migrations are for {values.get('ENGINE')}, not for PostgreSQL")
    django.setup()
    from django.db import connection

    return connection


def _settings_module() -> str:
    """As manage.py names it, or the configuration of pytest-django."""
    for path in filter(Path.exists, map(Path, _WHERE)):
        if (found := _SETTINGS_MODULE.search(path.read_text(encoding="utf-8"))) is not None:
            return found[1]
    raise SystemExit("no settings: set DJANGO_SETTINGS_MODULE, or run it where manage.py is")


def chosen(loader: Any, app: str, end: str = "") -> list[Node]:
    """The last migrations of an app, or of every app of the project; or the one that is named.

    Two of one app are two heads, which Django refuses as well.
    """
    conflicts = loader.detect_conflicts()
    if conflicts:
        names = "; ".join(f"{one}: {', '.join(found)}" for one, found in conflicts.items())
        raise SystemExit(f"several last migrations, merge them first: {names}")
    nodes: list[Node] = loader.graph.leaf_nodes(app or None)
    if app and not nodes:
        raise SystemExit(f'there is no app "{app}" with migrations')
    if app and end:
        return [(app, loader.get_migration_by_prefix(app, end).name)]
    own = [node for node in nodes if app or _is_of_the_project(loader, node)]
    return own or nodes


def _is_of_the_project(loader: Any, node: Node) -> bool:
    file = sys.modules[loader.get_migration(*node).__module__].__file__ or ""
    return "site-packages" not in file


def before(loader: Any, last: list[Node], wanted: str) -> list[Node]:
    """The state the range starts from."""
    if wanted == "zero":
        return [(app, _ZERO) for app, _ in last]
    if wanted:
        (app, _), *_ = last
        return [(app, loader.get_migration_by_prefix(app, wanted).name)]
    found: list[Node] = []
    for app, name in last:
        parents = loader.graph.node_map[app, name].parents
        own = [one.key for one in parents if one.key[0] == app]
        found += own or [(app, _ZERO)]
    return found


def applied(executor: Any, targets: list[Node]) -> None:
    """Says in Django's own table that the database is at these migrations."""
    executor.recorder.ensure_schema()
    plan = executor.migration_plan(targets, clean_start=True)
    for migration, _ in plan:
        executor.recorder.record_applied(migration.app_label, migration.name)


def record(connection: Any, first: list[Node], last: list[Node], journal: Journal) -> None:
    """The way there, written down, and the way back."""
    from django.db.migrations.executor import MigrationExecutor

    listening = _Listening(connection, journal)
    try:
        with connection.execute_wrapper(listening.statement):
            _Executor(MigrationExecutor, listening).of(connection).migrate(last)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever a migration raises
        journal.commit()
        journal.said(failure=_first_line(error))
        return
    journal.commit()
    try:
        MigrationExecutor(connection).migrate(first)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - likewise
        journal.said(irreversible=_first_line(error))
    else:
        journal.said(returned=True)


class _Executor:
    """Tells which migration's statements follow."""

    def __init__(self, kind: Any, listening: _Listening) -> None:
        self._kind = kind
        self._listening = listening

    def of(self, connection: Any) -> Any:
        """An executor that does."""
        listening = self._listening

        class Executor(self._kind):  # type: ignore[misc, name-defined]  # known when it runs
            def apply_migration(self, state: Any, migration: Any, **more: Any) -> Any:
                listening.begins(migration)
                done = super().apply_migration(state, migration, **more)
                listening.ends()
                return done

        return Executor(connection)


class _Listening:
    """Hears what one connection sends."""

    def __init__(self, connection: Any, journal: Journal) -> None:
        self._connection = connection
        self._journal = journal
        self._asking = False

    def begins(self, migration: Any) -> None:
        """What follows is one migration's; its operations know their lines."""
        file = Path(sys.modules[migration.__module__].__file__ or "")
        self._journal.folders = [file.resolve().parent]
        name = self._journal.relative(file)
        lines = operation_lines(file.read_text(encoding="utf-8"))
        self._journal.place = (name, lines[0] if lines else 1, "Migration")
        for operation, line in zip(migration.operations, lines, strict=False):
            self._follow(operation, name, line)

    def _follow(self, operation: Any, name: str, line: int) -> None:
        forwards = operation.database_forwards

        def placed(*arguments: Any, **more: Any) -> Any:
            self._journal.place = (name, line, type(operation).__name__)
            return forwards(*arguments, **more)

        operation.database_forwards = placed

    def ends(self) -> None:
        """A migration is over, and so is its transaction."""
        self._journal.commit()

    def statement(self, execute: Any, sql: Any, values: Any, many: bool, context: Any) -> Any:
        """Writes one down and sends it."""
        text = str(sql)
        if not self._asking and not _is_the_tools(text):
            self._settings()
            for one in values if many else [values]:
                self._journal.statement(
                    self._with_values(sql, one), autocommit=not self._connection.in_atomic_block
                )
        return execute(sql, values, many, context)

    def _settings(self) -> None:
        self._asking = True
        found = {}
        with self._connection.cursor() as cursor:
            for name in SETTINGS:
                cursor.execute(f"SHOW {name}")
                found[name] = str(cursor.fetchone()[0])
        self._journal.settings(found)
        self._asking = False

    def _with_values(self, sql: Any, values: Any) -> str:
        """The statement as one text, in the driver's own words."""
        if not values:
            return str(sql)
        return str(self._connection.ops.compose_sql(sql, values))


def operation_lines(text: str) -> list[int]:
    r"""The first line of each operation of a migration, where they are written as a list.

    >>> operation_lines("class Migration:\n    operations = [\n        A(),\n        B()]")
    [3, 4]
    """
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.List | ast.Tuple):
            names = [one.id for one in node.targets if isinstance(one, ast.Name)]
            if names == ["operations"]:
                return [one.lineno for one in node.value.elts]
    return []


def _is_the_tools(text: str) -> bool:
    """Django's own table, and questions about the catalog."""
    lowered = text.lstrip().lower()
    asks = lowered.startswith("select") and ("pg_catalog" in lowered or "from pg_" in lowered)
    return "django_migrations" in lowered or asks


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
