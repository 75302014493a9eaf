from __future__ import annotations

import importlib
import sys
import traceback
from pathlib import Path

import pytest

from pytest_planguard.capture.imports import around_import, can_import, when_imported


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    name = "planguard_example_package"
    (tmp_path / name).mkdir()
    (tmp_path / name / "__init__.py").write_text("DONE = True\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, name, raising=False)
    return name


def test_the_action_runs_after_the_first_import_only(package: str) -> None:
    seen = []
    before = list(sys.meta_path)
    when_imported(package, lambda: seen.append(sys.modules[package].DONE))
    assert seen == []
    module = __import__(package)
    assert seen == [True]
    assert sys.meta_path == before
    assert "exec_module" not in vars(module.__spec__.loader)


def test_a_package_that_is_there_needs_no_watch() -> None:
    seen = []
    before = list(sys.meta_path)
    when_imported("sys", lambda: seen.append(True))()
    assert seen == [True]
    assert sys.meta_path == before


def test_a_cancelled_watch_does_nothing(package: str) -> None:
    seen = []
    before = list(sys.meta_path)
    cancel = when_imported(package, lambda: seen.append(True))
    cancel()
    cancel()
    __import__(package)
    assert seen == []
    assert sys.meta_path == before


def test_a_failing_import_is_the_applications_own(tmp_path: Path, package: str) -> None:
    (tmp_path / package / "__init__.py").write_text("raise ValueError('mine')\n")
    cancel = when_imported(package, lambda: None)
    with pytest.raises(ValueError, match="mine"):
        __import__(package)
    cancel()


def test_a_failing_import_has_the_traceback_it_has_without_a_watch(
    tmp_path: Path, package: str
) -> None:
    (tmp_path / package / "__init__.py").write_text("raise ValueError('mine')\n")

    def lines() -> list[str]:
        with pytest.raises(ValueError, match="mine") as caught:
            __import__(package)
        return [frame.filename for frame in traceback.extract_tb(caught.value.__traceback__)]

    alone = lines()
    cancel = [when_imported(package, lambda: None) for _ in range(2)]
    assert lines() == alone
    for end in cancel:
        end()


def test_two_watches_for_one_module_both_act_in_their_order(package: str) -> None:
    seen: list[str] = []
    before = list(sys.meta_path)
    for name in ("first", "second"):
        when_imported(package, lambda name=name: seen.append(name))
    assert can_import(package)
    __import__(package)
    assert seen == ["first", "second"]
    assert sys.meta_path == before


def test_a_finder_that_finds_no_specs_is_passed_over(
    package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "meta_path", [object(), *sys.meta_path])
    seen: list[bool] = []
    cancel = when_imported(package, lambda: seen.append(True))
    finder = sys.meta_path[0]
    assert finder.find_spec(package, None) is not None
    cancel()


def test_a_blocked_package_cannot_be_imported(
    package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert can_import(package)
    assert package not in sys.modules
    monkeypatch.setitem(sys.modules, package, None)
    assert not can_import(package)


def test_steps_run_around_a_module_also_when_it_fails(tmp_path: Path, package: str) -> None:
    (tmp_path / package / "choice.py").write_text("import missing_planguard_module\n")
    seen: list[str] = []
    name = f"{package}.choice"
    cancel = around_import(name, lambda: seen.append("before"), lambda: seen.append("after"))
    with pytest.raises(ImportError):
        __import__(name)
    assert seen == ["before", "after"]
    (tmp_path / package / "choice.py").write_text(f"import {package}\n\nDONE = True\n")
    importlib.invalidate_caches()
    __import__(name)
    assert seen == ["before", "after"] * 2
    before = len(sys.meta_path)
    cancel()
    assert len(sys.meta_path) == before
