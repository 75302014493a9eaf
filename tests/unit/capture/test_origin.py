from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from pytest_planguard.capture.files import Files
from pytest_planguard.capture.origin import OriginFinder
from pytest_planguard.model.statement import Layer, Origin


def function(
    path: Path | str, name: str = "call", module: str = "module", **names: object
) -> Callable[..., Any]:
    """A function of another file that calls what it is given."""
    namespace: dict[str, Any] = {"__name__": module, **names}
    exec(
        compile(f"def {name}(inner, *rest):\n    return inner(*rest)\n", str(path), "exec"),
        namespace,
    )
    return namespace[name]


@pytest.fixture
def origin_of(tmp_path: Path) -> Callable[..., Origin]:
    """The origin of a stack of files, outermost first."""
    finder = OriginFinder(Files(tmp_path))

    def run(*stack: str) -> Origin:
        def ask() -> Origin:
            frame: FrameType | None = sys._getframe(1)
            return finder.find((frame,)).origin

        calls = [function(tmp_path / name, module=Path(name).stem) for name in stack]
        runner = function("/x/site-packages/_pytest/python.py")
        return runner(*calls, ask)

    return run


LIB = "/x/site-packages/"


def test_the_innermost_line_of_the_application_asked(origin_of: Callable[..., Origin]) -> None:
    found = origin_of("tests/test_a.py", "app/api.py", "app/orders.py", LIB + "sqlalchemy/orm.py")
    assert found == Origin("app/orders.py", 2, "call", Layer.APPLICATION)


def test_the_application_wins_over_a_helper_of_the_suite(origin_of: Callable[..., Origin]) -> None:
    found = origin_of("app/api.py", "tests/helper.py")
    assert found.file == "app/api.py"


def test_without_the_application_it_is_the_innermost_test_code(
    origin_of: Callable[..., Origin],
) -> None:
    found = origin_of("tests/test_a.py", "tests/factories.py", LIB + "sqlalchemy/orm.py")
    assert (found.file, found.layer) == ("tests/factories.py", Layer.TEST)


def test_a_library_that_asks_by_itself_is_named(origin_of: Callable[..., Origin]) -> None:
    found = origin_of(LIB + "celery/worker.py", LIB + "kombu/db.py", LIB + "sqlalchemy/orm.py")
    assert found == Origin("lib:celery", 0, "", Layer.LIBRARY)


def test_a_driver_alone_is_named_too(origin_of: Callable[..., Origin]) -> None:
    assert origin_of(LIB + "psycopg_pool/pool.py").file == "lib:psycopg_pool"


def test_a_pytest_plugin_is_the_suites_own(origin_of: Callable[..., Origin]) -> None:
    found = origin_of(LIB + "pytest_postgresql/janitor.py", LIB + "psycopg/cursor.py")
    assert (found.file, found.layer) == ("lib:pytest_postgresql", Layer.TEST)


def test_an_origin_is_the_same_object_each_time(tmp_path: Path) -> None:
    finder = OriginFinder(Files(tmp_path))
    app = function(tmp_path / "app.py")
    sites = {app(lambda: finder.find((sys._getframe(1),))) for _ in range(2)}
    assert len(sites) == 1


def test_a_comprehension_counts_as_its_function(tmp_path: Path) -> None:
    finder = OriginFinder(Files(tmp_path))
    source = "class A:\n    def go(self, ask):\n        return [ask() for _ in range(1)][0]\n"
    namespace: dict[str, Any] = {"__name__": "app"}
    exec(compile(source, str(tmp_path / "app.py"), "exec"), namespace)
    found = namespace["A"]().go(lambda: finder.find((sys._getframe(1),)))
    assert found.origin == Origin("app.py", 3, "A.go", Layer.APPLICATION)


def stack_of(finder: OriginFinder, *calls: Callable[..., Any]) -> Origin:
    """The origin below these calls, outermost first, all inside of pytest."""
    runner = function("/x/site-packages/_pytest/python.py")
    found: Origin = runner(*calls, lambda: finder.find((sys._getframe(1),)).origin)
    return found


DISPATCH = function(
    LIB + "django/core/handlers/base.py", "_get_response", "django.core.handlers.base"
)
ADMIN = function(LIB + "django/contrib/admin/options.py", module="django.contrib.admin.options")
EXECUTOR = function(
    LIB + "django/db/migrations/executor.py", module="django.db.migrations.executor"
)


def test_what_a_librarys_view_asks_is_not_the_middlewares(tmp_path: Path) -> None:
    finder = OriginFinder(Files(tmp_path))
    test = function(tmp_path / "tests/test_admin.py")
    middleware = function(tmp_path / "app/middleware.py")
    found = stack_of(finder, test, middleware, DISPATCH, ADMIN)
    assert found == Origin("lib:django", 0, "", Layer.LIBRARY)


def test_what_a_middleware_asks_itself_is_its_own(tmp_path: Path) -> None:
    finder = OriginFinder(Files(tmp_path))
    view = function(tmp_path / "app/views.py")
    middleware = function(tmp_path / "app/middleware.py")
    assert stack_of(finder, middleware, DISPATCH, view).file == "app/views.py"
    assert stack_of(finder, middleware, ADMIN).file == "app/middleware.py"


def test_a_django_migration_is_known_by_its_class(tmp_path: Path) -> None:
    finder = OriginFinder(Files(tmp_path))
    migration = type("Migration", (), {"operations": []})
    fill = function(tmp_path / "app/migrations/0002_fill.py", "fill", Migration=migration)
    found = stack_of(finder, function(tmp_path / "tests/conftest.py"), EXECUTOR, fill, ADMIN)
    assert found == Origin("app/migrations/0002_fill.py", 2, "fill", Layer.MIGRATION)


def test_an_alembic_revision_is_known_by_its_names(tmp_path: Path) -> None:
    finder = OriginFinder(Files(tmp_path))
    upgrade = function(tmp_path / "db/1a_fill.py", "upgrade", revision="1a", down_revision=None)
    operations = function(LIB + "alembic/operations/ops.py", module="alembic.operations.ops")
    found = stack_of(finder, upgrade, operations)
    assert found == Origin("db/1a_fill.py", 2, "upgrade", Layer.MIGRATION)


def test_what_runs_migrations_asks_for_no_test_and_no_application(tmp_path: Path) -> None:
    finder = OriginFinder(Files(tmp_path))
    startup = function(tmp_path / "app/db.py")
    environment = function(tmp_path / "db/env.py", module="env_py")
    context = function(LIB + "alembic/runtime/migration.py", module="alembic.runtime.migration")
    assert stack_of(finder, EXECUTOR).layer is Layer.MIGRATION
    assert stack_of(finder, environment, context).layer is Layer.MIGRATION
    assert stack_of(finder, startup, context) == Origin("app/db.py", 2, "call", Layer.MIGRATION)


def test_a_class_of_that_name_alone_makes_no_migration(tmp_path: Path) -> None:
    finder = OriginFinder(Files(tmp_path))
    plain = function(tmp_path / "app/moves.py", Migration=type("Migration", (), {}))
    assert stack_of(finder, plain).layer is Layer.APPLICATION
