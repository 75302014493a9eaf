from __future__ import annotations

import shutil
import subprocess

import pytest

from pytest_planguard.cli.revisions import merge_base
from pytest_planguard.errors import BaselineError


class Repository:
    """A git repository with a folder for the baseline."""

    def __init__(self, top):
        self.top, self.folder = top, top / "svc/base"
        self.folder.mkdir(parents=True)
        self.git("init", "-q", "-b", "main")

    def git(self, *arguments):
        settings = ("-c", "user.name=t", "-c", "user.email=t@t.example", "-c", "gc.auto=0")
        done = subprocess.run(
            ["git", *settings, *arguments], cwd=self.top, check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    def commit(self, subject):
        self.git("commit", "-q", "--allow-empty", "-m", subject)
        return self.git("rev-parse", "HEAD")


@pytest.fixture
def repository(tmp_path, monkeypatch):
    for name in ("GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM"):
        monkeypatch.setenv(name, "/dev/null")
    return Repository(tmp_path)


def test_the_first_revision_that_git_has_tells_where_the_branch_began(repository):
    began = repository.commit("start")
    repository.git("checkout", "-q", "-b", "feature")
    repository.commit("work")
    repository.git("checkout", "-q", "main")
    repository.commit("meanwhile")
    repository.git("checkout", "-q", "feature")
    assert merge_base(repository.folder, ("nonsense", "main", "HEAD")) == began


def test_a_merge_commit_is_compared_with_the_base_it_was_merged_with_in_a_shallow_clone(repository):
    repository.commit("start")
    repository.git("checkout", "-q", "-b", "feature")
    repository.commit("work")
    repository.git("checkout", "-q", "main")
    base = repository.commit("meanwhile")
    repository.git("merge", "-q", "--no-ff", "feature", "-m", "merge")
    head = repository.git("rev-parse", "HEAD")
    clone = repository.top.parent / "clone"
    for depth, found in (("2", base), ("1", None)):
        repository.git("clone", "-q", f"--depth={depth}", repository.top.as_uri(), str(clone))
        try:
            assert merge_base(clone, (f"{head}^1", "origin/none")) == found
        finally:
            shutil.rmtree(clone)


@pytest.mark.parametrize("candidates", [(), ("origin/main", "0" * 40), ("--output=x",)])
def test_a_base_the_clone_does_not_have_is_none(repository, candidates):
    repository.commit("start")
    assert merge_base(repository.folder, candidates) is None


def test_without_git_or_a_repository_it_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    with pytest.raises(BaselineError):
        merge_base(tmp_path, ("main",))
    monkeypatch.setenv("PATH", "")
    with pytest.raises(BaselineError):
        merge_base(tmp_path, ("main",))
