from __future__ import annotations

import json
import subprocess
import sys

import msgspec
import pytest

import fix_forges
import fix_reports
from pytest_planguard.baseline import files
from pytest_planguard.cli import comment_host
from pytest_planguard.forge.github import GitHubComments
from pytest_planguard.forge.patience import Patience
from pytest_planguard.model.baseline import Accepted, Entry, Origin, PlanEntry
from pytest_planguard.model.report import Status
from pytest_planguard.report import json as as_json
from pytest_planguard.report import markdown

MARKER = "<!-- pytest-planguard -->"
GREEN, RED = "### ✅ planguard passed", "### ❌ planguard failed: 1 error"


@pytest.fixture(autouse=True)
def without_a_host(monkeypatch):
    """Whatever runs these tests may be a CI itself."""
    for name in (
        "GITHUB_ACTIONS", "GITLAB_CI", "GITHUB_EVENT_PATH", "GITHUB_EVENT_NAME", "GITHUB_REF",
        "GITHUB_SHA", "GITHUB_BASE_REF", "GITHUB_STEP_SUMMARY", "GITHUB_TOKEN", "GH_TOKEN",
        "GITLAB_TOKEN", "CI_API_V4_URL", "CI_MERGE_REQUEST_SOURCE_PROJECT_ID",
    ):  # fmt: skip
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(comment_host, "PATIENCE", Patience(sleep=fix_forges.Sleeps()))


@pytest.fixture
def github(monkeypatch, tmp_path):
    """A pull request on GitHub, seen from a job of Actions."""
    with fix_forges.serving(fix_forges.GitHub()) as forge:
        event = tmp_path / "event.json"
        event.write_text('{"pull_request": {"number": 7}}')
        for name, value in {
            "GITHUB_ACTIONS": "true",
            "GITHUB_API_URL": forge.url,
            "GITHUB_SERVER_URL": "https://github.example",
            "GITHUB_RUN_ID": "99",
            "GITHUB_REPOSITORY": "shop/app",
            "GITHUB_EVENT_PATH": str(event),
            "GITHUB_TOKEN": fix_forges.TOKEN,
        }.items():
            monkeypatch.setenv(name, value)
        yield forge
    assert forge.objections == []


@pytest.fixture
def gitlab(monkeypatch):
    """A merge request on GitLab, seen from a job of its CI."""
    with fix_forges.serving(fix_forges.GitLab()) as forge:
        for name, value in {
            "GITLAB_CI": "true",
            "CI_SERVER_URL": forge.url,
            "CI_PROJECT_ID": "42",
            "CI_MERGE_REQUEST_PROJECT_ID": "42",
            "CI_MERGE_REQUEST_PROJECT_URL": "https://gitlab.example/shop/app",
            "CI_MERGE_REQUEST_IID": "7",
            "GITLAB_TOKEN": fix_forges.TOKEN,
        }.items():
            monkeypatch.setenv(name, value)
        yield forge


@pytest.fixture
def reported(project):
    """Writes a report as a run does."""

    def write(report, name=".planguard/report.json"):
        file = project / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(as_json.render(report))
        return name

    return write


def bodies(forge):
    return [one["body"] for one in forge.comments]


def test_github_is_commented_once_and_turns_green_when_it_is_mended(github, reported, say):
    reported(fix_reports.one_finding())
    first = say("comment", "--github")
    assert (first.status, first.err) == (0, "")
    assert first.out == "posted: https://github.example/shop/app/pull/7#issuecomment-101\n"
    assert bodies(github)[0].startswith(f"{MARKER}\n{RED}\n")
    assert say("comment").out.startswith("unchanged: shop/app#7")
    reported(fix_reports.empty())
    assert say("comment").out.startswith("updated: ")
    (body,) = bodies(github)
    assert body.startswith(f"{MARKER}\n{GREEN}\n")


