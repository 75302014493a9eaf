"""Shop at a size that can be loaded: its configuration, and what its suite sends."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import msgspec

from fix_shop import SHOP, baseline_command
from mutations_parts.change import Change, at_scale, edited
from pytest_planguard.baseline import files
from pytest_planguard.capture import file as capture_file
from pytest_planguard.config import Config, load
from pytest_planguard.fixturedb.scale import statistics_file
from pytest_planguard.model.baseline import Baseline
from pytest_planguard.model.capture import Capture
from pytest_planguard.model.ports import PostgresServer
from pytest_planguard.model.report import Report
from pytest_planguard.model.statistics import Statistics
from pytest_planguard.pipeline import Options, run
from pytest_planguard.pipeline.run import judged

WHOLE = 20_000
"""Rows up to which a table keeps its size."""

_NUMBER = re.compile(r"\b(rows|distinct) = ([\d_]+)")


class Shop:
    """A copy of the project in a folder.

    Args:
        folder: An empty one.
        divisor: By how much its large tables are smaller.
    """

    def __init__(self, folder: Path, divisor: int) -> None:
        self.root = folder / "shop"
        ignored = shutil.ignore_patterns(".planguard", "planguard", "__pycache__")
        shutil.copytree(SHOP, self.root, ignore=ignored)
        table = self.root / "pyproject.toml"
        table.write_text(smaller(table.read_text(encoding="utf-8"), divisor), encoding="utf-8")
        self.statistics: Statistics | None = None
        """Of the loaded database, once it is there; until then sizes are as declared."""
        self._schema = (self.root / "schema.sql").read_text(encoding="utf-8")

    def captured(self) -> Capture:
        """What the suite sends, without the five faults."""
        options = [word for word in baseline_command() if word != "--planguard-update"]
        subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:randomly",
             "--planguard", "--planguard-capture-only", *options],
            cwd=self.root, check=True, stdout=subprocess.DEVNULL,
        )  # fmt: skip
        return capture_file.read(self.root / ".planguard" / "capture.json.gz")

    def config(self, change: Change | None = None, scale: str = "statistics") -> Config:
        """The configuration of the changed application."""
        schema = self.root / "changed.sql"
        ddl = change.ddl if change is not None else ()
        schema.write_text("\n".join([self._schema, *(f"{text};" for text in ddl)]), "utf-8")
        config = load(self.root, {"fail_on": "error"}, environ={})
        spec = msgspec.structs.replace(config.databases["default"], scale=scale, schema=schema.name)
        if self.statistics is not None:
            spec = msgspec.structs.replace(spec, tables={}, statistics=self._written(change))
        if change is not None:
            spec = msgspec.structs.replace(spec, settings={**spec.settings, **change.settings})
        return msgspec.structs.replace(config, databases={"default": spec})

    def _written(self, change: Change | None) -> Path:
        """The statistics file of the changed application."""
        assert self.statistics is not None
        found = at_scale(self.statistics, change) if change is not None else self.statistics
        statistics_file.write(found, self.root / "statistics.json")
        return Path("statistics.json")

    def baseline(self, capture: Capture, server: PostgresServer) -> Baseline:
        """What the unchanged application is accepted with."""
        outcome = run(self.config(), capture, Options(update=True), server=server)
        if outcome.refused is not None:
            raise outcome.refused
        found = files.read(self.root / "planguard" / "baseline")
        assert found is not None
        return found

    def judged(
        self, change: Change, capture: Capture, baseline: Baseline, server: PostgresServer
    ) -> Report:
        """What planguard says of the changed application."""
        return judged(self.config(change), edited(capture, change), baseline, server=server)


def smaller(toml: str, divisor: int) -> str:
    """The declarations with fewer rows, and with fewer distinct values where there are many.

    A table's rows stand before its columns.
    """
    factor, lines = 1.0, []
    for line in toml.splitlines():
        if line.startswith("rows = "):
            rows = int(line.partition("=")[2].replace("_", ""))
            factor = min(1.0, max(WHOLE, rows // divisor) / rows)
        lines.append(_NUMBER.sub(partial(_smaller, factor), line))
    return "\n".join(lines) + "\n"


def _smaller(factor: float, match: re.Match[str]) -> str:
    number = int(match[2].replace("_", ""))
    few = match[1] == "distinct" and number <= 1_000
    return f"{match[1]} = {number if few else max(1, round(number * factor))}"


@contextmanager
def shop(folder: Path, divisor: int) -> Iterator[Shop]:
    """The project; its servers are stopped and removed at the end."""
    made = Shop(folder, divisor)
    try:
        yield made
    finally:
        subprocess.run(
            [sys.executable, "-m", "pytest_planguard", "db", "down"],
            cwd=made.root, check=True, stdout=subprocess.DEVNULL,
        )  # fmt: skip
