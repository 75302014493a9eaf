from __future__ import annotations

from importlib.metadata import Distribution
from pathlib import Path

import pytest

from pytest_planguard.capture import requirements
from pytest_planguard.capture.requirements import only_planguard_wants_psycopg


def installed(folder: Path, name: str, *needs: str, **files: str) -> Distribution:
    info = folder / f"{name}-1.dist-info"
    info.mkdir()
    lines = [f"Name: {name}", "Version: 1", *(f"Requires-Dist: {need}" for need in needs)]
    (info / "METADATA").write_text("\n".join(lines) + "\n\n")
    for file, text in files.items():
        (info / file).write_text(text)
    return Distribution.at(info)


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An environment with psycopg2, and with psycopg because planguard brought it."""
    folder = tmp_path / "site"
    folder.mkdir()
    installed(folder, "psycopg2_binary", REQUESTED="")
    installed(folder, "psycopg", "psycopg-binary; extra == 'binary'")
    installed(folder, "pytest_planguard", "psycopg[binary]; extra == 'embedded'", REQUESTED="")
    installed(folder, "SQLAlchemy", "psycopg>=3.0.7; extra == 'postgresql-psycopg'")

    def distributions() -> list[Distribution]:
        return [Distribution.at(path) for path in sorted(folder.iterdir())]

    def distribution(name: str) -> Distribution:
        path = folder / f"{name.replace('-', '_')}-1.dist-info"
        if not path.exists():
            raise requirements.PackageNotFoundError(name)
        return Distribution.at(path)

    monkeypatch.setattr(requirements, "distributions", distributions)
    monkeypatch.setattr(requirements, "distribution", distribution)
    return folder


def test_what_planguard_alone_brings_nobody_else_wants(environment: Path, tmp_path: Path) -> None:
    assert only_planguard_wants_psycopg(tmp_path)


def test_with_one_driver_there_is_no_choice(environment: Path, tmp_path: Path) -> None:
    (environment / "psycopg2_binary-1.dist-info").rename(environment / "other-1.dist-info")
    assert not only_planguard_wants_psycopg(tmp_path)


def test_what_somebody_installed_by_name_is_wanted(environment: Path, tmp_path: Path) -> None:
    (environment / "psycopg-1.dist-info" / "REQUESTED").touch()
    assert not only_planguard_wants_psycopg(tmp_path)


def test_what_another_package_needs_is_wanted(environment: Path, tmp_path: Path) -> None:
    installed(environment, "procrastinate", 'psycopg[pool] ; python_version >= "3.9"')
    assert not only_planguard_wants_psycopg(tmp_path)


@pytest.mark.parametrize(
    ("file", "text", "wanted"),
    [
        ("pyproject.toml", '[project]\ndependencies = ["psycopg[binary]>=3.1"]', True),
        ("pyproject.toml", '[project]\ndependencies = ["psycopg2-binary"]', False),
        ("pyproject.toml", '[project]\ndependencies = ["pytest-planguard[embedded]"]', False),
        ("requirements-dev.txt", "sqlalchemy[postgresql-psycopg]\n", True),
        ("requirements.txt", "psycopg2==2.9.9  # not psycopg yet\n", False),
        ("setup.cfg", "[options]\ninstall_requires =\n  psycopg >= 3\n", True),
        ("poetry.lock", 'name = "psycopg"\n', False),
    ],
)
def test_what_the_project_writes_down_is_wanted(
    environment: Path, tmp_path: Path, file: str, text: str, wanted: bool
) -> None:
    (tmp_path / file).write_text(text)
    assert only_planguard_wants_psycopg(tmp_path) is not wanted
