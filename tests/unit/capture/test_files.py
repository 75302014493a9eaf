from __future__ import annotations

import sys
import sysconfig
from pathlib import Path

import pytest

from pytest_planguard.capture.files import Files, Owner


def owner(root: Path, name: str, *test_paths: str, patterns: tuple[str, ...] = ()) -> Owner:
    return Files(root, patterns, test_paths).classify(str(root / name), "some.module").owner


@pytest.mark.parametrize(
    "name",
    [
        "conftest.py",
        "app/test_orders.py",
        "app/orders_test.py",
        "app/tests.py",
        "app/tests/factories.py",
        "testing/helper.py",
    ],
)
def test_code_of_the_suite_is_known_by_its_name(tmp_path: Path, name: str) -> None:
    assert owner(tmp_path, name) is Owner.TEST


@pytest.mark.parametrize("name", ["app/orders.py", "contest.py", "app/testimony.py"])
def test_other_code_below_the_root_is_the_applications(tmp_path: Path, name: str) -> None:
    assert owner(tmp_path, name) is Owner.APPLICATION


def test_a_root_below_a_folder_of_tests_is_a_project_of_its_own(tmp_path: Path) -> None:
    root = tmp_path / "tests" / "shop"
    assert owner(root, "app/orders.py") is Owner.APPLICATION
    assert owner(root, "tests/a.py") is Owner.TEST


def test_configured_patterns_and_paths_are_the_suites(tmp_path: Path) -> None:
    (tmp_path / "checks").mkdir()
    assert owner(tmp_path, "checks/steps.py", "checks") is Owner.TEST
    assert owner(tmp_path, "app/check_a.py", patterns=("check_*.py",)) is Owner.TEST


@pytest.mark.parametrize("path", ["src", "app", "."])
def test_a_test_path_that_holds_the_application_says_nothing(tmp_path: Path, path: str) -> None:
    for package in ("src/shop", "app"):
        (tmp_path / package).mkdir(parents=True)
        (tmp_path / package / "__init__.py").touch()
    assert owner(tmp_path, "src/shop/orders.py", path) is Owner.APPLICATION
    assert owner(tmp_path, "app/orders.py", path) is Owner.APPLICATION


def test_installed_packages_are_libraries_by_name(tmp_path: Path) -> None:
    files = Files(tmp_path)
    below = tmp_path / ".venv/lib/python3.11/site-packages/celery/app/base.py"
    found = files.classify(str(below), "celery.app.base")
    assert (found.owner, found.name) == (Owner.LIBRARY, "celery")
    single = files.classify("/opt/lib/python3/dist-packages/six.py", "six")
    assert (single.owner, single.name) == (Owner.LIBRARY, "six")
    outside = files.classify("/somewhere/else/billing/api.py", "billing.api")
    assert (outside.owner, outside.name) == (Owner.LIBRARY, "billing")


def test_the_runner_the_standard_library_and_generated_code_asked_nothing(tmp_path: Path) -> None:
    files = Files(tmp_path)
    runner = files.classify(pytest.__file__.replace("pytest/", "_pytest/"), "_pytest")
    assert runner.owner is Owner.RUNNER
    standard = Path(sysconfig.get_path("stdlib")) / "threading.py"
    assert files.classify(str(standard), "threading").owner is Owner.NOBODY
    assert files.classify("<string>", "x").owner is Owner.NOBODY


def test_a_virtual_environment_in_the_project_is_not_the_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "env"))
    assert owner(tmp_path, "env/bin/tool.py") is Owner.LIBRARY
    assert owner(tmp_path, "app.py") is Owner.APPLICATION


def test_a_root_reached_through_a_link_is_the_same_root(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    found = Files(tmp_path / "link").classify(str(tmp_path / "real/app.py"), "app")
    assert (found.owner, found.name) == (Owner.APPLICATION, "app.py")
