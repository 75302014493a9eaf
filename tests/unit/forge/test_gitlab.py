from __future__ import annotations

import pytest

import fix_forges
from pytest_planguard.errors import ForgeError
from pytest_planguard.forge.gitlab import OUTDATED
from pytest_planguard.forge.refusals import ReadOnlyError, UnavailableError

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


class Another(fix_forges.GitLab):
    """What answers at a wrong address."""

    def _route(self, asked):
        return 200, None, {}


def test_a_server_that_is_none_of_gitlabs_is_a_mistake_and_asked_once():
    with fix_forges.serving(Another()) as host:
        with pytest.raises(ForgeError, match="none of GitLab's") as raised:
            host.client().own(MARKER)
        assert len(host.asked) == 1
    assert not isinstance(raised.value, UnavailableError)
    assert raised.value.hint == "check the server's address"


def test_an_address_that_redirects_what_is_written_is_a_mistake_and_asked_once(host):
    host.fail("POST", "/notes", 302, headers={"Location": f"{host.url}/api/v4/user"}, times=9)
    sleeps = fix_forges.Sleeps()
    with pytest.raises(ForgeError, match="redirected") as raised:
        host.client(sleeps).post(RED, MARKER)
    assert not isinstance(raised.value, UnavailableError)
    assert (sleeps, len(host.said("POST"))) == ([], 1)


def test_a_token_that_may_not_write_is_told_gitlabs_own_remedy(host):
    host.fail("POST", "/notes", 403, message="403 Forbidden")
    with pytest.raises(ReadOnlyError) as raised:
        host.client().post(RED, MARKER)
    assert "scope api" in raised.value.hint
