from __future__ import annotations

from pytest_planguard.config import folder_in_repository, load


def test_a_service_is_named_from_the_folder_that_holds_git(tmp_path):
    (tmp_path / ".git").mkdir()
    service = tmp_path / "services/shop"
    service.mkdir(parents=True)
    assert folder_in_repository(service, {}) == "services/shop"
    assert folder_in_repository(tmp_path, {}) == ""
    assert load(service, environ={}).folder == "services/shop"


def test_a_worktree_has_a_file_of_that_name(tmp_path):
    (tmp_path / ".git").write_text("gitdir: /somewhere/.git/worktrees/shop\n")
    (tmp_path / "shop").mkdir()
    assert folder_in_repository(tmp_path / "shop", {}) == "shop"


def test_the_nearest_repository_wins_over_what_the_job_says(tmp_path):
    checkout = tmp_path / "checkout"
    (checkout / ".git").mkdir(parents=True)
    (checkout / "shop").mkdir()
    assert folder_in_repository(checkout / "shop", {"GITHUB_WORKSPACE": str(tmp_path)}) == "shop"


def test_without_git_the_jobs_workspace_tells(tmp_path):
    service = tmp_path / "services/shop"
    service.mkdir(parents=True)
    for name in ("GITHUB_WORKSPACE", "CI_PROJECT_DIR"):
        assert folder_in_repository(service, {name: str(tmp_path)}) == "services/shop"
    elsewhere = {"GITHUB_WORKSPACE": str(tmp_path / "other"), "CI_PROJECT_DIR": ""}
    assert folder_in_repository(service, elsewhere) == ""


def test_a_service_that_is_reached_through_a_link_lies_where_it_lies(tmp_path):
    (tmp_path / ".git").mkdir()
    (tmp_path / "services/shop").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "services")
    assert folder_in_repository(tmp_path / "link/shop", {}) == "services/shop"