def test_gitlab_is_commented_once_and_turns_green_when_it_is_mended(gitlab, reported, say):
    reported(fix_reports.one_finding())
    posted = say("comment", "--gitlab")
    assert posted.out == "posted: https://gitlab.example/shop/app/-/merge_requests/7#note_101\n"
    reported(fix_reports.empty())
    assert say("comment").out.startswith("updated: ")
    (body,) = bodies(gitlab)
    assert body.startswith(f"{MARKER}\n{GREEN}\n")


@pytest.mark.parametrize(
    ("when", "sample", "comments"),
    [
        ("always", "empty", 1),
        ("findings", "empty", 0),
        ("change", "empty", 0),
        ("findings", "one_finding", 1),
        ("findings", "first_run", 1),
        ("findings", "incomplete", 1),
        ("findings", "accepted", 0),
        ("change", "accepted", 1),
        ("change", "one_finding", 1),
    ],
)
def test_a_first_comment_is_made_when_it_was_asked_for(
    github, reported, say, when, sample, comments
):
    reported(fix_reports.SAMPLES[sample]())
    assert say("comment", "--when", when).status == 0
    assert len(github.comments) == comments


@pytest.mark.parametrize(("when", "comments"), [("findings", 0), ("change", 1)])
def test_plans_that_only_moved_are_a_change(github, reported, say, when, comments):
    reported(msgspec.structs.replace(fix_reports.empty(), changes={"same": 213, "better": 1}))
    say("comment", "--when", when)
    assert len(github.comments) == comments


def test_a_forks_token_leaves_the_text_and_another_workflow_posts_it(
    github, reported, say, project, monkeypatch, tmp_path
):
    reported(fix_reports.one_finding())
    github.fail("POST", "/comments", 403, message="Resource not accessible by integration")
    forked = say("comment")
    left = project / ".planguard/comment.md"
    assert (forked.status, forked.out) == (0, "")
    assert forked.err.startswith("::warning title=planguard::the comment was not posted: ")
    assert f"its text is in {left}%0A" in forked.err
    assert left.read_text().startswith(f"{MARKER}\n{RED}\n")
    assert (project / ".planguard/.gitignore").read_text() == "*\n"

    github.pulls = [{"number": 7, "state": "open", "head": {"label": "fork:it", "sha": "abc"}}]
    run = {"head_branch": "it", "head_sha": "abc", "head_repository": {"owner": {"login": "fork"}}}
    (tmp_path / "event.json").write_text(json.dumps({"workflow_run": run}))
    assert say("comment", "--text", str(left)).out.startswith("posted: ")
    assert bodies(github)[0].startswith(f"{MARKER}\n{RED}\n")


def test_what_a_fork_mended_is_set_right_and_makes_no_first_comment(github, reported, say, project):
    old = github.write(f"{MARKER}\n{RED}\n")
    reported(fix_reports.empty())
    github.fail("PATCH", "/comments", 403, message="Resource not accessible by integration")
    assert say("comment").status == 0
    left = project / ".planguard/comment.md"
    assert say("comment", "--text", str(left), "--output", "else.md").out.startswith("updated: ")
    assert old["body"].startswith(f"{MARKER}\n{GREEN}\n")
    assert "only where" not in old["body"]
    github.comments.clear()
    assert say("comment", "--text", str(left)).out.startswith("unchanged: ")
    assert github.comments == []


def test_what_was_left_is_gone_once_a_comment_stands(github, reported, say, project):
    left = project / ".planguard/comment.md"
    left.write_text("of an earlier run")
    reported(fix_reports.one_finding())
    say("comment")
    assert not left.exists()


@pytest.mark.parametrize(
    ("status", "message", "exit_status"),
    [
        (403, "issue is locked", 0),
        (502, "Bad Gateway", 0),
        (429, "slow down", 0),
        (401, "Bad credentials", 3),
        (404, "Not Found", 3),
        (422, "Validation Failed", 3),
    ],
)
def test_only_what_somebody_can_mend_is_a_failure_and_the_text_is_left_always(
    github, reported, say, project, status, message, exit_status
):
    reported(fix_reports.one_finding())
    github.fail("POST", "/comments", status, message=f"{message} {fix_forges.TOKEN}", times=99)
    said = say("comment")
    assert said.status == exit_status
    assert message in said.err
    assert fix_forges.TOKEN not in said.out + said.err
    assert (project / ".planguard/comment.md").is_file()


