"""``rule``: what a rule means and does."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from pytest_planguard.cli.common import did_you_mean
from pytest_planguard.errors import ConfigurationError

if TYPE_CHECKING:
    from pytest_planguard.model.finding import RuleFacts


@click.command("rule")
@click.argument("code", required=False)
def command(code: str | None) -> int:
    """What a rule means and does; without CODE, all of them in a line each."""
    facts = _facts()
    if code is None:
        for one in facts.values():
            click.echo(f"{one.code}  {one.severity.value:<7}  {one.name}")
        return 0
    for line in described(_find(code, facts)):
        click.echo(line)
    return 0


def described(facts: RuleFacts) -> Iterator[str]:
    """The facts of a rule as paragraphs."""
    worst = "explains other findings" if facts.explains else f"{facts.severity.value} at worst"
    yield f"{facts.code} {facts.name} ({worst})"
    parts = (
        ("when", facts.condition),
        ("what happens", facts.effect),
        ("what to do", facts.remedy),
        ("source", facts.source),
    )
    for title, text in parts:
        yield ""
        yield title
        yield click.wrap_text(text, 80, "  ", "  ", preserve_paragraphs=True)


def _facts() -> dict[str, RuleFacts]:
    from pytest_planguard import registry

    return {code: module.FACTS for code, module in sorted(registry.rules().items())}


def _find(code: str, facts: dict[str, RuleFacts]) -> RuleFacts:
    """By code, whatever its case, or by name."""
    names = {one.name: one for one in facts.values()}
    found = facts.get(code.upper()) or names.get(code.lower())
    if found is None:
        guess = did_you_mean(code.upper(), facts) or did_you_mean(code.lower(), names)
        raise ConfigurationError(
            f'there is no rule "{code}"{guess}', hint="list them with: pytest-planguard rule"
        )
    return found
