from __future__ import annotations

import shutil
import subprocess

import pytest

from pytest_planguard.forge.history import Changed, Unknown, changed


class Repository:
    """A git repository with a baseline in ``svc/base``."""

    def __init__(self, top):
        self.top, self.folder = top, top / "svc/base"
        self.git("init", "-q", "-b", "main")
        (top / "other.json").write_text("{}")
        self.commit("start")

    def git(self, *arguments):
        settings = ("-c", "user.name=t", "-c", "user.email=t@t.example", "-c", "gc.auto=0")
        done = subprocess.run(
            ["git", *settings, *arguments], cwd=self.top, check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    def write(self, name, text):
        file = self.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def commit(self, subject):
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", subject)
        return self.git("rev-parse", "HEAD")


@pytest.fixture
def repository(tmp_path, monkeypatch):
    for name in ("GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM"):
        monkeypatch.setenv(name, "/dev/null")
    return Repository(tmp_path)


def names(found):
    assert isinstance(found, Changed)
    return sorted(file.name for file in found.after)


def test_what_changed_since_the_branch_began_is_told_with_its_old_contents(repository):
    for name in ("same", "moved", "gone"):
        repository.write(f"queries/{name}.json", f'"{name}"')
    repository.commit("baseline")
    repository.git("checkout", "-q", "-b", "feature")
    repository.write("queries/moved.json", '"new\n"')
    repository.write("queries/added é.json", '"added"')
    repository.write("queries/notes.txt", "no entry")
    (repository.folder / "queries/gone.json").unlink()
    (repository.top / "other.json").write_text("[]")
    repository.commit("work")
    repository.git("checkout", "-q", "main")
    repository.write("queries/of-main.json", '"later"')
    repository.commit("meanwhile")
    repository.git("checkout", "-q", "feature")

    found = changed(repository.folder, ("nonsense", "main"))

    assert names(found) == ["added é.json", "moved.json"]
    assert sorted(found.before) == [b'"gone"', b'"moved"']
    assert not found.begins


def test_what_this_job_wrote_and_nobody_committed_counts(repository):
    repository.write("queries/one.json", "1")
    base = repository.commit("baseline")
    repository.write("queries/one.json", "2")
    assert names(changed(repository.folder, (base,))) == ["one.json"]


def test_a_merge_commit_is_compared_with_the_base_it_was_merged_with(repository):
    repository.git("checkout", "-q", "-b", "feature")
    repository.write("queries/new.json", "1")
    repository.commit("work")
    repository.git("checkout", "-q", "main")
    repository.write("queries/of-main.json", "2")
    repository.commit("meanwhile")
    repository.git("merge", "-q", "--no-ff", "feature", "-m", "merge")
    head = repository.git("rev-parse", "HEAD")

    clone = repository.top.parent / "clone"
    repository.git("clone", "-q", "--depth=2", repository.top.as_uri(), str(clone))
    try:
        found = changed(clone / "svc/base", (f"{head}^1", "origin/none"))
    finally:
        shutil.rmtree(clone)

    assert names(found) == ["new.json"]


def test_the_first_baseline_is_told_as_such(repository):
    base = repository.git("rev-parse", "HEAD")
    repository.write("queries/one.json", "1")
    repository.commit("baseline")
    found = changed(repository.folder, (base,))
    assert isinstance(found, Changed)
    assert (found.begins, found.before) == (True, ())


def test_without_the_base_in_the_history_it_is_not_known(repository):
    repository.write("queries/one.json", "1")
    repository.commit("baseline")
    for bases in ((), ("origin/main", "0" * 40), ("--output=x",)):
        found = changed(repository.folder, bases)
        assert isinstance(found, Unknown)
        assert "does not reach back" in found.reason


def test_without_git_it_is_not_known(tmp_path, monkeypatch):
    (tmp_path / "base").mkdir()
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    assert changed(tmp_path / "base", ("main",)) == Unknown("there is no git history to ask")
    monkeypatch.setenv("PATH", "")
    assert changed(tmp_path / "base", ("main",)) == Unknown("there is no git history to ask")
