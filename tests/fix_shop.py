"""Projects in scratch folders, and pytest and the command line run on them as users do."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

SHOP = Path(__file__).parent.parent / "fixtures" / "shop"
_NOT_COPIED = shutil.ignore_patterns(".planguard", "planguard", "__pycache__", ".pytest_cache")
_ALIEN = ("PLANGUARD", "PYTEST", "PG", "COV_", "PYTHONHASHSEED", "COLUMNS", "NO_COLOR", "TZ")


class Ran(msgspec.Struct, frozen=True):
    """What a command came to."""

    status: int
    out: str
    err: str

    @property
    def last(self) -> str:
        """The last line planguard wrote, above pytest's own."""
        return self.out.rstrip().splitlines()[-2]


class Project:
    """A folder with a suite.

    Args:
        root: The folder.
        cache: Where its servers are kept; shared, a template is made only once.
    """

    def __init__(self, root: Path, cache: Path) -> None:
        self.root = root
        self.cache = cache

    def environment(self, **more: str) -> dict[str, str]:
        """This process's, without what would change a run."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith(_ALIEN)}
        return {**kept, "PLANGUARD_CACHE_DIR": str(self.cache), "COLUMNS": "80", **more}

    def pytest(self, *arguments: str, **environment: str) -> Ran:
        """Runs the suite with planguard."""
        return self.run("-m", "pytest", "-p", "no:cacheprovider", "--planguard",
                        *arguments, **environment)  # fmt: skip

    def command(self, *arguments: str, **environment: str) -> Ran:
        """Runs ``pytest-planguard``."""
        return self.run("-m", "pytest_planguard", *arguments, **environment)

    def run(self, *arguments: str, **environment: str) -> Ran:
        """Runs Python in the folder."""
        done = subprocess.run(
            [sys.executable, *arguments], cwd=self.root, env=self.environment(**environment),
            capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        return Ran(done.returncode, done.stdout, done.stderr)

    def write(self, **files: str) -> None:
        """Writes files; two underscores stand for the dot of the name."""
        for name, text in files.items():
            (self.root / name.replace("__", ".")).write_text(text, encoding="utf-8")

    def replace(self, file: str, old: str, new: str) -> None:
        """Changes a text that is there exactly once."""
        path = self.root / file
        text = path.read_text(encoding="utf-8")
        assert text.count(old) == 1, f"{file} holds {text.count(old)} × {old}"
        path.write_text(text.replace(old, new), encoding="utf-8")

    def copy(self, name: str) -> Project:
        """Another folder with the same contents and the same servers."""
        root = self.root.with_name(name)
        shutil.copytree(self.root, root, ignore=shutil.ignore_patterns(".planguard", "__pycache__"))
        return Project(root, self.cache)


class Judged(msgspec.Struct, frozen=True):
    """A run with its JSON report."""

    ran: Ran
    json: bytes

    @property
    def report(self) -> dict[str, Any]:
        """The report."""
        return dict(json.loads(self.json))

    @property
    def loud(self) -> list[dict[str, Any]]:
        """Findings of severity error and warning that the baseline does not know."""
        found = self.report["findings"]
        return [one for one in found if one["severity"] != "info" and one["is_new"]]


def judged(project: Project, *arguments: str, **environment: str) -> Judged:
    """Runs the suite, with the JSON report beside the one in the terminal."""
    file = project.root / ".planguard" / "report.json"
    file.unlink(missing_ok=True)
    reports = ("--planguard-report=json", "--planguard-report=term")
    ran = project.pytest(*reports, *arguments, **environment)
    assert file.is_file(), ran.out + ran.err
    return Judged(ran, file.read_bytes())


class Fault(msgspec.Struct, frozen=True, order=True):
    """One of the faults that shop's README lists."""

    file: str
    line: int
    function: str
    rule: str
    explained_by: tuple[str, ...]
    ddl: str
    """What is to be created, only its letters: names of indexes and brackets are free."""


def faults() -> list[Fault]:
    """The table "The five faults" of shop's README."""
    section = _section("The five faults")
    rows = re.findall(
        r"^\| (?P<rule>[A-Z]+\d+)(?:, explained by (?P<by>[A-Z0-9, ]+))? "
        r"\| `(?P<file>[\w/.]+):(?P<line>\d+)` `(?P<function>\w+)` \|.*\|(?P<remedy>.*)\|$",
        section,
        re.MULTILINE,
    )
    found = []
    for rule, by, file, line, function, remedy in rows:
        ddl = re.search(r"`(CREATE INDEX [^`]*)`", remedy)
        codes = tuple(sorted(filter(None, re.split(r"[, ]+", by))))
        found.append(Fault(file, int(line), function, rule, codes, letters(ddl[1] if ddl else "")))
    return sorted(found)


def letters(ddl: str) -> str:
    """DDL without the index's name, brackets and blanks."""
    return re.sub(r"[();\s]", "", re.sub(r"(CONCURRENTLY) .*?ON ", r"\1 ON ", ddl))


def baseline_command() -> list[str]:
    """pytest's arguments for the baseline from before the faults, as shop's README gives them."""
    section = _section("How the baseline was made")
    (command,) = re.findall(r"```\npytest (.*?)```", section, re.DOTALL)
    return [word for word in command.replace("\\\n", " ").split() if word != "--planguard"]


def _section(title: str) -> str:
    text = (SHOP / "README.md").read_text(encoding="utf-8")
    return text.split(f"## {title}\n", 1)[1].split("\n## ", 1)[0]


@contextmanager
def scratch() -> Iterator[Path]:
    """A folder that a server's user can pass through, which pytest's own for root is not."""
    with tempfile.TemporaryDirectory(prefix="planguard-e2e-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        yield folder


@contextmanager
def shop() -> Iterator[Project]:
    """The shop without baseline or cache; its servers are stopped and removed at the end."""
    with scratch() as folder:
        root = folder / "shop"
        shutil.copytree(SHOP, root, ignore=_NOT_COPIED)
        project = Project(root, folder / "cache")
        try:
            yield project
        finally:
            down = project.command("db", "down")
            assert down.status == 0, down.err
