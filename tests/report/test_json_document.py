"""``docs/report-json.md`` against what is written: every field is there, and no other."""

from __future__ import annotations

import ast
import inspect
import json
import re
import shutil
import subprocess
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

import fix_reports
from fix_servers import absent
from pytest_planguard.model.finding import Advice, Finding
from pytest_planguard.model.migration import (
    Dropped,
    DroppedKind,
    Lock,
    LockMode,
    Migration,
    Step,
    Work,
)
from pytest_planguard.model.plan import PlanNode
from pytest_planguard.model.report import Change, ChangeKind, DatabaseReport, QueryReport, Report
from pytest_planguard.report import json as as_json
from pytest_planguard.report import read

PAGE = Path(__file__).parents[2] / "docs" / "report-json.md"
BY_NAME = {"databases", "tables", "access", "evidence", "operations"}
"""Objects whose keys are names of the reader's own."""

NOT_INSIDE = {
    Report: {"baseline_found", "known", "accepted", "cut_short", "rules", "folder"},
    QueryReport: {"query", "outcome", "growth"},
    DatabaseReport: {"provider", "source", "tables", "catalog", "clock", "checked",
                     "statistics_digests", "distributions"},
    Change: {"kind", "renamed_from", "sql_before"},  # edited_from
    Finding: set(),
    Advice: {"indexes", "plan"},
    Migration: {"lossy", "notes"},
    Step: {"place", "inside", "built", "rebuilt", "dropped", "changes", "writes_unplanned",
           "statement_timeout"},
}  # fmt: skip
"""Fields that the file has under another name or at another place, or leaves out on purpose."""


def documented() -> set[str]:
    """Paths of the page's tables: ``findings[].advice.ddl``."""
    found, prefix = set(), ""
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            name = re.match(r"## `(.+)`", line)
            prefix = f"{name[1]}." if name else ""
        elif row := re.match(r"\| `([^`]+)`", line):
            found.add(prefix + row[1])
    return found


def written(value: Any, path: str = "") -> Iterator[str]:
    """Paths of a JSON value."""
    if isinstance(value, list):
        for one in value:
            yield from written(one, f"{path}[]")
    elif isinstance(value, dict):
        by_name = path.rpartition(".")[2] in BY_NAME
        for key, one in value.items():
            below = "*" if by_name else key
            below = f"{path}.{below}" if path else below
            if not by_name:
                yield below
            yield from written(one, below)


def typed(kind: Any, path: str = "") -> Iterator[str]:
    """Paths of what is read back."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if kind is PlanNode:  # a tree
        return
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        for field in msgspec.structs.fields(kind):
            below = f"{path}.{field.encode_name}" if path else field.encode_name
            yield below
            yield from typed(field.type, below)
    elif origin is tuple:
        yield from typed(arguments[0], f"{path}[]")
    elif origin is dict:
        yield from typed(arguments[1], f"{path}.*")
    else:
        for one in arguments:
            yield from typed(one, path)


def everything() -> Report:
    """A report in which every list has something."""
    report = fix_reports.migrated()
    (migration,) = report.migrations
    last = msgspec.structs.replace(
        migration.steps[-1],
        dropped=(Dropped(DroppedKind.COLUMN, "public.orders", "note"),),
        writes_unplanned=(Work("public.orders", 4.0, 6.0),),
        reads=(Work("public.orders", 4.0, 6.0),),
        rewrites=(Work("public.orders", 4.0, 6.0),),
        held=(Lock("public.orders", LockMode.SHARE),),
    )
    migration = msgspec.structs.replace(migration, steps=(*migration.steps, last))
    gone = Change(ChangeKind.GONE, "feed00000009", "default", cost_before=8.4, sql="SELECT 1")
    return msgspec.structs.replace(report, migrations=(migration,), gone=(gone,))


def of_all_samples() -> set[str]:
    texts = [as_json.render(make()) for make in (everything, *fix_reports.SAMPLES.values())]
    return {path for text in texts for path in written(json.loads(text))}


def test_the_page_has_every_field_that_is_written_and_no_other():
    assert documented() == of_all_samples()


def test_the_page_has_every_field_that_is_read_back():
    inside = {"databases.*"} | documented()
    # the model's advice is read back as it is; one kind of work and of origin serves all places
    not_inside = {f"findings[].advice.{name}" for name in NOT_INSIDE[Advice]}
    not_inside |= {
        f"migrations[].steps[].{kind}.index"
        for kind in ("reads[]", "rewrites[]", "writes_unseen[]")
    } | {"findings[].origins[].layer"}
    assert set(typed(read._Document)) <= inside | not_inside


def test_every_key_of_the_code_is_on_the_page():
    """Also of what no sample holds."""
    names = {name.strip("*[]") for path in documented() for name in path.split(".")}
    keys = {
        key.value
        for node in ast.walk(ast.parse(inspect.getsource(as_json)))
        if isinstance(node, ast.Dict)
        for key in node.keys
        if isinstance(key, ast.Constant)
    }
    assert len(keys) > 60
    assert keys <= names


@pytest.mark.parametrize("kind", NOT_INSIDE, ids=lambda kind: kind.__name__)
def test_a_new_field_of_a_report_is_in_the_file_or_left_out_on_purpose(kind):
    names = {name.strip("*[]") for path in documented() for name in path.split(".")}
    fields = set(kind.__struct_fields__)
    assert NOT_INSIDE[kind] <= fields
    assert fields - NOT_INSIDE[kind] <= names


def test_the_page_tells_the_number_of_the_schema():
    text = PAGE.read_text(encoding="utf-8")
    assert f"`schema` is {as_json.SCHEMA_VERSION}." in text


EXAMPLES = re.findall(r"^jq .*$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)


@pytest.mark.parametrize("command", EXAMPLES)
def test_the_examples_of_the_page_print_what_they_are_for(command, tmp_path):
    if shutil.which("jq") is None:
        absent("jq is not installed")
    (tmp_path / ".planguard").mkdir()
    report = as_json.render(fix_reports.mixed())
    (tmp_path / ".planguard" / "report.json").write_text(report, encoding="utf-8")
    done = subprocess.run(
        command, shell=True, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
    assert done.stdout
    assert done.returncode == (1 if " -e " in command else 0)