def test_an_error_of_a_library_that_quotes_the_token_is_told_without(
    github, reported, say, monkeypatch
):
    def fail(*_):
        raise LookupError(f"header Authorization: {fix_forges.TOKEN}")

    monkeypatch.setattr(GitHubComments, "own", fail)
    reported(fix_reports.one_finding())
    said = say("comment")
    assert said.status == 3
    assert "the comment was not posted: LookupError" in said.err
    assert fix_forges.TOKEN not in said.out + said.err


def test_a_dry_run_prints_the_text_and_writes_nothing(
    github, reported, say, project, monkeypatch, tmp_path
):
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    github.write(f"{MARKER}\n{RED}\n")
    reported(fix_reports.mixed())
    said = say("comment", "--dry-run")
    assert said.out.startswith(f"{MARKER}\n### ❌ planguard failed: 2 errors")
    assert "shop/app#7: would update https://github.example/" in said.err
    assert len(github.asked) == len(github.said("GET")) + 1  # and who we are
    assert not (tmp_path / "summary.md").exists()


def test_a_dry_run_needs_no_token(github, reported, say, monkeypatch):
    monkeypatch.delenv("GITHUB_TOKEN")
    reported(fix_reports.mixed())
    assert say("comment", "--dry-run").status == 0
    assert github.asked == []


@pytest.mark.parametrize("behavior", ["new", "hide-and-new", "delete-and-new"])
def test_warnings_are_set_right_once_they_are_mended(github, reported, say, behavior):
    warned = fix_reports.mixed()
    passed = msgspec.structs.replace(
        warned.verdict, status=Status.PASSED, errors=0, warnings=3, gated=False
    )
    reported(msgspec.structs.replace(warned, verdict=passed))
    said = [say("comment", "--behavior", behavior).out]
    empty = fix_reports.empty()
    for report in (empty, msgspec.structs.replace(empty, notes=("one more",))):
        reported(report)
        said.append(say("comment", "--behavior", behavior).out)
    assert [one.partition(":")[0] for one in said] == ["posted", "posted", "unchanged"]
    assert GREEN in bodies(github)[-1]


def test_the_text_is_left_where_the_action_looks_for_it(
    github, reported, say, project, monkeypatch
):
    service = project / "services" / "orders"
    service.mkdir(parents=True)
    monkeypatch.chdir(service)
    report = reported(fix_reports.one_finding(), "services/orders/.planguard/report.json")
    github.fail("POST", "/comments", 403, message="Resource not accessible by integration")
    text = ("--output", ".planguard/comment.md")
    assert say("comment", *text, str(project / report)).status == 0
    assert RED in (service / ".planguard" / "comment.md").read_text()


def test_the_token_a_step_is_given_goes_before_one_of_the_job(github, reported, say, monkeypatch):
    monkeypatch.setenv("GH_TOKEN", "gho_another")
    reported(fix_reports.one_finding())
    assert say("comment").out.startswith("posted: ")


def test_the_same_text_goes_to_the_job_summary(github, reported, say, monkeypatch, tmp_path):
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    reported(fix_reports.empty())
    say("comment")
    summary = (tmp_path / "summary.md").read_text()
    assert summary.startswith(GREEN)
    assert github.comments == []


def test_a_push_is_left_to_the_run_of_its_pull_request(
    github, reported, say, tmp_path, monkeypatch
):
    (tmp_path / "event.json").write_text('{"after": "abc"}')
    monkeypatch.setenv("GITHUB_EVENT_NAME", "push")
    monkeypatch.setenv("GITHUB_REF", "refs/heads/feature")
    monkeypatch.setenv("GITHUB_SHA", "abc")
    github.pulls = [{"number": 7, "state": "open", "head": {"label": "o:feature", "sha": "abc"}}]
    reported(fix_reports.one_finding())
    said = say("comment")
    assert (said.status, said.out) == (0, "")
    assert said.err == "there is no open pull request to comment\n"
    assert (github.comments, github.asked) == ([], [])


