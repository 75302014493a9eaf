"""The projects whose histories are gone through, and what running their migrations alone takes."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from pytest_planguard.model.migration import Tool

ENV = """
import alembic_postgresql_enum  # a plugin: migrations call its operations
from alembic import context
from sqlalchemy import create_engine, pool, text

url = context.config.get_main_option("sqlalchemy.url")
url = url.replace("postgresql://", "postgresql+psycopg://", 1)
engine = create_engine(url, poolclass=pool.NullPool)
with engine.connect() as connection:
    connection.execute(text("SET statement_timeout = 5000"))
    connection.execute(text("SET lock_timeout = 4000"))
    context.configure(connection=connection, transaction_per_migration=True)
    with context.begin_transaction():
        context.run_migrations()
        context.get_bind().commit()
"""
"""Timeouts and transactions as the project has them, and nothing of its application."""


@dataclasses.dataclass(frozen=True)
class Project:
    """A public project.

    Attributes:
        url: Of its repository.
        commit: Which state of it.
        tool: What it migrates with.
        wanted: The whole history, as the tool takes it.
        requirements: What its migrations import.
        paths: What of the repository is needed.
        prepare: Makes a folder to run the tool in, from those.
        sizes: Rows of its large tables, by all names they had.
        extensions: What the server must have.
        others: Rows of every other table.
    """

    url: str
    commit: str
    tool: Tool
    wanted: str
    requirements: tuple[str, ...]
    paths: tuple[str, ...]
    prepare: Callable[[Path, Path], None]
    sizes: Mapping[str, int]
    extensions: frozenset[str] = frozenset()
    others: int = 2_000


def _alembic(checkout: Path, root: Path) -> None:
    """A configuration with the project's scripts and an environment of ours."""
    (root / "scripts").mkdir()
    (root / "scripts" / "env.py").write_text(ENV)
    (root / "versions").symlink_to(checkout / "warehouse" / "migrations" / "versions")
    types = root / "warehouse" / "utils" / "db"  # all that the scripts import of the application
    types.mkdir(parents=True)
    for package in (types, types.parent, types.parent.parent):
        (package / "__init__.py").touch()
    (types / "types.py").symlink_to(checkout / "warehouse" / "utils" / "db" / "types.py")
    (root / "alembic.ini").write_text(
        "[alembic]\nscript_location = scripts\nversion_locations = versions\n"
    )


def _django(checkout: Path, root: Path) -> None:
    """The checkout's own folders, beside a configuration of ours."""
    for one in checkout.iterdir():
        (root / one.name).symlink_to(one)


PROJECTS = {
    "warehouse": Project(
        "https://github.com/pypi/warehouse",
        "6b62157124ab7865029afeeadf282bce27d601d9",
        Tool.ALEMBIC,
        "base:head",
        ("alembic-postgresql-enum", "packaging"),
        ("warehouse/migrations", "warehouse/utils/db"),
        _alembic,
        {
            "packages": 700_000, "projects": 700_000,
            "releases": 7_500_000, "release_files": 15_000_000, "release_descriptions": 7_000_000,
            "release_dependencies": 40_000_000, "release_classifiers": 60_000_000,
            "release_urls": 12_000_000, "file_registry": 16_000_000, "journals": 28_000_000,
            "file_events": 20_000_000, "project_events": 25_000_000, "user_events": 40_000_000,
            "accounts_user": 950_000, "users": 950_000,
            "accounts_email": 1_000_000, "user_emails": 1_000_000, "accounts_gpgkey": 30_000,
            "roles": 900_000, "macaroons": 600_000, "user_unique_logins": 3_000_000,
            "ses_emails": 5_000_000, "ses_events": 6_000_000, "ip_addresses": 10_000_000,
            "attestation": 800_000, "provenance": 800_000, "rego_otk": 500_000,
        },
        frozenset({"citext", "fuzzystrmatch", "pg_trgm", "pgcrypto"}),
    ),
    "healthchecks": Project(
        "https://github.com/healthchecks/healthchecks",
        "45eda4bb4a08b97a90b43f6a958d1f02652b53b0",
        Tool.DJANGO,
        ":zero",
        (
            "aiosmtpd", "cronsim", "django-compressor", "django-stubs-ext", "fido2", "oncalendar",
            "pycurl", "pydantic", "PyJWT[crypto]", "pyotp", "segno", "statsd", "whitenoise",
        ),
        ("hc", "manage.py", "templates", "CHANGELOG.md"),
        _django,
        {
            "api_check": 400_000, "api_ping": 60_000_000, "api_flip": 8_000_000,
            "api_notification": 12_000_000, "api_channel": 300_000,
            "api_channel_checks": 900_000, "api_tokenbucket": 100_000,
            "accounts_profile": 150_000, "auth_user": 150_000, "accounts_project": 180_000,
            "accounts_member": 200_000, "django_session": 500_000, "logs_record": 300_000,
        },
    ),
}  # fmt: skip
"""Sizes are of our choice: of the order that the projects tell of themselves, or guessed."""


def prepared(project: Project, work: Path, repository: str = "") -> Path:
    """A folder in which the project's migrations run: ``work/project``.

    Args:
        project: Which.
        work: An empty folder.
        repository: A clone of it, in place of its address.
    """
    checkout, root = work / "checkout", work / "project"
    checkout.mkdir()
    root.mkdir()
    source = Path(repository) if Path(repository).is_dir() and repository else work / "clone"
    if not source.exists():
        subprocess.run(["git", "init", "--quiet", "--bare", source], check=True)
        fetch = ["fetch", "--quiet", "--depth", "1", repository or project.url, project.commit]
        subprocess.run(["git", "-C", source, *fetch], check=True)
    archive = work / "archive.tar"
    words = ["archive", "-o", archive, project.commit, *project.paths]
    subprocess.run(["git", "-C", source, *words], check=True)
    with tarfile.open(archive) as file:
        file.extractall(checkout, filter="data")
    packages = work / "packages"
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
         "--target", packages, *project.requirements],
        check=True,
    )  # fmt: skip
    project.prepare(checkout, root)
    # last on the path: Django, SQLAlchemy and psycopg are those that are installed here
    (work / "site").mkdir()
    (work / "site" / "sitecustomize.py").write_text(
        f"import sys\n\nsys.path += [{str(root)!r}, {str(packages)!r}]\n"
    )
    os.environ["PYTHONPATH"] = str(work / "site")
    os.environ.setdefault("SECRET_KEY", "of-no-use")
    os.environ["DB"] = "postgres"
    return root


def configuration(project: Project, tables: Iterable[str]) -> str:
    """The configuration with every table's size."""
    rows = {**dict.fromkeys(tables, project.others), **project.sizes}
    lines = (f'"{name}" = {{ rows = {count} }}\n' for name, count in sorted(rows.items()))
    return "[tool.pytest-planguard.tables]\n" + "".join(lines)
