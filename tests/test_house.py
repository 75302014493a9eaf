"""Guards: what the house promises about itself."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import pytest

import pytest_planguard

ROOT = Path(__file__).parents[1]
CODE = re.compile(r"[A-Z]{3}\d{3}")


def python(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, check=False, cwd=ROOT
    )


def modules() -> list[str]:
    prefix = f"{pytest_planguard.__name__}."
    return sorted(
        module.name
        for module in pkgutil.walk_packages(pytest_planguard.__path__, prefix)
        if not module.name.endswith("__main__")
    )


def test_rule_codes_and_names_are_unique_and_every_fact_is_given():
    registry = importlib.import_module("pytest_planguard.registry")
    facts = {code: rule.FACTS for code, rule in registry.rules().items()}
    own = [
        module.name
        for module in pkgutil.iter_modules(
            importlib.import_module("pytest_planguard.rules").__path__
        )
        if not module.name.startswith("_")
    ]
    codes = [importlib.import_module(f"pytest_planguard.rules.{name}").FACTS.code for name in own]
    assert len(codes) == len(set(codes))
    assert set(codes) <= facts.keys()
    assert len({one.name for one in facts.values()}) == len(facts)
    for code, one in facts.items():
        assert CODE.fullmatch(code)
        assert one.code == code
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)+|[a-z]+", one.name)
        assert all((one.condition, one.effect, one.remedy, one.source))


def test_every_rule_has_two_examples_that_fire_and_two_that_do_not():
    registry = importlib.import_module("pytest_planguard.registry")
    for code in registry.rules():
        folder = ROOT / "fixtures" / "rules" / code
        assert (folder / "bad.sql").is_file(), code
        assert (folder / "good.sql").is_file(), code
        assert len([*folder.glob("bad*.sql")]) >= 2, code
        assert len([*folder.glob("good*.sql")]) >= 2, code


def test_every_module_says_what_it_is_for():
    for name in modules():
        source = importlib.util.find_spec(name).origin
        text = Path(source).read_text(encoding="utf-8")
        assert text.lstrip().startswith(('"""', 'r"""')), name


@pytest.mark.parametrize("name", modules())
def test_examples_in_docstrings_are_true(name):
    assert doctest.testmod(importlib.import_module(name)).failed == 0


HEAVY = ("msgspec", "rich", "click", "jinja2", "pglast", "psycopg", "sqlalchemy", "django")


def test_an_idle_run_imports_next_to_nothing():
    code = (
        "import pytest, sys; before = set(sys.modules)\n"
        "import pytest_planguard.plugin\n"
        "print(*sorted(set(sys.modules) - before), sep='\\n')"
    )
    done = python("-c", code)
    assert done.returncode == 0, done.stderr
    loaded = done.stdout.split()
    assert [name for name in loaded if name.split(".")[0] in HEAVY] == []
    ours = [name for name in loaded if name.startswith("pytest_planguard")]
    assert len(ours) <= 6, ours


def test_a_run_imports_neither_what_makes_templates_nor_what_traces_migrations():
    code = (
        "import sys, pytest_planguard.pipeline, pytest_planguard.fixturedb.build\n"
        "print(*sorted(sys.modules), sep='\\n')"
    )
    done = python("-c", code)
    assert done.returncode == 0, done.stderr
    rare = ("migrations", "sql.safe", "fixturedb.scale", "fixturedb.schema.clone")
    names = tuple(f"{pytest_planguard.__name__}.{name}" for name in rare)
    assert [name for name in done.stdout.split() if name.startswith(names)] == []


def test_imports_point_down():
    script = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run(
        [str(script), "--no-cache"], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert done.returncode == 0, done.stdout + done.stderr


def options_in(text: str) -> set[str]:
    return set(re.findall(r"--(?:no-)?planguard(?:-[a-z-]*[a-z])?", text))


def test_readme_shows_every_option_there_is_and_no_other():
    help_text = python("-m", "pytest", "--help").stdout
    real = options_in(help_text)
    assert "--planguard" in real
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert options_in(readme) == real


@pytest.mark.parametrize(
    "command",
    [
        "baseline",
        "check",
        "comment",
        "db",
        "doctor",
        "explain",
        "migrations",
        "rule",
        "statistics",
        "verify",
    ],
)
def test_readme_names_every_command(command):
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert re.search(rf"pytest-planguard {command}\b", readme)
