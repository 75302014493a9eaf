"""README's workflows: they are YAML, and each command of ours in them does what it says."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import yaml

import fix_readers
from fix_small import Small, project, small_folder

__all__ = ["project", "small_folder"]

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
SECTION = README.partition("\n### In CI\n")[2].partition("\n### ")[0]
ROLLING_OUT = README.partition("\n### Rolling out\n")[2].partition("\n### ")[0]
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", SECTION, re.MULTILINE | re.DOTALL)
COMMAND = re.compile(
    r"^ *(?:- (?:run: )?)?((?:pytest|pytest-planguard) .*?)(?:  +#.*)?$", re.MULTILINE
)

SPLIT = """

def pytest_addoption(parser):
    parser.addoption("--splits", type=int, default=1)
    parser.addoption("--group", type=int, default=1)


def pytest_collection_modifyitems(config, items):
    splits, group = config.getoption("splits"), config.getoption("group")
    items.sort(key=lambda one: one.nodeid)
    others = [one for n, one in enumerate(items) if n % splits != group - 1]
    items[:] = [one for n, one in enumerate(items) if n % splits == group - 1]
    if others:
        config.hook.pytest_deselected(items=others)
"""
"""Stands for pytest-split."""


def commands(text: str) -> list[str]:
    """The commands of a block, a matrix written out."""
    found = []
    for command in COMMAND.findall(text):
        numbers = ("1", "2") if "matrix.shard" in command else ("",)
        found += [re.sub(r"\$\{\{ matrix\.shard \}\}", number, command) for number in numbers]
    return found


def run(project: Small, command: str) -> subprocess.CompletedProcess[str]:
    """In a shell, with the scripts of this environment."""
    scripts = Path(sys.executable).parent
    environment = project.environment()
    environment["PATH"] = f"{scripts}:{environment['PATH']}"
    return subprocess.run(
        ["bash", "-ec", command], cwd=project.root, env=environment, capture_output=True,
        text=True, check=False, stdin=subprocess.DEVNULL,
    )  # fmt: skip


def test_workflows_are_yaml_and_the_commands_in_them_run(project: Small) -> None:
    kinds = [kind for kind, _ in BLOCKS]
    assert kinds == ["yaml", "yaml", "sh"]
    github, gitlab, shell = (text for _, text in BLOCKS)
    assert set(yaml.safe_load(github)["jobs"]) == {"tests", "planguard"}
    reports = yaml.safe_load(gitlab)["tests"]["artifacts"]["reports"]
    conftest = (project.root / "conftest.py").read_text(encoding="utf-8")
    project.write(conftest__py=conftest + SPLIT)
    first = run(project, "pytest --planguard --planguard-update -k customer")
    assert first.returncode == 0, first.stdout + first.stderr

    *shards, check = [run(project, command) for command in commands(github)]
    assert [one.returncode for one in shards] == [0, 0], shards
    assert check.returncode == 1, check.stdout + check.stderr
    (line,) = [one for one in check.stdout.splitlines() if one.startswith("::")]
    ((kind, where, message),) = fix_readers.commands(f"{line}\n")
    assert (kind, where["file"], where["line"]) == ("error", "app.py", "9")
    assert "CREATE INDEX CONCURRENTLY" in message
    assert "E IDX001 missing-index" in check.stdout
    (results,) = fix_readers.log((project.root / "planguard.sarif").read_text())["runs"]
    assert results["invocations"][0]["properties"]["complete"] is True
    assert [one["ruleId"] for one in results["results"] if one["level"] == "error"] == ["IDX001"]
    fix_readers.comment((project.root / "planguard.md").read_text())

    (suite,) = [run(project, command) for command in commands(gitlab)]
    assert suite.returncode == 1, suite.stdout + suite.stderr
    issues = fix_readers.issues((project.root / reports["codequality"]).read_text())
    assert [one["check_name"] for one in issues if one["severity"] == "critical"] == ["IDX001"]
    cases = fix_readers.suites((project.root / reports["junit"]).read_text())
    assert cases.get("failures") == "1"

    capture, check = [run(project, command) for command in commands(shell)]
    assert (capture.returncode, check.returncode) == (0, 1), capture.stderr + check.stderr
    assert (project.root / "planguard.json").is_file()


def test_rolling_out_makes_old_findings_known_step_by_step(
    project: Small,
) -> None:
    (workflow,) = re.findall(r"^```yaml\n(.*?)^```", ROLLING_OUT, re.MULTILINE | re.DOTALL)
    assert set(yaml.safe_load(workflow)["jobs"]) == {"statistics"}
    update, pull, growth = commands(ROLLING_OUT)
    known = run(project, update)
    assert known.returncode == 0, known.stdout + known.stderr
    again = run(project, "pytest --planguard")
    assert again.returncode == 0, again.stdout + again.stderr
    listed = run(project, re.findall(r"`(pytest-planguard baseline .*?)`", ROLLING_OUT)[0])
    assert "as found when planguard was introduced" in listed.stdout

    refused = run(project, f"PLANGUARD_STATISTICS_URL=postgresql://127.0.0.1:1/x {pull}")
    assert refused.returncode == 3, refused.stdout + refused.stderr
    assert "127.0.0.1" in refused.stderr

    unchanged = run(project, growth)
    assert unchanged.returncode == 0, unchanged.stdout + unchanged.stderr
    fix_readers.comment((project.root / "growth.md").read_text(encoding="utf-8"))