def test_repository_and_number_can_be_given(github, reported, say, monkeypatch):
    for name in ("GITHUB_ACTIONS", "GITHUB_REPOSITORY", "GITHUB_EVENT_PATH", "GITHUB_API_URL"):
        monkeypatch.delenv(name)
    reported(fix_reports.one_finding())
    options = ("--repository", "shop/app", "--pull-request", "7", "--url", github.url)
    assert say("comment", "--github", *options).out.startswith("posted: ")


def test_tags_keep_comments_apart(github, reported, say):
    reported(fix_reports.one_finding())
    for tag in ("orders", "billing", "orders"):
        assert say("comment", "--tag", tag).status == 0
    first_lines = [body.splitlines()[0] for body in bodies(github)]
    assert first_lines == [
        "<!-- pytest-planguard: orders -->",
        "<!-- pytest-planguard: billing -->",
    ]


def test_reports_of_several_services_are_sections_of_one_comment(github, reported, say):
    orders = reported(fix_reports.one_finding(), "services/orders/.planguard/report.json")
    billing = reported(fix_reports.empty(), "billing.json")
    assert say("comment", orders, f"pay & bill={billing}").status == 0
    (body,) = bodies(github)
    lines = body.splitlines()
    assert lines[1] == "## ❌ planguard: 1 of 2 reports failed"
    assert "### ❌ services/orders: failed: 1 error" in lines
    assert "### ✅ pay \\& bill: passed" in lines


@pytest.mark.parametrize(
    ("files", "titles"),
    [
        (("orders/report.json", "billing/report.json"), ("orders", "billing")),
        (("a/orders.json", "./b/orders.json"), ("a/orders", "b/orders")),
        (("a/orders.json", "orders=b/other.json"), ("a/orders", "orders")),
        (("report.json", "orders.json"), ("project", "orders")),
    ],
)
def test_reports_of_one_name_are_told_apart(github, reported, say, project, files, titles):
    for file in files:
        reported(fix_reports.empty(), file.rpartition("=")[2])
    assert say("comment", "--when", "always", *files).status == 0
    (body,) = bodies(github)
    heads = [line.removeprefix("### ✅ ") for line in body.splitlines() if line[:4] == "### "]
    wanted = [project.name if title == "project" else title for title in titles]
    assert heads == [f"{markdown.inline(title)}: passed" for title in wanted]


