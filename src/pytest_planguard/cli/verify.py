"""``verify``: the captured queries planned on a real database, beside the plans made here."""

from __future__ import annotations

import os
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pytest_planguard.cli.common import (
    captures_argument,
    chosen_database,
    load_config,
    progress,
    read_captures,
    server_options,
)
from pytest_planguard.errors import ConfigurationError

if TYPE_CHECKING:
    from pytest_planguard.model.plan import Plan
    from pytest_planguard.model.verification import Comparison, Verification, VerifiedQuery

WIDTH = 80

_VARIABLES = ("PLANGUARD_VERIFY_URL", "PLANGUARD_STATISTICS_URL")
_LIBPQ = ("PGSERVICE", "PGHOST", "PGHOSTADDR", "PGDATABASE")


@click.command("verify")
@captures_argument
@click.option(
    "--url",
    metavar="URL",
    help="The real database, a replica at best; without it PLANGUARD_VERIFY_URL, "
    "PLANGUARD_STATISTICS_URL or libpq's own environment. Keep passwords in those or in "
    "~/.pgpass: a command line can be seen by others.",
)
@click.option("--database", metavar="NAME", help="The configured database it stands beside.")
@click.option(
    "--timeout",
    metavar="SECONDS",
    type=click.FloatRange(min=0.001),
    default=10.0,
    help="For one statement there; default 10.",
)
@server_options
def command(
    captures: tuple[Path, ...],
    url: str | None,
    database: str | None,
    timeout: float,
    db: str | None,
) -> int:
    """Whether a real database plans the captured queries as they are planned here.

    Every query is sent as plain EXPLAIN, one at a time, in a read-only transaction that is rolled
    back: nothing is executed and no table is read. An ordinary role that may read the tables will
    do; the plan of a write needs the right to write. Without a CAPTURE the default one is taken.

    Exit status: 0 all identical, 1 some differ, 2 usage or configuration, 3 not reachable or
    incomplete.
    """
    from pytest_planguard import pipeline
    from pytest_planguard.conninfo import has_password

    config = load_config({"db": db})
    name = chosen_database(config, database)
    conninfo = real_database(url, os.environ)
    if has_password(url):
        click.echo(
            f"! the password stands in the list of processes: set {_VARIABLES[0]} instead",
            err=True,
        )
    capture = read_captures(config, captures)
    with progress() as show:
        found = pipeline.verify(config, capture, conninfo, name, timeout=timeout, progress=show)
    for line in lines(found):
        click.echo(line)
    return found.exit_status


def real_database(url: str | None, environ: Mapping[str, str]) -> str:
    """The connection string that was asked for; empty: libpq's environment says.

    Raises:
        ConfigurationError: There is none, or it can't be read. It is not repeated: it may hold
            a password.
    """
    from psycopg.conninfo import make_conninfo

    from pytest_planguard.conninfo import parameters

    named = next((one for one in _VARIABLES if environ.get(one)), "")
    text = url or environ.get(named, "")
    where = "--url" if url else named
    if not text and not any(environ.get(one) for one in _LIBPQ):
        raise ConfigurationError(
            "there is no database to verify on",
            hint="set PLANGUARD_VERIFY_URL, or give --url postgresql://… or --url service=NAME",
        )
    given = parameters(text, where)
    return text if "connect_timeout" in given else make_conninfo(text, connect_timeout=10)


def lines(found: Verification) -> Iterator[str]:
    """The outcome as text, 80 columns wide; what differs after the counts."""
    from pytest_planguard.model.verification import Likeness

    yield from _head(found)
    worst_last = sorted(found.queries, key=lambda one: one.likeness.rank)
    for likeness in (Likeness.DIFFERENT, Likeness.COST, Likeness.REFUSED):
        for one in worst_last:
            if one.likeness is likeness:
                yield ""
                yield from _query(one)


def _head(found: Verification) -> Iterator[str]:
    from pytest_planguard.model.verification import Likeness

    total = len(found.queries)
    others = [
        f"{count:,} {likeness.value}"
        for likeness in (Likeness.DIFFERENT, Likeness.COST, Likeness.REFUSED)
        if (count := found.count(likeness))
    ]
    yield f"{found.count(Likeness.IDENTICAL):,} of {total:,} identical" + (
        f" ({'; '.join(others)})" if others else ""
    )
    standby = ", a standby" if found.in_recovery else ""
    yield (
        f"planned here by PostgreSQL {found.here} at {found.clock[:10]}, "
        f"there by {found.there}{standby}"
    )
    if found.incomplete:
        yield from _wrapped(f"incomplete {found.incomplete}")
    if found.settings:
        differing = "; ".join(
            f"{name} {here} here, {there}" for name, here, there in found.settings
        )
        yield from _wrapped(f"settings that differ: {differing} there")
    for reason, count in sorted(found.unplanned.items(), key=lambda one: (-one[1], one[0])):
        yield from _wrapped(f"{count:,} not plannable: {reason}")


def _query(one: VerifiedQuery) -> Iterator[str]:
    from pytest_planguard.report import _text as words

    sql = textwrap.shorten(one.query.sql, WIDTH - len(one.query.key) - 2, placeholder=" …")
    yield words.clean(f"{one.query.key}  {sql}")
    origins = sorted({place.origin for place in one.query.places})
    if where := words.places(origins):
        yield f"  {words.clean(where)}"
    told: set[tuple[str, ...]] = set()
    for compared in one.comparisons:
        text = tuple(_comparison(compared))
        if text and text not in told:  # samples that differ alike are told once
            told.add(text)
            yield from text


def _comparison(compared: Comparison) -> Iterator[str]:
    from pytest_planguard.model.verification import Likeness

    if compared.likeness is Likeness.IDENTICAL:
        return
    yield f"  {compared.likeness.value}, {compared.here.sample.value} values"
    if compared.there is None:
        yield from _wrapped(f"there: {compared.refusal}", "    ")
    elif compared.likeness is Likeness.COST:
        yield from _plan("here and there", compared.here, compared.there)
    else:
        yield from _plan("here", compared.here)
        yield from _plan("there", compared.there)
    for reason in compared.reasons:
        yield from _wrapped(f"- {reason}", "    ", "      ")


def _plan(title: str, plan: Plan, other: Plan | None = None) -> Iterator[str]:
    from pytest_planguard.report import _text as words

    costs = f"{plan.cost:,.2f}" + (f" and {other.cost:,.2f}" if other is not None else "")
    yield f"    {title}: cost {costs}"
    yield from (f"      {words.clean(line)}" for line in plan.shape)


def _wrapped(text: str, first: str = "", rest: str | None = None) -> list[str]:
    from pytest_planguard.report import _text as words

    return textwrap.wrap(
        words.clean(text),
        WIDTH,
        initial_indent=first,
        subsequent_indent=first if rest is None else rest,
        break_long_words=False,
        break_on_hyphens=False,
    )
