"""``comment``: the reports in the pull request, as one comment."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from pytest_planguard.errors import ConfigurationError, ForgeError, PlanguardError, described

if TYPE_CHECKING:
    from pytest_planguard.cli.comment_host import Host
    from pytest_planguard.forge.behavior import Behavior, Done, Steps
    from pytest_planguard.forge.conversation import Conversation

_BEHAVIORS = ("update", "new", "hide-and-new", "delete-and-new")
_WHEN = ("always", "findings", "change")


class _Message(msgspec.Struct, frozen=True):
    """What is to be said, and where it is left if it cannot be."""

    text: str
    marker: str
    wanted: bool
    """There is something to say; else only a comment that is there is set right."""
    file: Path
    root: Path


@click.command("comment")
@click.argument("reports", nargs=-1, metavar="[[NAME=]REPORT.json]...")
@click.option("--github", is_flag=True, help="Also GitHub Enterprise; the token is GITHUB_TOKEN.")
@click.option("--gitlab", is_flag=True, help="Also self-managed; the token is GITLAB_TOKEN.")
@click.option(
    "--behavior",
    type=click.Choice(_BEHAVIORS),
    default="update",
    show_default=True,
    help="What becomes of an earlier comment.",
)
@click.option(
    "--when",
    type=click.Choice(_WHEN),
    default="findings",
    show_default=True,
    help="When a first comment is made; one that is there is always set right.",
)
@click.option("--tag", metavar="NAME", default="", help="A comment of its own beside others.")
@click.option("--dry-run", is_flag=True, help="Print the text and what would be done with it.")
@click.option(
    "--pull-request",
    "number",
    metavar="NUMBER",
    type=click.IntRange(1),
    help="Where the environment does not tell.",
)
@click.option("--repository", metavar="NAME", default="", help="OWNER/NAME, or GitLab's project.")
@click.option("--url", metavar="URL", default="", help="Of the API, or of the GitLab server.")
@click.option("--base", metavar="REVISION", default="", help="What the baseline is compared with.")
@click.option(
    "--baseline",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Default: that of the project a report lies in.",
)
@click.option(
    "--text",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Post what an earlier run left, instead of reports.",
)
@click.option(
    "--output",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Where the text is left if it cannot be posted; default .planguard/comment.md.",
)
def command(reports: tuple[str, ...], **given: Any) -> int:
    """Comment the pull request with JSON reports; several become sections of one comment.

    Without a REPORT the default one is taken, .planguard/report.json. The pull request is found
    from the environment of GitHub Actions or GitLab CI. A token that may not write, as in a fork's
    pull request, is no failure: the text is left as a file for --text.
    """
    from pytest_planguard.cli.comment_host import chosen, conversation, no_token, token_of

    host = chosen(given, os.environ)
    message = _message(reports, given, host)
    if given["dry_run"]:
        click.echo(message.text, nl=False)
    token = token_of(host.kind, os.environ)
    if not token:
        return _without_token(host, message, no_token(host.kind), dry_run=given["dry_run"])
    try:
        there = conversation(host, token)
        if there is None:
            click.echo("there is no open pull request to comment", err=True)
            return 0
        return _say(there, message, given)
    except ForgeError as error:
        return _left(message, error, dry_run=given["dry_run"])
    except PlanguardError:
        raise
    except Exception as error:  # noqa: BLE001 - a library's error may quote the token
        raise ForgeError(f"the comment was not posted: {described(error)}") from None


def _message(reports: tuple[str, ...], given: dict[str, Any], host: Host) -> _Message:
    from pytest_planguard.cli import comment_text
    from pytest_planguard.config import find_root
    from pytest_planguard.forge.behavior import worded
    from pytest_planguard.report import comment
    from pytest_planguard.report.markdown import LONGEST

    root = find_root(Path.cwd())
    marker = comment.marker(given["tag"])
    file = given["output"] or root / ".planguard" / "comment.md"
    if given["text"] is not None:
        if reports:
            raise ConfigurationError("--text and reports exclude each other", hint="give one")
        text, wanted = comment_text.left_text(given["text"], marker, LONGEST)
        return _Message(text, marker, wanted, file, root)
    bases = (given["base"],) if given["base"] else host.bases
    sections = comment_text.sections(comment_text.sources(reports, root), given["baseline"], bases)
    when = {"findings": comment.has_findings, "change": comment.has_changes}
    wanted = given["when"] == "always" or when[given["when"]](sections)
    text = worded(comment.render(sections, tag=given["tag"], link=host.link), wanted=wanted)
    if not given["dry_run"]:
        comment_text.append_summary(text)
    return _Message(text, marker, wanted, file, root)


def _say(there: Conversation, message: _Message, given: dict[str, Any]) -> int:
    from pytest_planguard.forge.behavior import Behavior, carry_out, decide

    behavior: Behavior = Behavior(given["behavior"])
    existing = there.own(message.marker)
    steps = decide(existing, message.text, behavior, wanted=message.wanted)
    if given["dry_run"]:
        click.echo(f"{there.name}: {_planned(steps)}", err=True)
        return 0
    done = carry_out(steps, there, message.text, message.marker)
    with suppress(OSError):  # of an earlier run: nobody is to post it now
        message.file.unlink()
    _tell(there, done)
    return 0


def _planned(steps: Steps) -> str:
    """What a run that is not dry would do."""
    parts = [
        "post a comment" if steps.post else "",
        f"update {steps.update.url or steps.update.id}" if steps.update else "",
        f"hide {len(steps.hide)} earlier" if steps.hide else "",
        f"delete {len(steps.delete)} earlier" if steps.delete else "",
    ]
    return f"would {', '.join(filter(None, parts))}" if any(parts) else "nothing to do"


def _tell(there: Conversation, done: Done) -> None:
    url = done.comment.url if done.comment is not None else ""
    click.echo(f"{done.what}: {url or there.name}")
    for problem in done.problems:
        click.echo(problem, err=True)


def _without_token(
    host: Host, message: _Message, error: ConfigurationError, *, dry_run: bool
) -> int:
    """A fork's pipeline has none, and that is no mistake."""
    if dry_run:
        return 0
    if host.kind == "gitlab" and host.place.forked:
        return _left(message, error, dry_run=False)
    raise error


