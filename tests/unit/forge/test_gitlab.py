from __future__ import annotations

import pytest

import fix_forges
from pytest_planguard.forge.gitlab import OUTDATED

MARKER = "<!-- pytest-planguard -->"
RED = f"{MARKER}\n### ❌ planguard failed: 1 error\n"


@pytest.fixture
def host():
    with fix_forges.serving(fix_forges.GitLab()) as forge:
        yield forge


@pytest.mark.parametrize("project", ["42", "shop/app"])
def test_a_project_is_named_by_its_number_or_its_path(host, project):
    posted = host.client(project=project).post(RED, MARKER)
    assert posted.url == f"{fix_forges.WEB}/-/merge_requests/7#note_101"


def test_what_gitlab_itself_notes_is_never_ours(host):
    host.write(RED, system=True)
    assert host.client().own(MARKER) == []


def test_a_note_is_folded_since_none_can_be_hidden_and_is_no_longer_ours(host):
    note = host.write(RED)
    there = host.client()
    there.hide(there.own(MARKER))
    assert note["body"].startswith(f"{OUTDATED}\n<details>")
    assert RED.strip() in note["body"]
    assert there.own(MARKER) == []
