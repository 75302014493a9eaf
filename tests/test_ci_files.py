"""What users copy into their CI: the action and the workflows of README and docs."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from pytest_planguard import cli

ROOT = Path(__file__).parents[1]
ACTION = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
PAGES = ("README.md", "docs/pull-requests.md")
FENCE = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def blocks(language: str) -> list[str]:
    return [
        text
        for page in PAGES
        for found, text in FENCE.findall((ROOT / page).read_text(encoding="utf-8"))
        if found == language
    ]


def runs(value: Any) -> list[str]:
    """Every script in a workflow, whatever it is called there."""
    if isinstance(value, dict):
        own = [value["run"]] if isinstance(value.get("run"), str) else []
        own += [line for name in ("script", "after_script") for line in value.get(name, ())]
        return own + [script for inner in value.values() for script in runs(inner)]
    return [script for inner in value for script in runs(inner)] if isinstance(value, list) else []


def commands() -> list[str]:
    scripts = [script for text in blocks("yaml") for script in runs(yaml.safe_load(text))]
    lines = [line for script in (*scripts, *blocks("sh")) for line in script.splitlines()]
    return sorted({line for line in lines if line.startswith("pytest-planguard comment")})


def test_there_are_workflows_to_look_at():
    assert len([one for one in map(yaml.safe_load, blocks("yaml")) if isinstance(one, dict)]) >= 4
    assert len(commands()) >= 5


@pytest.mark.parametrize("line", commands())
def test_every_comment_command_of_the_pages_has_options_that_exist(line):
    _, name, *arguments = shlex.split(line, comments=True)
    command = cli.commands.get_command(None, name)
    context = command.make_context(name, arguments)
    assert context.params["github"] != context.params["gitlab"]


def test_a_second_workflow_runs_no_code_of_the_pull_request():
    second = [text for text in blocks("yaml") if "workflow_run:" in text]
    assert len(second) == 2
    for text in second:
        assert "checkout" not in text
        assert "-e ." not in text


def test_the_tokens_input_stands_for_both_names_a_job_may_have_given():
    given = [STEPS["Comment"]["env"][name] for name in ("GITHUB_TOKEN", "GH_TOKEN")]
    assert given == ["${{ inputs.token }}"] * 2


def test_no_workflow_of_the_pages_runs_twice_for_one_push():
    for text in blocks("yaml"):
        events = (yaml.safe_load(text) or {}).get(True) if "on:" in text else None
        if isinstance(events, dict) and "pull_request" in events and "push" in events:
            assert events["push"]["branches"], text
        assert not isinstance(events, list) or set(events) != {"push", "pull_request"}, text


def test_no_input_is_pasted_into_a_script():
    for step in ACTION["runs"]["steps"]:
        assert "${{" not in step.get("run", "")


def test_every_input_of_the_action_is_used_and_described():
    text = str(ACTION["runs"])
    for name, value in ACTION["inputs"].items():
        assert f"inputs.{name}" in text
        assert value["description"]
        assert isinstance(value["default"], str)


def run(tmp_path: Path, step: dict[str, Any], **inputs: str) -> subprocess.CompletedProcess[str]:
    """A step of the action as the runner does it: values by the environment, bash -eo pipefail."""
    values = {name: one["default"] for name, one in ACTION["inputs"].items()} | inputs
    environ = {
        name: re.sub(r"\$\{\{ inputs\.([\w-]+) \}\}", lambda found: values[found[1]], text)
        for name, text in step["env"].items()
    }
    path = f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
        cwd=tmp_path,
        env={**os.environ, **environ, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def stub(tmp_path):
    """Puts a program of that name in the way: it prints its arguments and ends as told."""
    (tmp_path / "bin").mkdir()

    def make(name: str, status: int) -> None:
        file = tmp_path / "bin" / name
        file.write_text(f'#!/bin/sh\nprintf "<%s>" "$@" "$PLANGUARD_REPORT"\nexit {status}\n')
        file.chmod(0o755)

    return make


STEPS = {step["name"]: step for step in ACTION["runs"]["steps"]}


@pytest.mark.parametrize("status", [0, 1])
def test_the_action_ends_as_the_tests_do(tmp_path, stub, status):
    stub("pytest", status)
    done = run(tmp_path, STEPS["Tests under planguard"])
    assert done.returncode == status
    assert done.stdout == "<--planguard><term json github>"


def test_the_action_takes_any_command(tmp_path, stub):
    stub("pytest", 0)
    done = run(tmp_path, STEPS["Tests under planguard"], run='cd . && pytest --planguard -k "a b"')
    assert done.stdout == "<--planguard><-k><a b><term json github>"


@pytest.mark.parametrize("status", [0, 2, 3])
def test_the_action_never_fails_because_a_comment_could_not_be_posted(tmp_path, stub, status):
    stub("pytest-planguard", status)
    done = run(tmp_path, STEPS["Comment"], tag="", reports="a.json *.json")
    assert done.returncode == 0
    assert ("::warning" in done.stdout) == (status != 0)
    left = "<--output><.planguard/comment.md>"
    options = f"<--behavior><update><--when><findings><--tag><>{left}"
    assert done.stdout.startswith(f"<comment><--github>{options}<a.json><*.json>")


def test_the_action_comments_also_when_tests_failed_and_keeps_what_was_left():
    for name in ("Comment", "Keep what could not be posted"):
        assert STEPS[name]["if"] == "${{ !cancelled() && inputs.comment == 'true' }}"
    kept = STEPS["Keep what could not be posted"]
    assert kept["continue-on-error"] is True
    assert kept["with"]["include-hidden-files"] is True  # its folder begins with a dot


def test_the_two_halves_of_the_check_run_every_test_file_once(tmp_path: Path) -> None:
    (tmp_path / ".ci").mkdir()
    (tmp_path / ".ci/check").write_text((ROOT / ".ci/check").read_text(encoding="utf-8"))
    files = [one.relative_to(ROOT) for one in (ROOT / "tests").rglob("test_*.py")]
    for file in files:
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).touch()
    (tmp_path / ".venv/bin").mkdir(parents=True)
    for tool in ("python", "ruff", "mypy", "lint-imports"):
        script = tmp_path / ".venv/bin" / tool
        script.write_text(f'#!/bin/sh\n[ "$2" != pytest ] || echo "$@" >> {tmp_path}/runs\n')
        script.chmod(0o755)
    subprocess.run(["bash", ".ci/check"], cwd=tmp_path, check=True, capture_output=True)
    ran = [
        file
        for line in (tmp_path / "runs").read_text().splitlines()
        for file in chosen(shlex.split(line), tmp_path)
    ]
    assert sorted(ran) == sorted(map(str, files))


def chosen(arguments: list[str], root: Path) -> list[str]:
    """The test files a command line of pytest means."""
    left_out = [one.partition("=")[2] for one in arguments if one.startswith("--ignore=")]
    found: list[str] = []
    for given in (one for one in arguments if one.startswith("tests")):
        path = root / given
        files = [path] if path.is_file() else path.rglob("test_*.py")
        found += (str(one.relative_to(root)) for one in files)
    return [one for one in found if one not in left_out]