def _left(message: _Message, error: PlanguardError, *, dry_run: bool) -> int:
    """Leaves the text as a file and says so.

    What no change of the workflow can mend never fails a run: a token that may not write, a locked
    conversation, a host that is down. All else is raised.
    """
    from pytest_planguard.forge.refusals import ReadOnlyError, UnavailableError

    if dry_run:
        raise error
    where = _leave(message)
    if not isinstance(error, ReadOnlyError | UnavailableError | ConfigurationError):
        click.echo(where, err=True)
        raise error
    hint = f"\n  {error.hint}" if error.hint else ""
    _warn(f"the comment was not posted: {error.message}; {where}{hint}")
    return 0


def _leave(message: _Message) -> str:
    """Writes the file; where it is, or why it is not, as half a sentence."""
    from pytest_planguard.cli.comment_text import to_leave
    from pytest_planguard.report.write import write_file

    text = to_leave(message.text, wanted=message.wanted)
    try:
        write_file(message.file, text, message.root)
    except OSError as problem:
        return f"its text cannot be left in {message.file}: {problem.strerror or problem}"
    return f"its text is in {message.file}"


def _warn(text: str) -> None:
    """On standard error, and in GitHub Actions as an annotation of the run."""
    if os.environ.get("GITHUB_ACTIONS") != "true":
        click.echo(text, err=True)
        return
    from pytest_planguard.report.github import data

    click.echo(f"::warning title=planguard::{data(text)}", err=True)