MISTAKES = {
    "nowhere": (("comment",), "it is not clear where the comment belongs"),
    "both": (("comment", "--github", "--gitlab"), "it is not clear where the comment belongs"),
    "no token": (("comment", "--github", "--repository", "a/b"), "there is no token in"),
    "no repository": (("comment", "--github"), '"" is no repository'),
    "no project": (("comment", "--gitlab"), "the project is not known"),
    "tag": (("comment", "--github", "--repository", "a/b", "--tag", "a--b"), "cannot be used"),
    "twice": (("comment", "--github", "--repository", "a/b", "x.json", "x.json"), "named twice"),
    "text": (
        ("comment", "--github", "--repository", "a/b", "--text", "pyproject.toml"),
        "pyproject.toml is no comment of planguard's with that tag",
    ),
    "no text": (
        ("comment", "--github", "--repository", "a/b", "--text", "none.md"),
        "none.md cannot be read: No such file",
    ),
    "text and report": (
        ("comment", "--github", "--repository", "a/b", "--text", "x.md", "x.json"),
        "--text and reports exclude each other",
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_status_2_with_a_hint(project, reported, say, monkeypatch, name):
    for variable in ("GITHUB_REPOSITORY", "CI_PROJECT_ID", "CI_MERGE_REQUEST_PROJECT_ID"):
        monkeypatch.delenv(variable, raising=False)
    arguments, words = MISTAKES[name]
    reported(fix_reports.one_finding())
    said = say(*arguments)
    assert said.status == 2
    assert words in said.err


def test_a_forks_pipeline_on_gitlab_has_no_token_and_that_is_no_mistake(
    gitlab, reported, say, project, monkeypatch
):
    reported(fix_reports.one_finding())
    monkeypatch.delenv("GITLAB_TOKEN")
    assert say("comment").status == 2
    monkeypatch.setenv("CI_MERGE_REQUEST_SOURCE_PROJECT_ID", "99")
    assert say("comment").status == 0
    assert (project / ".planguard/comment.md").is_file()
    assert gitlab.asked == []


@pytest.mark.parametrize(("module", "host"), [("githubkit", "github"), ("gitlab", "gitlab")])
def test_a_library_that_is_not_there_is_told_with_the_extra(
    request, reported, say, monkeypatch, module, host
):
    request.getfixturevalue(host)
    monkeypatch.setitem(sys.modules, module, None)
    reported(fix_reports.one_finding())
    said = say("comment")
    assert said.status == 2
    assert f"pip install 'pytest-planguard[{host}]'" in said.err


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "cannot be read: No such file"),
        ('{"schema": 1, "complete": tr', "is truncated or no JSON"),
        ('{"schema": 2}', "has schema 2, this planguard reads up to 1"),
        ('{"schema": 1}', "is no JSON report of planguard"),
        ("[]", "is no JSON report of planguard"),
    ],
)
def test_a_report_that_cannot_be_read_is_one_error(github, project, say, content, words):
    if content is not None:
        (project / ".planguard/report.json").write_text(content)
    said = say("comment")
    assert said.status == 3
    assert words in said.err
    assert said.err.count("error:") == 1
    assert github.asked == []


def entry(key="feed00000001", *findings):
    plan = PlanEntry("captured", {"e": "seq"}, {"e": "public.events"}, {}, 150000.0, ("Seq Scan",))
    origins = (Origin("app/feed.py", "latest"),)
    return Entry(key, "default", "SELECT 1", (), origins, (), (plan,), findings)


def git(folder, *arguments):
    settings = ("-c", "user.name=t", "-c", "user.email=t@t.example")
    subprocess.run(["git", *settings, *arguments], cwd=folder, check=True, capture_output=True)


def test_what_the_pull_request_accepted_is_listed_with_its_reasons_also_when_all_is_green(
    github, reported, say, project, monkeypatch
):
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    directory = project / "planguard/baseline"
    git(project, "init", "-q", "-b", "main")
    files.write_entries(directory, [entry("0ld000000000")])
    git(project, "add", "-A")
    git(project, "commit", "-q", "-m", "base")
    accepted = Accepted("IDX001", "public.events", "error", "read @once a year")
    files.write_entries(directory, [entry("feed00000001", accepted)])
    git(project, "add", "-A")
    git(project, "commit", "-q", "-m", "accept")
    reported(fix_reports.empty())

    assert say("comment", "--base", "HEAD~1").out.startswith("posted: ")
    (body,) = bodies(github)
    assert body.startswith(f"{MARKER}\n{GREEN}\n")
    assert "#### Accepted by this pull request\n\n1 finding accepted; 1 new query.\n" in body
    line = "error IDX001 `public.events` · `app/feed.py latest`: read @\u200bonce a year"
    assert f"- {line}\n" in body

    say("comment")
    assert "is not known: nothing tells what it is compared with" in bodies(github)[0]
    monkeypatch.setenv("GITHUB_BASE_REF", "main")
    say("comment")
    assert "is not known: git's history does not reach back" in bodies(github)[0]

    (directory / "queries/app/feed/latest-feed00000001.json").write_text("<<<<<<< HEAD")
    say("comment", "--base", "HEAD~1")
    assert "is not known: a file of the baseline cannot be read." in bodies(github)[0]
    assert str(project) not in bodies(github)[0]
