from __future__ import annotations

import json

import pytest

from pytest_planguard.errors import ConfigurationError
from pytest_planguard.forge import github_actions, gitlab_ci

ACTIONS = {
    "GITHUB_REPOSITORY": "shop/app",
    "GITHUB_SERVER_URL": "https://github.com",
    "GITHUB_API_URL": "https://api.github.com",
    "GITHUB_RUN_ID": "99",
    "GITHUB_SHA": "c0ffee",
}
RUN = {
    "head_branch": "feature",
    "head_sha": "abc",
    "head_repository": {"owner": {"login": "fork"}},
}


def github(tmp_path, event, **environ):
    file = tmp_path / "event.json"
    file.write_text(json.dumps(event))
    return github_actions.where(ACTIONS | {"GITHUB_EVENT_PATH": str(file)} | environ)


@pytest.mark.parametrize(
    ("event", "number"),
    [
        ({"pull_request": {"number": 7}}, 7),
        ({"issue": {"number": 7, "pull_request": {"url": "…"}}}, 7),
        ({"issue": {"number": 7}}, None),
        ({}, None),
        ([], None),
        ({"pull_request": None}, None),
    ],
)
def test_the_number_is_in_the_event(tmp_path, event, number):
    assert github(tmp_path, event).number == number


def test_without_an_event_the_number_is_in_the_ref():
    assert github_actions.where(ACTIONS | {"GITHUB_REF": "refs/pull/12/merge"}).number == 12
    assert github_actions.where(ACTIONS | {"GITHUB_REF": "refs/heads/main"}).number is None


def test_a_run_that_another_workflow_started_is_known_by_its_branch_and_commit(tmp_path):
    place = github(tmp_path, {"workflow_run": RUN}, GITHUB_EVENT_NAME="workflow_run")
    assert place.number is None
    assert place.head == github_actions.Head("fork:feature", "abc")


def test_bases_begin_with_what_github_merged_with(tmp_path):
    place = github(
        tmp_path,
        {"pull_request": {"number": 7, "base": {"sha": "b45e"}}},
        GITHUB_REF="refs/pull/7/merge",
        GITHUB_BASE_REF="main",
    )
    assert place.bases == ("c0ffee^1", "origin/main", "b45e")


def test_an_enterprise_server_has_its_own_addresses():
    place = github_actions.where(
        ACTIONS
        | {
            "GITHUB_API_URL": "https://code.example/api/v3",
            "GITHUB_SERVER_URL": "https://code.example",
        }
    )
    assert place.api == "https://code.example/api/v3"
    assert place.link == "https://code.example/shop/app/actions/runs/99"


def test_an_event_that_cannot_be_read_is_one_mistake(tmp_path):
    with pytest.raises(ConfigurationError, match="GITHUB_EVENT_PATH"):
        github_actions.where({"GITHUB_EVENT_PATH": str(tmp_path / "none.json")})


def test_a_merge_request_is_in_its_target_project_also_from_a_fork():
    place = gitlab_ci.where(
        {
            "CI_SERVER_URL": "https://gitlab.com",
            "CI_PROJECT_ID": "99",
            "CI_MERGE_REQUEST_PROJECT_ID": "42",
            "CI_MERGE_REQUEST_SOURCE_PROJECT_ID": "99",
            "CI_MERGE_REQUEST_IID": "7",
            "CI_MERGE_REQUEST_DIFF_BASE_SHA": "b45e",
            "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main",
        }
    )
    assert (place.project, place.number, place.forked) == ("42", 7, True)
    assert place.bases == ("b45e", "origin/main")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("shop/app!7", ("shop/app", 7)),
        ("shop/app!7,shop/app!8", ("42", None)),
        ("", ("42", None)),
    ],
)
def test_a_branch_pipeline_has_the_one_open_merge_request(text, found):
    place = gitlab_ci.where({"CI_PROJECT_ID": "42", "CI_OPEN_MERGE_REQUESTS": text})
    assert (place.project, place.number) == found


@pytest.mark.parametrize(
    ("environ", "server"),
    [
        ({}, "https://gitlab.com"),
        ({"CI_SERVER_URL": "https://code.example"}, "https://code.example"),
        (
            {"CI_API_V4_URL": "https://code.example/git/api/v4", "CI_SERVER_URL": "https://x"},
            "https://code.example/git",
        ),
    ],
)
def test_a_self_managed_server_may_be_below_a_path(environ, server):
    assert gitlab_ci.where(environ).server == server
